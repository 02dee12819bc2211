"""How does a program that is not ours run as one of a measurement's children?

`python -m rungwise.lab.bench.outside PROGRAM ARGUMENT...` starts it, passes SIGTERM on to it, and
ends with its status.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from types import FrameType

__all__ = ["main"]


def main() -> int:
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)

    def pass_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
