"""Which artefact is in force, which ones were before it, and how does another take its place?

`FILE` is in force. `FILE.1` was before it, `FILE.2` before that one, at most `KEPT` of them; none
has the same bytes as the one in force. A file appears under its name only whole and synced, and
`FILE` is replaced by one rename: whatever breaks off between two steps, what was in force still is,
or the new one is. The next promotion, or rollback, clears up what was left. A folder of such a name
is none of ours: its number is passed over.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rungwise.errors import ConfigError

__all__ = ["KEPT", "Disk", "earlier", "promote"]

KEPT = 10
"""How many earlier ones are kept."""


class Disk:
    """What is asked of the file system, one step each. All raise OSError."""

    def write(self, path: Path, body: bytes, like: os.stat_result | None = None) -> None:
        """A file of these bytes, synced, with the mode and the time of another where given."""
        with path.open("wb") as file:
            file.write(body)
            file.flush()
            if like is not None:
                os.fchmod(file.fileno(), like.st_mode & 0o777)
                os.utime(file.fileno(), ns=(like.st_atime_ns, like.st_mtime_ns))
            os.fsync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def remove(self, path: Path) -> None:
        path.unlink()

    def sync(self, folder: Path) -> None:
        """So that the names of its files outlive a loss of power."""
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


_DISK = Disk()


def earlier(target: Path) -> dict[int, Path]:
    """Those that were in force before, by their number, the latest first."""
    found = {}
    for path in target.parent.glob("*"):
        number = path.name.removeprefix(f"{target.name}.")
        ours = path.name != number and number.isascii() and number.isdigit() and number[0] != "0"
        if ours and not path.is_dir():
            found[int(number)] = path
    return dict(sorted(found.items()))


def promote(body: bytes, target: Path, disk: Disk = _DISK) -> bool:
    """Put these bytes in force; False where they are already. Raises ConfigError where another
    promotion is under way, and OSError."""
    target = target.resolve()
    fresh = _beside(target, "new")
    with _alone(target):
        _clear(target, disk)
        before = target.read_bytes() if target.exists() else None
        if before == body:
            return False
        disk.write(fresh, body)
        if before is not None:
            _keep(target, before, disk)
            disk.sync(target.parent)
        disk.rename(fresh, target)
        disk.sync(target.parent)
        _clear(target, disk)
        disk.sync(target.parent)
    return True


def _keep(target: Path, body: bytes, disk: Disk) -> None:
    """A copy of what is in force becomes the first of the earlier ones."""
    old = _beside(target, "old")
    disk.write(old, body, target.stat())
    there = earlier(target)
    places = [_beside(target, number) for number in _free(target, len(there) + 1)]
    for path, place in zip(reversed(there.values()), reversed(places), strict=False):
        disk.rename(path, place)
    disk.rename(old, places[0])


def _free(target: Path, count: int) -> list[int]:
    """The lowest numbers that no folder has."""
    numbers = (n for n in itertools.count(1) if not _beside(target, n).is_dir())
    return list(itertools.islice(numbers, count))


def _clear(target: Path, disk: Disk) -> None:
    """Remove what a promotion that broke off left, those equal to what is in force, and those too
    many; close the gaps between the others."""
    for name in ("new", "old"):
        if (left := _beside(target, name)).exists():
            disk.remove(left)
    in_force = target.read_bytes() if target.exists() else None
    places = iter(_free(target, KEPT))
    for path in earlier(target).values():
        place = None if path.read_bytes() == in_force else next(places, None)
        if place is None:
            disk.remove(path)
        elif path != (here := _beside(target, place)):
            disk.rename(path, here)


def _beside(target: Path, name: int | str) -> Path:
    return target.with_name(f"{target.name}.{name}")


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """While nobody else promotes in this folder: the lock is the folder's, and ends with us."""
    number = os.open(target.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{target}: another promotion is under way; try again after it"
            ) from None
        yield
    finally:
        os.close(number)
