"""A server's processes are itself and all that descend from it."""

import os
import subprocess
import sys
from pathlib import Path

from rungwise.observe.process_tree import process_tree


def test_a_child_and_its_child_are_in_it() -> None:
    code = (
        "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', 'input()'],"
        " stdin=subprocess.PIPE); print(c.pid, flush=True); input(); c.communicate(b'x\\n')"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None and child.stdout is not None
    grandchild = int(child.stdout.readline())
    assert process_tree() >= {os.getpid(), child.pid, grandchild}
    child.communicate("x\n")
    assert not process_tree() & {child.pid, grandchild}


def test_without_proc_it_is_the_root_alone(tmp_path: Path) -> None:
    assert process_tree(7, tmp_path) == {7}
