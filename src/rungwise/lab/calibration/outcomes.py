"""What do callers' outcomes in a ledger say of one tier's drafts?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rungwise.lab.calibration.recorded import Recorded
from rungwise.types import Attempt, Entry

__all__ = ["of_ledger"]


def of_ledger(
    entries: Iterable[Entry], tier: str, signals: Sequence[str]
) -> tuple[list[Recorded], int]:
    """The drafts of `tier` that were released unjudged (`read_pinned`, or `accept: checked`) and
    have an outcome; and how many more of these lack a reading of some signal.

    A draft that a threshold let go says nothing of those it kept, and one that the caller left
    before its end was not read whole: neither counts.
    """
    found, unread = [], 0
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
            found.append(
                Recorded(
                    step_type=entry.step_type.value,
                    readings=readings,
                    right=entry.outcome.right,
                )
            )
    return found, unread


def _readings(attempt: Attempt, signals: Sequence[str]) -> dict[str, float] | None:
    read = {reading.signal: reading.value for reading in attempt.readings}
    return {name: read[name] for name in signals} if set(signals) <= read.keys() else None
