"""Which rungs do the owner's table and the caller's wish leave? A stretch of the ladder, less those
that the step type passes over."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rungs of the ladder, lowest first, where a step may be answered: neighbours, but for those
    between them that the step type passes over.

    `start` is one of `rungs`, the one that the table begins at; those below it are there for
    whoever foresees that they will do.
    """

    rungs: tuple[str, ...]
    start: str
    reach: tuple[str, ...]
    """Every rung that may be shown the request; see types.Plan."""
    why: tuple[str, ...] = ()

    def above(self, rung: str) -> tuple[str, ...]:
        """This rung and those above it."""
        return self.rungs[self.rungs.index(rung) :]

    @property
    def usual(self) -> tuple[str, ...]:
        """The rungs from the table's start on."""
        return self.above(self.start)

    def raised(self, rung: str) -> str:
        """The next rung above, or the highest where it is that already."""
        place = self.rungs.index(rung)
        return self.rungs[min(place + 1, len(self.rungs) - 1)]
