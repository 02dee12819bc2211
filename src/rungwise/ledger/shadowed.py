"""What would a shadow's plan have come to, as far as an entry tells?

Its rungs are walked from the first one on. A rung that was drafted here would have drafted the same
there, at the same cost. It is judged by the confidence that was read of it and what the shadow asks
of that rung; what a check or paid evidence refused here is refused there. The shadow's last rung is
not judged. At the first rung that nobody asked, or whose draft was stopped here and would not have
been there, the walk can only be estimated: see ledger/shadows.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rungwise.types import STOPPED_EARLY, Attempt, Bar, Entry, Shadow

__all__ = ["Basis", "Course", "Start", "course", "start"]

Basis: TypeAlias = Literal["recorded", "estimated", "unknown"]
Start: TypeAlias = Literal["same", "lower", "higher", "elsewhere"]

_GIVEN = ("released", "left", "broken_off", "recalled")
_DRAFTED = (*_GIVEN, "abandoned", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Nano-dollars of one entry's shadow; of the basis `unknown` none of it means anything."""

    basis: Basis
    """recorded: it would have led to the very draft that was given here."""
    known_nano: int = 0
    asked: str = ""
    """The first rung that nobody asked, if it would have been asked there."""
    priced: bool = True
    """Whether its draft is in `known_nano`: priced for the tokens of the answer that was given."""
    beyond: str = ""
    """The rung that its refusal would have led to; empty where it could not be refused."""
    rest_nano: int = 0
    """What that rung's draft would have cost."""
    rest_priced: bool = True
    """Whether that is known from here."""


UNKNOWN = Course(basis="unknown")


def start(live: Sequence[str], shadow: Sequence[str], ladder: Sequence[str]) -> Start:
    """Where the shadow starts, seen from the live plan; `ladder` from the lowest rung up. Without
    it, what the plans themselves say of the order."""
    if not live or not shadow:
        return "elsewhere"
    here, there = live[0], shadow[0]
    if here == there:
        return "same"
    if here in ladder and there in ladder:
        return "higher" if ladder.index(there) > ladder.index(here) else "lower"
    if there in live:
        return "higher"
    return "lower" if here in shadow else "elsewhere"


def course(entry: Entry, shadow: Shadow) -> Course:
    """Unknown where nobody was answered, or a price is not known."""
    if entry.state != "answered" or entry.cost_nano is None or not shadow.rungs:
        return UNKNOWN
    if entry.seen is not None and entry.seen.state == "recalled":
        return Course(basis="recorded")  # before anybody planned to ask
    drafts, evidence = _drafts(entry)
    known = 0
    for place, rung in enumerate(shadow.rungs):
        last = place == len(shadow.rungs) - 1
        draft = drafts.get(rung)
        if draft is None:
            beyond = "" if last else shadow.rungs[place + 1]
            return _estimated(entry, rung, known, beyond, drafts.get(beyond))
        leaves = _leaves(draft, None if last else shadow.bar(rung), last=last)
        if leaves and draft.state == "abandoned" and draft.reason.startswith(STOPPED_EARLY):
            return _estimated(entry, rung, known)
        known += (draft.cost_nano or 0) + (0 if last else evidence.get(rung, 0))
        if leaves and draft.state == "abandoned":
            return Course(basis="estimated", known_nano=known, asked=rung)
        if leaves:
            return Course(basis="recorded", known_nano=known)
    return UNKNOWN  # all of its rungs failed, or had too much to do


def _leaves(draft: Attempt, bar: Bar | None, *, last: bool) -> bool:
    """Whether the shadow would have given this draft out."""
    if draft.state not in (*_GIVEN, "abandoned"):
        return False
    if last:
        return True
    given, sure = draft.state in _GIVEN, draft.confidence
    if bar is None or sure is None or draft.threshold is None:
        return given
    if not given and sure.probability >= draft.threshold:
        return False  # sure enough: something else spoke against it
    asked = bar.confidence if bar.waives else max(bar.confidence, draft.threshold)
    return sure.probability >= asked


def _estimated(
    entry: Entry, rung: str, known: int, beyond: str = "", draft: Attempt | None = None
) -> Course:
    """`draft`: the one of `beyond`, where one was made."""
    own, rest = _baseline(entry, rung), _baseline(entry, beyond)
    if draft is not None and draft.state in _GIVEN:
        rest = draft.cost_nano
    return Course(
        basis="estimated",
        known_nano=known + (own or 0),
        asked=rung,
        priced=own is not None,
        beyond=beyond,
        rest_nano=rest or 0,
        rest_priced=not beyond or rest is not None,
    )


def _baseline(entry: Entry, rung: str) -> int | None:
    return next((b.nano for b in entry.baselines if b.tier == rung), None)


def _drafts(entry: Entry) -> tuple[dict[str, Attempt], dict[str, int]]:
    """Each rung's own draft, and what the evidence on it cost. A rung that spilled is passed over
    there as it was here: it counts as one that failed for nothing."""
    drafts: dict[str, Attempt] = {}
    evidence: dict[str, int] = {}
    aside = 0
    for attempt in _ended(entry):
        if attempt.role != "draft":
            aside += attempt.cost_nano or 0
        elif attempt.state in _DRAFTED:
            drafts[attempt.tier] = attempt
            evidence[attempt.tier], aside = aside, 0
        elif attempt.state == "spilled":
            drafts[attempt.tier] = attempt
    return drafts, evidence


def _ended(entry: Entry) -> Iterator[Attempt]:
    """Drafts are looked at one after another, and evidence on one is asked for before the look
    ends."""
    return iter(sorted(entry.attempts, key=lambda attempt: attempt.ended_s))
