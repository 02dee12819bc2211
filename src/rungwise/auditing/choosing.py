"""Which accepted drafts may a higher rung look at, and which of those does chance choose?"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from rungwise.auditing.counts import Skipped
from rungwise.contracts import Tier
from rungwise.drift.drift import GOLDEN
from rungwise.types import Chat, Entry, StepType

__all__ = ["Scope", "drawn"]


def drawn(id: str, share: float) -> bool:
    """Whether the entry of this id is of the random share: the same answer for the same id,
    whoever asks, and independent of everything that is known of the entry. Of two shares the
    smaller one's entries are among the larger one's.

    The first 64 bits of SHA-256 of the id, with our own word before it: whatever else is drawn by
    the same ids is drawn apart from this.
    """
    digest = hashlib.sha256(b"audit\0" + id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


class Scope:
    """`tier` is who answers too, `judge` who may have to compare."""

    def __init__(
        self,
        ladder: Sequence[Tier],
        *,
        tier: str,
        judge: str,
        step_types: Collection[StepType] | None,
        private_tags: frozenset[str],
    ) -> None:
        names = [rung.name for rung in ladder]
        self._below = frozenset(names[: names.index(tier)])
        self._shown = frozenset((tier, judge))
        self._step_types, self._private = step_types, private_tags

    def accepted(self, entry: Entry) -> bool:
        """Whether a rung below drafted this answer, just now, and its caller has all of it. What is
        right for golden steps is known: nobody need look at them."""
        seen = entry.seen
        return (
            entry.audits is None
            and entry.caller != GOLDEN
            and entry.state == "answered"
            and seen is not None
            and seen.state == "released"
            and seen.tier in self._below
        )

    def forbids(self, chat: Chat, entry: Entry) -> Skipped | None:
        """Why nobody may look at it; None where one may.

        A plan's rungs are those that its key, its ceiling and floor, privacy and the owner's table
        left, and that can do what it needs: only where the step could have climbed to the higher
        rung is that one asked, and only a judge among them sees it. A rung that is pinned is alone
        in its plan.
        """
        if chat.wish.local_only or not self._private.isdisjoint(chat.tags):
            return "local_only"
        if chat.wish.pin is not None:
            return "pinned"
        if not self._shown <= set(entry.rungs):
            return "reach"
        if chat.sampling.n > 1:
            return "choices"
        if self._step_types is not None and entry.step_type not in self._step_types:
            return "step_type"
        return None
