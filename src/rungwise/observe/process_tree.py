"""Which processes are this server's? It, and all that descend from it, as Linux tells."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["process_tree"]


def process_tree(root: int | None = None, proc: Path = Path("/proc")) -> frozenset[int]:
    """Process ids, the root's among them; it alone where /proc tells no children."""
    open_, found = [os.getpid() if root is None else root], set[int]()
    while open_:
        pid = open_.pop()
        if pid not in found:
            found.add(pid)
            open_.extend(_children(proc / str(pid) / "task"))
    return frozenset(found)


def _children(tasks: Path) -> list[int]:
    told: list[int] = []
    try:
        for task in tasks.iterdir():
            told.extend(int(pid) for pid in (task / "children").read_text().split())
    except OSError:  # it has ended meanwhile, or this kernel does not tell
        return told
    return told
