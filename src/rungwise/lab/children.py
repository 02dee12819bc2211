"""Which other processes does a measurement need? Started, waited for, and always stopped again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rungwise.errors import ConfigError

__all__ = ["Child", "child", "free_port", "leaving_in_order"]

START_S = 420
"""Longer than any engine start seen, so that a slow machine is not taken for a broken one."""
STOP_S = 20


class Child:
    """A process that this one started, and the file that its output goes to."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Raises ConfigError when the process ends, or takes too long, before it is ready."""
        end = time.monotonic() + START_S
        while not ready():
            if self.process.poll() is not None:
                raise ConfigError(f"{self.log.stem} ended early: {self._last_line()}")
            if time.monotonic() > end:
                raise ConfigError(
                    f"{self.log.stem} was not ready after {START_S} s: {self._last_line()}"
                )
            time.sleep(0.2)

    def wait_for(self, url: str) -> None:
        """Until a GET of `url` answers 200."""
        self.wait_until(lambda: _answers(url))

    def _last_line(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextmanager
def child(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run `python -m` with `command`, in this environment and `environ`.

    At the end it gets SIGTERM, and what is left of it and of its own children is killed. Should
    this process be killed before, it ends by itself.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "rungwise.lab.tether", str(os.getpid()), *command],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environ or {})},
            process_group=0,  # a terminal's Ctrl-C is for this process, which then ends its own
        )
    try:
        yield Child(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def leaving_in_order() -> Iterator[None]:
    """While this lasts, SIGTERM and SIGHUP end the program as Ctrl-C does: every `with` is left,
    so that children are stopped and temporary folders removed. SystemExit carries 128 + signal.
    """

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        for other in before:  # one is enough: nothing may interrupt the leaving
            signal.signal(other, signal.SIG_IGN)
        raise SystemExit(128 + number)

    ends = (signal.SIGTERM, signal.SIGHUP)
    # what is ignored, as nohup does, stays so
    before = [number for number in ends if signal.getsignal(number) is signal.SIG_DFL]
    for number in before:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_DFL)


def free_port() -> int:
    """A loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False
