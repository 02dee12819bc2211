"""How does a program end with the one that started it, even if that one is killed?

`python -m rungwise.lab.tether PID MODULE ARGUMENT...` runs MODULE as `python -m MODULE` would, and
sends itself SIGTERM once PID is no longer its parent.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time
from threading import Thread

__all__ = ["main"]

POLL_S = 0.5


def main() -> None:
    parent, module = int(sys.argv[1]), sys.argv[2]
    Thread(target=_watch, args=(parent,), daemon=True).start()
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(parent: int) -> None:
    while os.getppid() == parent:  # nothing tells of a parent's death
        time.sleep(POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
