"""Among these rungs, which plan pays most, and what must stand in it besides?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.config import WorthConfig
from rungwise.policy.foreseen import Asked, Foresight
from rungwise.policy.limits import within
from rungwise.policy.pays import Prospect, Rung, Worth, best, promising, prospects
from rungwise.policy.saying import said_of
from rungwise.types import Bar

__all__ = ["BestPlan", "Planner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPlan:
    rungs: tuple[str, ...]
    bars: tuple[Bar, ...]
    why: str


class Planner:
    """`singles`: one rung is chosen, and none to climb to; `keeps_promise`: no draft leaves under
    its calibrated threshold."""

    def __init__(
        self, foresight: Foresight, worth: WorthConfig, *, singles: bool, keeps_promise: bool
    ) -> None:
        self._foresight = foresight
        self._worth = Worth(right_usd=worth.right_usd, second_usd=worth.second_usd)
        self._singles, self._keeps_promise = singles, keeps_promise

    def best(self, asked: Asked) -> BestPlan:
        """Raises Unpriced."""
        rungs = self._foresight.rungs(asked)
        link = self._foresight.link
        found = prospects(rungs, link, self._worth, larger=max, singles=self._singles)
        if self._keeps_promise:
            found = promising(found, rungs)
        kept, told = within(found, asked.limits, rungs)
        chosen = best(kept)
        unforeseen = [name for name in asked.usual if name not in asked.right]
        if unforeseen:
            told.append(f"nothing is foreseen of {', '.join(unforeseen)}: kept")
        others = [prospect for prospect in kept if prospect is not chosen]
        planned = _planned(asked.rungs, chosen, rungs, unforeseen)
        return BestPlan(
            rungs=planned,
            bars=self._bars(planned, chosen, rungs),
            why="; ".join((said_of(chosen, others, rungs, self._worth), *told)),
        )

    def _bars(
        self, planned: Sequence[str], chosen: Prospect[float], rungs: Sequence[Rung[float]]
    ) -> tuple[Bar, ...]:
        """Of the rungs that something is foreseen of. Where no promise is kept, the drafts of
        those that are not climbed from are only checked."""
        pays = {rungs[at].tier: bar for at, bar in zip(chosen.rungs, chosen.bars, strict=False)}
        if self._keeps_promise:
            return tuple(Bar(tier=tier, confidence=bar) for tier, bar in pays.items() if bar > 0)
        foreseen = {rung.tier for rung in rungs}
        return tuple(
            Bar(tier=tier, confidence=pays.get(tier, 0.0), waives=True)
            for tier in planned[:-1]
            if tier in foreseen
        )


def _planned(
    names: Sequence[str],
    chosen: Prospect[float],
    rungs: Sequence[Rung[float]],
    unforeseen: Sequence[str],
) -> tuple[str, ...]:
    """The chosen rungs; those above them, for when they fail; and what nothing is foreseen of."""
    mine = {rungs[place].tier for place in chosen.rungs}
    last = list(names).index(rungs[chosen.rungs[-1]].tier)
    return tuple(
        name for at, name in enumerate(names) if at > last or name in mine or name in unforeseen
    )
