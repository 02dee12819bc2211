"""How does a program that is not ours run as one of a measurement's children?

`python -m rungwise.lab.bench.outside PROGRAM ARGUMENT...` becomes it: signals reach it, and its
status is the child's.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Does not return. Raises OSError where there is no such program."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
