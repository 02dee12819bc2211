"""How is a choice by what pays told in a few words?"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from rungwise.policy.pays import Prospect, Rung, Worth, best

__all__ = ["dollars", "probability", "said_of"]


def said_of(
    chosen: Prospect[float],
    others: Sequence[Prospect[float]],
    rungs: Sequence[Rung[float]],
    worth: Worth,
) -> str:
    """The rungs with what is foreseen of each, what a right answer is worth, and the best of the
    plans that gain less."""
    told = [rungs[place] for place in chosen.rungs]
    path = " then ".join(
        f"{rung.tier} (p {probability(rung.right)}, {dollars(rung.nano)})" for rung in told
    )
    parts = [path, f"right is worth {dollars(worth.right_usd * 1e9)}"]
    worse = [prospect for prospect in others if prospect.gain < chosen.gain - 0.5]
    if worse:
        second = best(worse)
        names = " then ".join(rungs[place].tier for place in second.rungs)
        parts.append(f"next best {names}, {dollars(chosen.gain - second.gain)} less")
    return "; ".join(parts)


def probability(p: float) -> str:
    """Two digits, no leading zero."""
    return f"{p:.2f}".removeprefix("0")


def dollars(nano: float) -> str:
    """Two digits that count, written out."""
    usd = nano / 1e9
    if usd <= 0:
        return "$0"
    places = max(0, 1 - floor(log10(usd)))
    told = f"{usd:.{places}f}"
    return f"${told.rstrip('0').rstrip('.') if '.' in told else told}"
