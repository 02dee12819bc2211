"""How many rungs of a plan can be paid for, and what stops the next? Pure arithmetic, and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rungwise.types import Bid, Cap, Grant

__all__ = ["AUDITS", "Room", "affordable", "dollars", "worst"]

AUDITS = "(audits)"
"""Under whose name audits are paid for: no key can be called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a cap still allows: what was spent, and what is set aside, is deducted."""

    cap: Cap
    left: int
    ends_at: datetime | None

    @property
    def words(self) -> str:
        of = "escalation" if self.cap.of == "escalation" else "spending"
        window = "in all" if self.cap.window == "ever" else f"per {self.cap.window}"
        until = f" until {self.ends_at:%Y-%m-%d %H:%M} UTC" if self.ends_at else ""
        cap, left = dollars(self.cap.nano), dollars(max(0, self.left))
        return f"this key's cap on {of}, {cap} {window}, has {left} left{until}"


def affordable(
    bids: Sequence[Bid], rooms: Sequence[Room], *, most_nano: int | None, refuse_unknown: bool
) -> Grant:
    """The longest beginning of the bids whose worst cases together fit every room, and the
    request's own limit. A rung of 0 fits always."""
    unpriced = "prices.unknown is refuse" if refuse_unknown else None
    unpriced = "this key has spending caps" if rooms else unpriced
    unpriced = "the request may cost only so much" if most_nano is not None else unpriced
    for place, bid in enumerate(bids):
        short = _short(bids[: place + 1], rooms, most_nano, unpriced)
        if bid.nano != 0 and short is not None:
            return Grant(rungs=place, short=short)
    return Grant(rungs=len(bids))


def worst(bids: Sequence[Bid], of: str) -> int:
    """What these rungs can cost together: all of it, or what climbing can cost."""
    return sum(bid.nano or 0 for bid in bids if of == "all" or bid.escalation)


def dollars(nano: int) -> str:
    """Exactly, and at least to the cent."""
    whole, _, parts = f"{Decimal(nano).scaleb(-9):f}".partition(".")
    return f"${whole}.{parts.rstrip('0'):0<2}"


def _short(
    bids: Sequence[Bid], rooms: Sequence[Room], most_nano: int | None, unpriced: str | None
) -> str | None:
    """Why the last of these bids cannot be paid for after the others; None where it can."""
    last, together = bids[-1], worst(bids, "all")
    if last.nano is None:
        return unpriced and (
            f"what {last.tier} can cost at most is unknown, for want of a price or of a limit for "
            f"its answer (max_tokens), and {unpriced}"
        )
    if most_nano is not None and together > most_nano:
        return f"the request may cost {dollars(most_nano)} at most, and {_could(bids, 'all')}"
    for room in rooms:
        of = room.cap.of
        if (of == "all" or last.escalation) and worst(bids, of) > room.left:
            return f"{room.words}, and {_could(bids, of)}"
    return None


def _could(bids: Sequence[Bid], of: str) -> str:
    counted = [bid.tier for bid in bids if bid.nano and (of == "all" or bid.escalation)]
    together = " together" if len(counted) > 1 else ""
    return f"{' and '.join(counted)} could cost {dollars(worst(bids, of))}{together}"
