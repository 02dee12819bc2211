"""Which programs of others do tests start, and what if one is not here?

They are Debian's packages, brought by scripts/outside. A server is started once a session, on
loopback, and ended by its id.

RUNGWISE_TEST_REQUIRE   "postgres,redis,prometheus,chromium": their absence fails a test instead of
                        leaving it out
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

__all__ = ["folder", "free_port", "leave_out", "program", "running"]

PATIENCE_S = 30.0
"""A server that takes this long to start never will."""


def program(kind: str, file: str, package: str) -> str:
    """Where it is; else the test that asks is left out, or fails, as RUNGWISE_TEST_REQUIRE says."""
    found = shutil.which(file)
    if found is None:
        leave_out(kind, f"no {file}: install Debian's package {package}")
    return found


class _LeftOut(pytest.skip.Exception):
    """All tests that one missing program leaves out share a line, which pytest would rather write
    for each of them."""

    _use_item_location = property(lambda _: False, lambda _, __: None)  # type: ignore[assignment]


def leave_out(kind: str, said: str) -> NoReturn:
    """Skip the test, or fail it where the suite must be whole."""
    if kind in os.environ.get("RUNGWISE_TEST_REQUIRE", "").split(","):
        pytest.fail(said, pytrace=False)
    raise _LeftOut(said)


@contextmanager
def folder(whom: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """Not pytest's, whose parents only their owner may enter; a socket's name must be short too.
    `whom`: whose it is, as subprocess names a user."""
    made = Path(tempfile.mkdtemp(prefix="rungwise-test-"))
    try:
        if whom:
            os.chown(made, whom["user"], whom["group"])
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def running(
    command: Sequence[str | Path],
    home: Path,
    answers: Callable[[], bool],
    whom: Mapping[str, Any] | None = None,
) -> Iterator[None]:
    """One server while the block lasts."""
    said = home / "said"
    with said.open("wb") as out:
        server = subprocess.Popen(
            command, cwd=home, stdout=out, stderr=out, stdin=subprocess.DEVNULL, **(whom or {})
        )
    try:
        end = time.monotonic() + PATIENCE_S
        while not answers():
            alive = server.poll() is None and time.monotonic() < end
            assert alive, f"{command[0]}: {said.read_text(errors='replace')[-2000:]}"
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
