"""What is there to learn from? Recorded steps, or a ledger's entries, as examples with labels.

A ledger labels one rung of a step: the one whose draft the caller saw. Of the drafts that were
refused before it, the calibrated confidence is a soft label, of full weight: were it less, or none,
the drafts that were surer would speak for all. A draft that a check refused counts as wrong.

Callers do not label the answers of every rung equally often. Each step has the inverse of how often
answers of its rung are labelled as its weight (Horvitz and Thompson 1952), within bounds. What that
cannot mend: which answers of one rung are labelled, and what a rung that was never asked would have
said. A refused draft is never shown, so that no weight could make up for it; its soft label is as
good as its calibration.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from rungwise.lab.ladders.near_duplicates import grouped, joined
from rungwise.lab.ladders.rows import RecordedLadder, Row
from rungwise.lab.shares import MOST_SHARE, within_share
from rungwise.lab.training.fit import Example
from rungwise.policy.sketch import Sketch, sketch_of
from rungwise.types import Attempt, Entry, StepType

__all__ = ["MOST", "Examples", "of_entries", "of_ladder"]

MOST = 100_000
"""So many examples of a ledger are held, the latest: about 100 MB of sketches."""
_Held: TypeAlias = tuple[Example, float, str | None, str]
"""With when it was, its conversation and its tier."""
FAR = 4.0
"""A weight is at most so far from 1, up or down."""
SELECTED = (
    "a ledger's labels are selected: drafts that were given out are surer than the others, which "
    "are in by their calibrated confidence; rungs are compared on steps that climbed, the doubtful "
    "ones; steps recorded on every rung (`rungwise eval record`) are not selected"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Of a label, `True` or `False` is what somebody said, a number what a calibration did."""

    tiers: tuple[str, ...]
    """Lowest first."""
    items: tuple[Example, ...]
    source: str
    notes: tuple[str, ...] = ()
    """What was left out or assumed; to be told beside every figure."""
    left_out: tuple[str, ...] = ()
    """Those of the notes that say which entries teach nothing, and why."""
    days: tuple[str, str] | None = None
    """The first and the last one, UTC, of a ledger's entries."""


def of_ladder(ladder: RecordedLadder, progress: Callable[[], object]) -> Examples:
    items, named = [], []
    for row in ladder.rows:
        items.append(_of_row(row))
        named.append(None if row.group == row.id else row.group)
        progress()
    return Examples(
        tiers=ladder.tiers,
        items=_in_groups(items, grouped([item.sketch for item in items], named)),
        source=f"{ladder.name}, {len(items)} steps",
        notes=ladder.notes,
    )


def _of_row(row: Row) -> Example:
    results = row.tiers.items()
    return Example(
        sketch=sketch_of(row.chat),
        step_type=row.kind,
        group="",
        right={name: r.correct for name, r in results},
        sure={name: r.confidence for name, r in results if r.confidence is not None},
        tokens={name: r.output_tokens for name, r in results if r.output_tokens is not None},
        seconds={name: r.latency_ms / 1e3 for name, r in results if r.latency_ms is not None},
    )


def of_entries(
    entries: Iterable[Entry],
    tiers: Sequence[str],
    progress: Callable[[], object],
    most: int = MOST,
    *,
    most_share: float = MOST_SHARE,
    seed: int = 0,
) -> Examples:
    """One look at each entry, of which the latest `most` with labels are held; of a step type no
    key's are more than `most_share` of them, where several gave some."""
    held: deque[tuple[StepType, str, _Held]] = deque(maxlen=most)
    answered, left_out = Counter[str](), Counter[str]()
    labelled, seen = Counter[str](), 0
    for entry in entries:
        progress()
        seen += 1
        lack = _lack(entry, tiers)
        if entry.tier is not None and lack in (None, UNLABELLED):
            answered[entry.tier] += 1
        if lack is not None:
            left_out[lack] += 1
            continue
        assert entry.sketch is not None and entry.tier is not None
        try:
            sketch = Sketch.from_bytes(entry.sketch)
        except ValueError:
            left_out["have a sketch of another version"] += 1
            continue
        labelled[entry.tier] += 1
        example = _of_entry(entry, sketch, tiers)
        own = (example, entry.at, entry.conversation, entry.tier)
        held.append((entry.step_type, entry.caller, own))
    found, shared = within_share(list(held), most_share, seed)
    weights = _weights(answered, labelled)
    items = [replace(item, weight=weights[tier]) for item, _, _, tier in found]
    groups, chained = _groups(items, [conversation for _, _, conversation, _ in found])
    lacking = tuple(f"{count} entries {why}: left out" for why, count in left_out.items())
    return Examples(
        tiers=tuple(tiers),
        items=_in_groups(items, groups),
        source=f"ledger, {len(items)} labelled of {seen} entries",
        notes=(
            *lacking,
            *chained,
            *_notes(weights, dropped=labelled.total() - len(held)),
            *_shared(shared, most_share),
        ),
        left_out=lacking,
        days=_days([at for _, at, _, _ in found]),
    )


