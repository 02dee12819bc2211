"""Why was a draft doubted? One of a few words, read from the entry's own fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from rungwise.types import STOPPED_EARLY, Attempt, Entry

__all__ = ["Why", "escalations"]

Why: TypeAlias = Literal[
    "early",  # stopped before its end
    "evidence",  # a self-check, samples or a judge spoke against it, or gave no answer
    "confidence",  # finished, and its confidence is under the threshold
    "unread",  # finished, with nothing to read its confidence from
    "checks",  # sure enough, but its wording, its shape or a computed check spoke against it
]

_BY_REASON: tuple[tuple[str, Why], ...] = (
    (STOPPED_EARLY, "early"),
    ("not verified", "evidence"),
)
"""What no field tells: how the reasons begin. Nowhere else is a reason read."""


def escalations(entry: Entry) -> Iterator[tuple[Attempt, Why]]:
    """The drafts that were abandoned, and why each."""
    unasked = ("outrun", "spilled", "recalled")
    drafts = [a for a in entry.attempts if a.role == "draft" and a.state not in unasked]
    asked_about = [_draft_of(a, drafts) for a in entry.attempts if a.role != "draft"]
    for draft in drafts:
        if draft.state == "abandoned":
            yield draft, _why(draft, asked=any(draft is other for other in asked_about))


def _draft_of(evidence: Attempt, drafts: list[Attempt]) -> Attempt | None:
    """Drafts are looked at one after another, and evidence is asked for before the look ends."""
    later = (draft for draft in drafts if draft.ended_s >= evidence.ended_s)
    return min(later, key=lambda draft: draft.ended_s, default=None)


def _why(draft: Attempt, *, asked: bool) -> Why:
    for beginning, why in _BY_REASON:
        if draft.reason.startswith(beginning):
            return why
    if asked:  # which is only done where nothing else speaks against a draft
        return "evidence"
    if draft.threshold is None:
        return "checks"
    if draft.confidence is None:
        return "unread"
    return "confidence" if draft.confidence.probability < draft.threshold else "checks"
