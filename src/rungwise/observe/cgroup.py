"""How much memory may this process use? What its cgroup allows: of a container, or of a service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["allowed"]

V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def allowed(root: Path = Path("/")) -> Iterator[tuple[int, int]]:
    """The limit and what is free of it, in bytes, for the cgroup of this process and each above it
    that has a limit. Files that it keeps in memory, and could drop, count as free."""
    for folder, (limit, used, droppable) in _folders(root):
        most = _number(folder / limit)
        if most is None:
            continue
        held = (_number(folder / used) or 0) - _droppable(folder / "memory.stat", droppable)
        yield most, max(0, most - max(0, held))


def _folders(root: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """In a container its own cgroup is the root, whatever /proc says: that is looked at too."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, kinds, path = (*line.split(":", 2), "", "")[:3]
        if number == "0" and not kinds:
            top, names = root / "sys/fs/cgroup", V2
        elif "memory" in kinds.split(","):
            top, names = root / "sys/fs/cgroup/memory", V1
        else:
            continue
        for part in (PurePosixPath(path), *PurePosixPath(path).parents):
            yield top / str(part).lstrip("/"), names


def _number(file: Path) -> int | None:
    """None where it is not told, or no limit ("max")."""
    told = _text(file).strip()
    return int(told) if told.isdecimal() else None


def _droppable(file: Path, name: str) -> int:
    rows = (line.split() for line in _text(file).splitlines())
    return next((int(row[1]) for row in rows if len(row) == 2 and row[0] == name), 0)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
