"""Which other processes does a measurement need? Started, waited for, and always stopped again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rungwise.errors import ConfigError

__all__ = ["Child", "child", "free_port"]

START_S = 420
"""Longer than any engine start seen, so that a slow machine is not taken for a broken one."""


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
                raise ConfigError(f"{self.log.stem} was not ready after {START_S} s")
            time.sleep(0.2)

    def wait_for(self, url: str) -> None:
        """Until a GET of `url` answers 200."""
        self.wait_until(lambda: _answers(url))

    def _last_line(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextmanager
def child(
    command: list[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run `command` with this environment and `environ`; it gets SIGTERM at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environ or {})},
        )
    try:
        yield Child(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
