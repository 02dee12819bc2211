"""What is said of answers and tasks, by whom, and what becomes of it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

from rungwise.types import Entry, Outcome, OutcomeSource

__all__ = ["Heard", "Saying", "believed", "weighed"]

_ORDER = {source: place for place, source in enumerate(get_args(OutcomeSource))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """An outcome, and of what: an answer by its id, or a task by the name that `by` gave it."""

    outcome: Outcome
    answer: str | None = None
    task: str | None = None
    by: str | None = None
    """Who says it; None: whose answer it is."""
    of_any: bool = False
    """Whether it may be said of others' answers: by the server itself, never over HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What became of a saying."""

    known: bool = True
    """Whether there is such an answer, or task, of theirs."""
    changed: bool = False
    """False where just this was said by this source before."""
    counted: bool = False
    entry: Entry | None = None
    """The answer, or the one step of the task, with what is believed of it now."""
    news: bool = False
    """Whether nothing was believed of it before. What is believed once is only replaced, so of an
    answer this is said once, to one of all the servers that hear of it."""


def believed(said: Mapping[str, Outcome]) -> Outcome | None:
    """Of what several sources say, the first in their order that counts."""
    counting = [outcome for outcome in said.values() if outcome.counted]
    return min(counting, key=lambda o: _ORDER.get(o.source, len(_ORDER)), default=None)


def weighed(before: Outcome | None, now: Outcome, *, room: bool) -> Outcome | None:
    """What this source says now, given what it said before; None where that stays as it is: said
    twice, or what does not count against what does. What counted goes on counting when it is
    mended, at its first time: it has its place in that day, and takes none of a later one. What is
    new counts where there is `room`."""
    if before is not None and _same(before, now):
        return None
    mended = before if before is not None and before.counted else None
    counts = now.counted and (room or mended is not None)
    if mended is not None and not counts:
        return None
    return replace(now, counted=counts, at=now.at if mended is None else mended.at)


def _same(one: Outcome, other: Outcome) -> bool:
    """Whatever the time, and whether or not it counts."""
    return replace(one, at=None, counted=True) == replace(other, at=None, counted=True)
