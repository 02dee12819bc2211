"""A program that is not ours ends when it is told to, and tells how it ended."""

import signal
import subprocess
import sys

OUTSIDE = [sys.executable, "-m", "rungwise.lab.bench.outside"]


def test_its_status_is_passed_on() -> None:
    assert subprocess.run([*OUTSIDE, "/bin/sh", "-c", "exit 7"]).returncode == 7


def test_sigterm_reaches_it() -> None:
    waits = "trap 'echo ended; exit 3' TERM; echo up; while :; do sleep 0.05; done"
    process = subprocess.Popen([*OUTSIDE, "/bin/sh", "-c", waits], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as told:
        assert told.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert told.readline() == b"ended\n"
    assert process.wait(10) == 3
