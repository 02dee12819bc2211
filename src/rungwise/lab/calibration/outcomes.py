"""What do callers' outcomes in a ledger say of one tier's drafts?"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from rungwise.lab.calibration.recorded import Recorded
from rungwise.lab.shares import MOST_SHARE, within_share
from rungwise.types import Attempt, Entry

__all__ = ["Labels", "of_ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    items: list[Recorded]
    unread: int = 0
    """How many more lack a reading of some signal."""
    dropped: int = 0
    """How many more were beyond their key's share."""


def of_ledger(
    entries: Iterable[Entry],
    tier: str,
    signals: Sequence[str],
    *,
    most_share: float = MOST_SHARE,
    seed: int = 0,
) -> Labels:
    """The drafts of `tier` that were released unjudged (`read_pinned`, or `accept: checked`) and
    have an outcome: of a step type no key's are more than `most_share`, where several gave some.

    A draft that a threshold let go says nothing of those it kept, and one that the caller left
    before its end was not read whole: neither counts.
    """
    found: list[tuple[Hashable, str, Recorded]] = []
    unread = 0
    for entry in entries:
        if entry.outcome is None:
            continue
        for attempt in entry.attempts:
            unjudged = attempt.role == "draft" and attempt.threshold is None
            if attempt.tier != tier or attempt.state != "released" or not unjudged:
                continue
            readings = _readings(attempt, signals)
            if readings is None:
                unread += 1
                continue
            kind, right = entry.step_type.value, entry.outcome.right
            label = Recorded(step_type=kind, readings=readings, right=right)
            found.append((kind, entry.caller, label))
    items, dropped = within_share(found, most_share, seed)
    return Labels(items=items, unread=unread, dropped=dropped)


def _readings(attempt: Attempt, signals: Sequence[str]) -> dict[str, float] | None:
    read = {reading.signal: reading.value for reading in attempt.readings}
    return {name: read[name] for name in signals} if set(signals) <= read.keys() else None
