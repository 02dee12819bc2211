"""Do an engine's processes log into its file, and does this process stay as it was?"""

from __future__ import annotations

import json
import logging
import logging.config
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rungwise.tiers.local import vllm_processes as processes
from rungwise.tiers.local.engine_log import EngineLog
from rungwise.tiers.local.lasted import Lasted

PATH = "VLLM_LOGGING_CONFIG_PATH"


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (PATH, "VLLM_LOGGING_LEVEL", "VLLM_LOGGING_STREAM", "VLLM_CONFIGURE_LOGGING"):
        monkeypatch.delenv(name, raising=False)
    here = logging.getLogger("vllm")
    before = here.handlers[:], here.level, here.propagate
    here.handlers[:], here.propagate = [], True  # else pytest listens there itself
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
        log = opened(tmp_path)
        log.path.write_text(text)
        log.close()
    log = opened(tmp_path)
    assert log.text() == ""
    assert (tmp_path / "tier1.log.1").read_text() == "second\n"
    log.path.unlink()
    assert log.news() == []
    assert log.text() == ""


def test_the_log_of_a_death_outlives_the_starts_after_it(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.path.write_text("died of it\n")
    log.keep()
    assert log.text() == "died of it\n"
    log.close()
    for _ in range(3):
        opened(tmp_path).close()
    assert (tmp_path / "died/tier1.log").read_text() == "died of it\n"


def test_a_log_that_is_gone_cannot_be_kept_and_nothing_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = opened(tmp_path)
    log.path.unlink()
    log.keep()
    assert "not kept" in caplog.text


def test_two_servers_on_one_folder_log_apart(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.path.write_text("the first's\n")
    second = opened(tmp_path)
    assert second.path == tmp_path / "2/tier1.log"
    assert (first.text(), second.text()) == ("the first's\n", "")
    assert first.environment != second.environment
    first.close()
    third = opened(tmp_path)
    assert third.path == tmp_path / "tier1.log"
    assert second.path.exists()


def test_a_server_that_was_killed_keeps_no_log_from_others(tmp_path: Path) -> None:
    held = (
        "import sys, time\nfrom pathlib import Path\n"
        "from rungwise.tiers.local.engine_log import EngineLog\n"
        "log = EngineLog.opened(Path(sys.argv[1]), 'tier1')\n"
        "print('held', flush=True)\ntime.sleep(60)\n"
    )
    command = [sys.executable, "-c", held, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdout.readline() == "held\n"
        assert opened(tmp_path).path == tmp_path / "2/tier1.log"
        server.kill()
    assert opened(tmp_path).path == tmp_path / "tier1.log"


def test_no_tiers_name_leads_to_a_file_of_anothers(tmp_path: Path) -> None:
    names = ("a", "a.log", "a.log.1", "a.logging", "a.died", "2", "died", "logging", "locks")
    logs = []
    for name in names:
        log = EngineLog.opened(tmp_path, name)
        assert log is not None
        Lasted(total_s=1).write(tmp_path / f"{name}.json")
        log.path.write_text(name)
        logs.append(log)
    for name, log in zip(names, logs, strict=True):
        log.keep()
        assert log.text() == name
        told = json.loads(Path(log.environment[PATH]).read_text())
        assert told["handlers"]["file"]["filename"] == str(tmp_path / f"{name}.log")
        assert Lasted.read(tmp_path / f"{name}.json").total_s == 1
