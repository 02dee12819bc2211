"""How does a model come whole into a folder? Refused first, then had, checked, and sealed last."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rungwise.errors import ConfigError
from rungwise.weights import manifest
from rungwise.weights.digests import sealed
from rungwise.weights.hub import free_bytes
from rungwise.weights.manifest import Fetched, Sealed
from rungwise.weights.picking import first, rest
from rungwise.weights.sound import altered, faults
from rungwise.weights.sources import Advance, Listed, Listing, Sought, Source, is_commit

__all__ = ["Plan", "Say", "carry_out", "check_room", "plan", "sized"]

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be had; `listing` is None where all of it is there and sound."""

    sought: Sought
    folder: Path
    listing: Listing | None = None
    files: tuple[Listed, ...] = ()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def lacking(self) -> int:
        """Bytes that are not in the folder yet."""
        there = sum(min(file.size, _size(self.folder, file)) for file in self.files)
        return self.size - there


def plan(source: Source, sought: Sought, to: Path, *, say: Say) -> Plan:
    """Finds the revision, has the few files that say what it is, and refuses what could not be
    served. Raises ConfigError."""
    folder = to / sought.repository
    held = _held(folder)
    if held is not None and not _branch(sought):
        _check_same(folder, held, sought.revision, sought)
        say(f"{sought.repository}: is in {folder}; checking its hashes")
        if not [*faults(folder), *altered(folder)]:
            return Plan(sought=sought, folder=folder)
    listing = source.listing(sought)
    if held is not None:
        _check_same(folder, held, listing.commit, sought)
    for note in (*_unpinned(sought, listing), *listing.notes):
        say(f"note: {note}")
    for file in first(listing):
        _have(source, sought, listing, file, folder, _nobody)
    return Plan(sought=sought, folder=folder, listing=listing, files=rest(listing, folder))


def check_room(plans: Sequence[Plan], to: Path) -> None:
    """Raises ConfigError where the disk would be full before the end."""
    needed, free = sum(one.lacking for one in plans), free_bytes(to)
    if free is not None and free < needed:
        raise ConfigError(
            f"{to} has {sized(free)} free, and {sized(needed)} are needed; free some, or name "
            "another disk with --to"
        )


def carry_out(source: Source, plan: Plan, *, say: Say, advance: Advance) -> None:
    """Every file checked by size and hash, the manifest last: without it nothing is complete.
    Raises ConfigError; what was had is kept, and the next run goes on from there."""
    if plan.listing is None:
        return
    folder, files = plan.folder, {}
    (folder / manifest.MANIFEST).unlink(missing_ok=True)
    for number, file in enumerate(plan.files, 1):
        files[file.name] = _have(source, plan.sought, plan.listing, file, folder, advance)
        say(f"  {file.name}: {sized(file.size)}, {number} of {len(plan.files)}")
    for left in folder.glob("*.part"):
        left.unlink()
    for found, mend in faults(folder):
        raise ConfigError(f"{found}; {mend}")
    told = Fetched(repository=plan.sought.repository, revision=plan.listing.commit, files=files)
    with _writing(folder):
        manifest.write(folder, told)


def _have(
    source: Source, sought: Sought, listing: Listing, file: Listed, folder: Path, advance: Advance
) -> Sealed:
    """The file is there and right, or becomes so. Raises ConfigError."""
    target = folder / file.name
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if target.is_file() and (found := sealed(target, file)) is not None:
            advance(file.size)
            return found
        part = _part(folder, file)
        with part.open("ab") as claimed:
            _claim(claimed.fileno(), part)
            if not (file.sha256 or file.blob) or claimed.tell() > file.size:
                claimed.truncate(0)  # nothing says of which file these bytes are
            advance(part.stat().st_size)
            source.copy(sought, listing, file, part, advance)
            os.fsync(claimed.fileno())
            if (had := sealed(part, file)) is None:
                part.unlink()
                raise ConfigError(
                    f"{file.name} of {listing.where} has not the size and hash that are told of "
                    "it; what came was removed: run it again, or take another mirror"
                )
            part.replace(target)
    return had


def _claim(number: int, part: Path) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(number), part.stat()):
            raise BlockingIOError
    except (BlockingIOError, FileNotFoundError):  # or it was, and has just been moved away
        raise ConfigError(f"{part} is being written by another run; wait for it") from None


def _part(folder: Path, file: Listed) -> Path:
    """Named by its hash too: a part of another revision is no beginning of this one."""
    tag = (file.sha256 or file.blob or "")[:8]
    return folder / f"{file.name}.{tag}.part" if tag else folder / f"{file.name}.part"


def _size(folder: Path, file: Listed) -> int:
    for path in (folder / file.name, _part(folder, file)):
        if path.is_file():
            return path.stat().st_size
    return 0


def _held(folder: Path) -> Fetched | None:
    try:
        return manifest.read(folder)
    except ConfigError:  # it says nothing: what is there is looked at file by file
        return None


def _branch(sought: Sought) -> bool:
    """Whether it must be asked which commit that is now."""
    return sought.revision is not None and not is_commit(sought.revision)


def _check_same(folder: Path, held: Fetched, revision: str | None, sought: Sought) -> None:
    known = held.revision is not None and revision is not None
    if held.repository not in (None, sought.repository) or (known and held.revision != revision):
        raise ConfigError(
            f"{folder} holds {held.repository} at {held.revision}, and {revision} is wanted; name "
            "another folder with --to, or remove that one"
        )


def _unpinned(sought: Sought, listing: Listing) -> tuple[str, ...]:
    if sought.revision is None and listing.commit is not None:
        return (
            f"{sought.repository} is not pinned: this is {listing.commit}, which "
            f"{manifest.MANIFEST} will say; name it with --revision to have the same again",
        )
    if _branch(sought) and listing.commit is not None:
        return (f"{sought.repository}: {sought.revision} is {listing.commit} now",)
    return ()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What the disk refuses, as one line."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder}: {error.strerror or error}; free some disk, or name "
            "another folder with --to"
        ) from None


def _nobody(count: int) -> None:
    """Of the few files that are had before the rest nobody is told."""


def sized(count: int) -> str:
    """Bytes, for people."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
