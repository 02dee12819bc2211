"""`rungwise demo` around its engines: what it refuses, and that it leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rungwise.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--steps", "0"), "--steps: must be 1 or more, not 0"),
        (("--concurrency", "0"), "--concurrency: must be 1 or more, not 0"),
        (("--config", "none.yaml"), "none.yaml: not found; run this in a checkout"),
    ],
)
def test_a_faulty_option_is_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *arguments]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert said in told


def test_without_its_models_it_says_how_to_make_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "configs").mkdir()
    config = tmp_path / "configs/demo.yaml"
    config.write_text((ROOT / "configs/demo.yaml").read_text())
    assert main(["demo", "--config", str(config)]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert "no model there; run scripts/train-demo-models" in told


@pytest.fixture
def starting(tmp_path: Path, usual_signals: None) -> Iterator[subprocess.Popen[str]]:
    """The demo, both of whose processes have begun to start, with `tmp_path` for its folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rungwise", "demo", "--port", "0", "--once"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with process:
        assert process.stdout is not None
        said = process.stdout.readline() + process.stdout.readline()
        assert "stand-in" in said and "server" in said
        try:
            yield process
        finally:
            process.kill()


def children_of(folder: Path) -> list[str]:
    """The command lines of processes that know this folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_ends_its_processes(
    starting: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    until(lambda: len(children_of(tmp_path)) == 2)
    starting.send_signal(number)
    status = starting.wait(timeout=60)
    until(lambda: not children_of(tmp_path))
    if number is not signal.SIGKILL:
        assert status == 128 + number
        assert list(tmp_path.iterdir()) == []