def _shared(dropped: int, most_share: float) -> tuple[str, ...]:
    if not dropped:
        return ()
    told = f"of a step type's labels one key gives {most_share:g} at most"
    return (f"{told}: {dropped} more are left out, by a draw",)


def _groups(
    items: Sequence[Example], conversations: Sequence[str | None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is nearly the same text, or of one conversation. Where conversations of recurring texts
    would join most steps into one group, of which none could be held back, the text alone counts,
    and a note says so."""
    alike = grouped([item.sketch for item in items], [None] * len(items))
    both = joined(alike, conversations)
    most, of_text = (max(Counter(groups).values(), default=0) for groups in (both, alike))
    if 2 * most <= len(items) or of_text == most:
        return both, ()
    told = (
        f"groups are of nearly the same text alone: conversations would join {most} of "
        f"{len(items)} steps; those of one conversation may stand on either side of a fold"
    )
    return alike, (told,)


def _days(times: Sequence[float]) -> tuple[str, str] | None:
    if not times:
        return None
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (min(times), max(times)))
    return first.isoformat(), last.isoformat()


UNLABELLED = "have no outcome"


def _lack(entry: Entry, tiers: Sequence[str]) -> str | None:
    """Why an entry teaches nothing; None where it does."""
    if entry.state != "answered" or entry.seen is None or entry.seen.state != "released":
        return "were not drafted and read to the end"
    if entry.seen.tier not in tiers:
        return "were answered by a rung that is not in the ladder"
    if entry.sketch is None:
        return "have no sketch (routing.keep_sketches)"
    return UNLABELLED if entry.outcome is None else None


def _of_entry(entry: Entry, sketch: Sketch, tiers: Sequence[str]) -> Example:
    """Only a draft that was given out was written to its end: it alone says what a draft uses."""
    assert entry.seen is not None
    seen = entry.seen
    drafts = [a for a in entry.attempts if a.role == "draft" and a.tier in tiers]
    return Example(
        sketch=sketch,
        step_type=entry.step_type,
        group="",
        right=_labels(entry, tiers),
        sure={a.tier: a.confidence.probability for a in drafts if a.confidence is not None},
        tokens={seen.tier: seen.usage.output},
        seconds={seen.tier: seen.ended_s - seen.started_s},
    )


def _labels(entry: Entry, tiers: Sequence[str]) -> dict[str, bool | float]:
    assert entry.outcome is not None and entry.tier is not None
    found: dict[str, bool | float] = {}
    for attempt in entry.attempts:
        if attempt.doubted and attempt.tier in tiers:
            soft = _soft(attempt)
            found |= {} if soft is None else {attempt.tier: soft}
    found[entry.tier] = entry.outcome.right
    return found


def _soft(attempt: Attempt) -> float | None:
    """P(the refused draft was acceptable). 0 where a check refused it: it was sure enough, or no
    number was asked of it."""
    if attempt.threshold is None:
        return 0.0
    if attempt.confidence is None:
        return None
    p = attempt.confidence.probability
    return p if p < attempt.threshold else 0.0


def _weights(answered: Mapping[str, int], labelled: Mapping[str, int]) -> dict[str, float]:
    """By the rung that answered: 1 / P(labelled), with 1 for the mean rung."""
    mean = sum(labelled.values()) / max(1, sum(answered.values()))
    return {
        tier: min(FAR, max(1 / FAR, mean * answered[tier] / count))
        for tier, count in labelled.items()
    }


def _notes(weights: Mapping[str, float], dropped: int) -> tuple[str, ...]:
    told = []
    if dropped:
        told.append(f"the {dropped} oldest labelled entries are left out")
    if len(weights) > 1:
        shown = ", ".join(f"{tier} {weight:.2f}" for tier, weight in sorted(weights.items()))
        told.append(f"weight of a step by its rung, for how often that is labelled: {shown}")
    return (*told, SELECTED)


def _in_groups(items: Sequence[Example], groups: Sequence[str]) -> tuple[Example, ...]:
    return tuple(replace(item, group=group) for item, group in zip(items, groups, strict=True))
