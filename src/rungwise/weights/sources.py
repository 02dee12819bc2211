"""From where do models come? What a hub and a folder of copies have in common."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

__all__ = ["Advance", "Listed", "Listing", "Sought", "Source", "is_commit"]

Advance: TypeAlias = Callable[[int], None]
"""Told of each so many bytes; of fewer than none where some have to be had again."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_commit(revision: str | None) -> bool:
    return revision is not None and _COMMIT.fullmatch(revision) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """One model, and which state of it."""

    repository: str
    revision: str | None
    """None: what its main branch is now."""
    pinned: bool = False
    """By its card, and not by who asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file as its source tells of it. A hash that is None is not known there."""

    name: str
    size: int
    sha256: str | None = None
    blob: str | None = None
    """What git calls it: SHA-1 of `blob SIZE`, a zero byte, and the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source holds of a repository at one commit."""

    where: str
    """The repository and its place, in words."""
    commit: str | None
    """None where the source does not tell it."""
    files: tuple[Listed, ...]
    notes: tuple[str, ...] = field(default=())

    def named(self, name: str) -> Listed | None:
        return next((file for file in self.files if file.name == name), None)


class Source(Protocol):
    """Raises ConfigError, in one line with its mend, for whatever cannot be had."""

    def listing(self, sought: Sought) -> Listing: ...

    def copy(
        self, sought: Sought, listing: Listing, file: Listed, part: Path, advance: Advance
    ) -> None:
        """Append to `part` what it lacks of the file; what was had is kept on any failure."""
        ...
