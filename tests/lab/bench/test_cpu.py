"""The processor time of a process, and apart that of everything below it."""

import subprocess
import sys
import time

from rungwise.lab.bench.cpu import Cpu, cpu_of

BURN = "import sys\nwhile True: sum(range(10**5))"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {BURN!r}])
print(child.pid, flush=True)
sys.stdin.read()
child.kill()
child.wait()
"""


def test_a_child_counts_as_the_engine_and_not_as_the_server() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        first = cpu_of(parent.pid)
        assert first is not None
        used = Cpu(0.0, 0.0)
        while used.engine_s < 0.05:
            time.sleep(0.02)
            now = cpu_of(parent.pid)
            assert now is not None
            used = now.since(first)
        assert used.server_s < used.engine_s, "it only waits"
        parent.communicate(b"")
    assert cpu_of(parent.pid) is None, "it is gone"
