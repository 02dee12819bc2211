"""Do an engine's processes find what they are to find, and does this one stay as it was?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rungwise.tiers.local import vllm_processes as processes

WARNS = """
import warnings
warnings.warn_explicit("leaked", UserWarning, "tracker", 1, "multiprocessing.resource_tracker")
warnings.warn_explicit("else", UserWarning, "mine", 1, "mine")
"""


def warned() -> str:
    run = subprocess.run([sys.executable, "-c", WARNS], capture_output=True, text=True, check=True)
    return run.stderr


def test_use_is_reported_to_nobody_whatever_the_owner_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VLLM_NO_USAGE_STATS", "HF_HUB_DISABLE_TELEMETRY", "VLLM_LOGGING_LEVEL"):
        monkeypatch.setenv(name, "0")
    processes.prepare()
    assert os.environ["VLLM_NO_USAGE_STATS"] == os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert os.environ["VLLM_LOGGING_LEVEL"] == "0"


def test_a_ctrl_c_is_kept_from_what_is_made_and_not_from_this_process() -> None:
    def blocked() -> bool:
        return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())

    with processes.making_processes({}):
        assert blocked()
    assert not blocked()


def test_what_python_cleans_up_after_an_engine_is_no_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    assert "leaked" in warned()
    with processes.making_processes({}):
        told = warned()
    assert "leaked" not in told
    assert "else" in told
    assert "PYTHONWARNINGS" not in os.environ


def test_what_the_owner_wants_of_warnings_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "ignore::UserWarning:mine")
    with processes.making_processes({}):
        assert warned() == ""
    assert os.environ["PYTHONWARNINGS"] == "ignore::UserWarning:mine"


def test_processes_are_told_where_to_log_by_a_file() -> None:
    assert processes.logs_as(Path("/engines/x.json")) == {
        "VLLM_LOGGING_CONFIG_PATH": "/engines/x.json"
    }
