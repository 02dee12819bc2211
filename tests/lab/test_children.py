"""Whatever happens to the one that started it, a child does not stay behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.lab.children import child, free_port, leaving_in_order

PARENT = """
import sys, tempfile, time
from pathlib import Path
from rungwise.lab.children import child, leaving_in_order
folder, module = sys.argv[1:]
with leaving_in_order(), tempfile.TemporaryDirectory(dir=folder) as own:
    with child([module], Path(own) / "log", {"PYTHONPATH": folder}) as running:
        running.wait_until(Path(folder, "pids").exists)
        print("ready", flush=True)
        time.sleep(60)
"""
FAMILY = """
import os, signal, subprocess, sys, time
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open("{folder}/fresh", "w") as file:
    file.write(f"{{os.getpid()}} {{own.pid}}")
os.rename("{folder}/fresh", "{folder}/pids")
time.sleep(60)
"""


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """A folder with the module `family`, which starts a child and waits."""
    (tmp_path / "family.py").write_text(FAMILY.format(folder=tmp_path))
    return tmp_path


def pids(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.05)


def test_a_child_is_waited_for_and_ends_with_the_block(tmp_path: Path) -> None:
    port = free_port()
    served = ["http.server", "--bind", "127.0.0.1", str(port)]
    with child(served, tmp_path / "log") as running:
        running.wait_for(f"http://127.0.0.1:{port}/")
        assert running.process.poll() is None
    assert running.process.returncode == -signal.SIGTERM


def test_its_own_children_end_too(family: Path) -> None:
    with child(["family"], family / "log", {"PYTHONPATH": str(family)}) as running:
        running.wait_until((family / "pids").exists)
        assert all(alive(pid) for pid in pids(family))
    until(lambda: not any(alive(pid) for pid in pids(family)))


def test_a_child_that_ends_early_says_why(tmp_path: Path) -> None:
    with (
        child(["rungwise", "serve", "--config", "none.yaml"], tmp_path / "serve.log") as running,
        pytest.raises(ConfigError, match=r"^serve ended early: rungwise: none\.yaml"),
    ):
        running.wait_until(lambda: False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_a_parent_that_is_ended(
    family: Path, number: signal.Signals, usual_signals: None
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(family), "family"], stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
        parent.send_signal(number)
        ended = parent.wait(timeout=30)
    running, _ = pids(family)
    until(lambda: not alive(running))
    if number is not signal.SIGKILL:
        assert ended == 128 + number
        left = [path.name for path in family.iterdir() if path.is_dir()]
        assert set(left) <= {"__pycache__"}
    for pid in pids(family):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_one_signal_is_enough_and_afterwards_all_is_as_before(usual_signals: None) -> None:
    with pytest.raises(SystemExit) as ended, leaving_in_order():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGHUP)
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_what_nohup_ignores_stays_ignored(usual_signals: None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with leaving_in_order():
        signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_what_is_not_ready_in_time_is_told_with_what_it_said_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\nprint('still warming', flush=True)\ntime.sleep(60)"
    )
    monkeypatch.setattr("rungwise.lab.children.START_S", 0.5)
    log = tmp_path / "slow.log"
    with child(["slow"], log, {"PYTHONPATH": str(tmp_path)}) as running:
        running.wait_until(lambda: "warming" in log.read_text())
        with pytest.raises(ConfigError, match=r"slow was not ready after 0\.5 s: still warming"):
            running.wait_until(lambda: False)
