"""Do an engine's processes log into its file, and does this process stay as it was?"""

from __future__ import annotations

import json
import logging
import logging.config
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rungwise.tiers.local import vllm_processes as processes
from rungwise.tiers.local.engine_log import EngineLog

PATH = "VLLM_LOGGING_CONFIG_PATH"


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (PATH, "VLLM_LOGGING_LEVEL", "VLLM_LOGGING_STREAM", "VLLM_CONFIGURE_LOGGING"):
        monkeypatch.delenv(name, raising=False)
    here = logging.getLogger("vllm")
    before = here.handlers[:], here.level, here.propagate
    here.handlers[:] = []
    yield
    here.handlers[:], here.propagate = before[0], before[2]
    here.setLevel(before[1])


def opened(folder: Path) -> EngineLog:
    log = EngineLog.opened(folder, "tier1")
    assert log is not None
    return log


def test_processes_that_are_made_log_from_info_into_the_file_and_warn_on_the_console(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = opened(tmp_path)
    with processes.making_processes(log.environment):
        # as vLLM does it when it is imported
        logging.config.dictConfig(json.loads(Path(os.environ[PATH]).read_text()))
        logging.getLogger("vllm.config").info("resolved")
        logging.getLogger("vllm.config").warning("oddly")
    assert [line.split(" ", 3)[3] for line in log.news()] == [
        "INFO vllm.config: resolved",
        "WARNING vllm.config: oddly",
    ]
    shown = capsys.readouterr().err
    assert "WARNING vllm.config tier1: oddly" in shown
    assert "resolved" not in shown


def test_afterwards_the_environment_and_this_processs_lines_are_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = opened(tmp_path)
    with processes.making_processes(log.environment):
        logging.config.dictConfig(json.loads(Path(os.environ[PATH]).read_text()))
    assert PATH not in os.environ
    here = logging.getLogger("vllm")
    here.info("a request")
    here.warning("a bad request")
    assert log.news() == []
    shown = capsys.readouterr().err
    assert "a bad request" in shown
    assert "tier1" not in shown
    assert "a request" not in shown.replace("a bad request", "")


def test_an_error_that_is_raised_meanwhile_leaves_all_as_before() -> None:
    with pytest.raises(ValueError, match="none"), processes.making_processes({PATH: "here"}):
        raise ValueError("none")
    assert PATH not in os.environ
    with processes.making_processes({PATH: "there"}):
        assert os.environ[PATH] == "there"


@pytest.mark.parametrize(
    ("name", "value"), [(PATH, "/owners.json"), ("VLLM_CONFIGURE_LOGGING", "0")]
)
def test_what_the_owner_told_vllm_of_its_log_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert EngineLog.opened(tmp_path, "tier1") is None
    assert list(tmp_path.iterdir()) == []


def test_the_console_shows_what_the_owner_wants_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "debug")
    monkeypatch.setenv("VLLM_LOGGING_STREAM", "ext://sys.stdout")
    told = processes.logging_to(tmp_path / "tier1.log", "tier1")
    assert told["handlers"]["console"]["level"] == "DEBUG"
    assert told["handlers"]["console"]["stream"] == "ext://sys.stdout"
    assert told["loggers"]["vllm"]["level"] == "DEBUG"


def test_a_log_is_begun_anew_and_the_last_one_is_kept(tmp_path: Path) -> None:
    for text in ("first\n", "second\n"):
        opened(tmp_path).path.write_text(text)
    log = opened(tmp_path)
    assert log.text() == ""
    assert (tmp_path / "tier1.log.1").read_text() == "second\n"
    log.path.unlink()
    assert log.news() == []
    assert log.text() == ""
