"""Which prices have changed, and which models will soon be gone? Asked at start and once a day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rungwise.days import DAY_S
from rungwise.drift.alarms import Alarms
from rungwise.drift.states import States
from rungwise.types import AlarmKind

__all__ = ["Ask", "Facts", "Known"]

logger = logging.getLogger(__name__)

Ask: TypeAlias = Callable[[], Mapping[str, str]]
"""By tier: what is so, in a few words. May raise."""

WEEK_S = 7 * DAY_S
NAME = "facts"


@dataclass(slots=True, kw_only=True)
class Known:
    prices: dict[str, str] = field(default_factory=dict)
    """By tier: the usual one."""
    changed: dict[str, float] = field(default_factory=dict)
    """By tier: the Unix time since which it is another."""
    ending: dict[str, str] = field(default_factory=dict)
    """By tier: what was told of its end."""


class Facts:
    """A price is an alarm for a week, or until it is the old one again; then it is the usual one.
    A model's end is one until its owner ends the alarm, or another model stands in its place."""

    def __init__(
        self,
        alarms: Alarms,
        states: States,
        kinds: Collection[AlarmKind],
        *,
        prices: Ask,
        endings: Ask,
    ) -> None:
        self.known = Known()
        self._alarms, self._states, self._kinds = alarms, states, kinds
        self._prices, self._endings = prices, endings

    def take_up(self) -> None:
        """What any server has written down last."""
        self.known = self._states.of(NAME, Known) or Known()

    def states(self) -> Mapping[str, Known]:
        """What is to be written down: nothing, where it stands so already."""
        return {} if self._states.holds(NAME, self.known) else {NAME: self.known}

    def look(self, at: float) -> None:
        """Never raises."""
        if "price" in self._kinds and (prices := _asked(self._prices)) is not None:
            for tier, told in prices.items():
                self._price(tier, told, at)
            for tier in self.known.changed.keys() - prices.keys():
                self._no_price(tier, at)
        if "shutdown" in self._kinds and (endings := _asked(self._endings)) is not None:
            self._end(endings)

    def catch_up(self) -> None:
        """A price that is another one, and no alarm says so: its owner ended that meanwhile."""
        for tier in list(self.known.changed):
            if self._alarms.find("price", f"tier {tier}") is None:
                self.accept(f"tier {tier}")

    def accept(self, about: str) -> None:
        """The owner ended the alarm about a tier's price: it is the usual one from now on."""
        tier = about.removeprefix("tier ")
        self.known.prices.pop(tier, None)
        self.known.changed.pop(tier, None)

    def _price(self, tier: str, told: str, at: float) -> None:
        known, about = self.known, f"tier {tier}"
        was = known.prices.setdefault(tier, told)
        since = known.changed.get(tier, at)
        if told == was:
            known.changed.pop(tier, None)
            self._alarms.end("price", about)
        elif at - since >= WEEK_S:
            known.prices[tier] = told
            known.changed.pop(tier, None)
            self._alarms.end("price", about)
        else:
            known.changed[tier] = min(since, at)  # the clock may have been turned back
            self._alarms.begin("price", about, f"was {was}, is {told}")

    def _no_price(self, tier: str, at: float) -> None:
        """Nobody knows it any more, or the rung is gone: that is no reason to ring for ever."""
        if at - self.known.changed[tier] >= WEEK_S:
            self.accept(f"tier {tier}")
            self._alarms.end("price", f"tier {tier}")

    def _end(self, found: Mapping[str, str]) -> None:
        for tier, why in found.items():
            if self.known.ending.get(tier) != why:  # else its owner has seen it
                self._alarms.end("shutdown", f"tier {tier}")
                self._alarms.begin("shutdown", f"tier {tier}", why)
        for tier in self.known.ending.keys() - found.keys():
            self._alarms.end("shutdown", f"tier {tier}")
        self.known.ending = dict(found)


def _asked(ask: Ask) -> Mapping[str, str] | None:
    """None where nobody could say."""
    try:
        return ask()
    except Exception:
        logger.exception("prices and ends of models cannot be looked up")
        return None
