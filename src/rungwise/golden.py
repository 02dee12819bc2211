"""Are the owner's own steps answered as well as before? Asked again on a schedule, and compared."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from rungwise.config import DriftConfig, GoldenConfig
from rungwise.drafts import collect
from rungwise.drift.alarms import Alarms
from rungwise.drift.drift import GOLDEN
from rungwise.drift.states import States
from rungwise.errand import Errand
from rungwise.errors import RungwiseError, StoreError
from rungwise.golden_file import Step, read_golden
from rungwise.store.sql import Store
from rungwise.types import Alarm, Caller, Chat, Entry, Outcome, Piece, Released, Settled, Wish

__all__ = ["DEADLINE_S", "Golden", "Runs", "worse"]

logger = logging.getLogger(__name__)

FIRST_S = 60.0
"""After the start, and until no rung is coming up any more."""
DEADLINE_S = 120.0
"""For each step, where the server has none for its answers."""
RUNS = 5
"""Past ones that a run is compared with, at most."""
OVER = 0.2
"""How likely so few right answers must be among the usual, for an alarm to be over."""
CALLER = Caller(name=GOLDEN, booked=GOLDEN)
"""Its steps are planned by the route that is configured, and are apart from callers' in figures."""


class Answers(Protocol):
    """The cascade, or what stands before it."""

    def answer(
        self, chat: Chat, caller: Caller, *, id: str
    ) -> AsyncGenerator[Released | Piece | Settled, None]: ...


class Labels(Protocol):
    async def label(self, entry_id: str, outcome: Outcome) -> Entry | None: ...


@dataclass(slots=True, kw_only=True)
class Runs:
    """By step, a digest of what is asked and what is right: whether the last answers were right."""

    at: float | None = None
    """Unix seconds at which the last run began."""
    right: dict[str, list[bool]] = field(default_factory=dict)


class Golden:
    """A Part. Every step goes through the cascade as caller `golden`, one after another: it is in
    the ledger under this name, and under a route of this name. Steps that no rung answered are not
    compared."""

    def __init__(
        self,
        drift: DriftConfig,
        config: GoldenConfig,
        answers: Answers,
        labels: Labels,
        alarms: Alarms,
        store: Store,
        unix: Callable[[], float],
        new_id: Callable[[], str],
        *,
        tiers: Sequence[str] = (),
        deadline_s: float = DEADLINE_S,
        ready: Callable[[], bool] = lambda: True,
        first_s: float = FIRST_S,
    ) -> None:
        """`tiers` are the ladder's: a route of one of these names pins it. Nothing is asked before
        it is `ready`. Raises ConfigError for a file that cannot be read."""
        self._drift, self._config = drift, config
        self._answers, self._labels, self._alarms = answers, labels, alarms
        self._states, self._unix, self._new_id = States(store), unix, new_id
        self._pinned = config.route if config.route in tiers else None
        self._deadline_s, self._ready = deadline_s, ready
        self._steps, self._first_s = read_golden(config.path), first_s
        self._runs, self._anew = Runs(), False
        self._errand = Errand(self._go_on)
        alarms.listen(self._ended_elsewhere)

    async def start(self) -> None:
        """The first run is due a while after the start, unless one was not long ago."""
        self._errand.start()

    async def stop(self) -> None:
        """Breaks off a run that is under way: it is not compared. Never raises."""
        await self._errand.stop()

    async def run(self) -> tuple[int, int]:
        """Ask every step once, and compare: how many were right, of how many answered."""
        self._runs.at = self._unix()
        await self._keep()  # another server of this ledger then leaves this run to us
        found: dict[str, bool] = {}
        for step in self._steps:
            right = await self._ask(step)
            if right is not None:
                found[_digest(step)] = right
        self._compare(found)
        self._anew = False
        await self._keep()
        return sum(found.values()), len(found)

    async def _go_on(self) -> None:
        await asyncio.sleep(self._first_s)
        while True:
            try:
                wait_s = await self._turn()
            except Exception:
                logger.exception("the golden steps could not be run")
                wait_s = self._config.every_s
            await asyncio.sleep(wait_s)

    async def _turn(self) -> float:
        """Run them, if that is due; seconds until the next look. However a run ended, and whether
        or not it could be written down, the next one is as long after it as any other."""
        if not self._ready():
            return self._first_s
        await self._catch_up()
        if self._runs.at is not None:
            since = self._unix() - self._runs.at
            if 0 <= since < self._config.every_s:
                return self._config.every_s - since
        right, count = await self.run()
        logger.info("golden steps: %d of %d are right", right, count)
        return self._config.every_s

    async def _catch_up(self) -> None:
        """Another server of this ledger may have run them since: the later run is believed. What
        the ledger has is older than ours where we could not write."""
        await self._states.read()
        kept, own = self._states.of(GOLDEN, Runs), self._runs
        if kept is None or kept.at is None or (own.at is not None and own.at > kept.at):
            return
        self._runs = kept
        if self._anew:
            self._runs.right = {}

    async def _ask(self, step: Step) -> bool | None:
        """Whether the answer was right; None where there was none."""
        id, pieces = self._new_id(), list[Piece]()
        wish = Wish(
            pin=self._pinned,
            step_type=step.step_type,
            recall=False,
            deadline_s=self._deadline_s,
        )
        chat = Chat(messages=step.messages, wish=wish, route=self._config.route, tenant=CALLER.name)
        try:
            async with aclosing(self._answers.answer(chat, CALLER, id=id)) as events:
                async for event in events:
                    if isinstance(event, Piece):
                        pieces.append(event)
        except RungwiseError as error:
            logger.warning("a golden step was not answered: %s: %s", step.place, error)
            return None
        right = step.is_right("".join(choice.text for choice in collect(pieces)[:1]))
        try:
            said = Outcome(right=right, source="golden", at=self._unix())
            await self._labels.label(id, said)
        except StoreError as error:
            logger.warning("a golden step's outcome is not in the ledger: %s", error)
        return right

    def _compare(self, found: dict[str, bool]) -> None:
        """Against the last runs without an alarm; one that half of the steps do not answer is
        none."""
        if 2 * len(found) < len(self._steps):
            logger.warning("golden steps: %d of %d answered", len(found), len(self._steps))
            return
        before = self._runs.right
        chance = worse([(before.get(key, []), right) for key, right in found.items()])
        about, usual = f"route {self._config.route}", _mean(before, found)
        limit = min(0.05, len(found) / self._drift.false_alarm_every)
        alarmed = self._alarms.find("golden", about) is not None
        if chance <= limit and "golden" in self._drift.kinds:
            self._alarms.begin(
                "golden",
                about,
                f"{sum(found.values())} of {len(found)} golden steps are right, usually "
                f"{usual:.1f}; so few by chance: {chance:.2g}",
            )
            return
        if alarmed and chance < OVER:
            return
        self._alarms.end("golden", about)
        kept = {key: [*before.get(key, []), right][-RUNS:] for key, right in found.items()}
        gone = {_digest(step) for step in self._steps} - kept.keys()
        self._runs.right = {key: before[key] for key in gone if key in before} | kept

    def _ended_elsewhere(self, alarm: Alarm) -> None:
        """Its owner says that what is now is usual."""
        if alarm.kind == "golden":
            self._runs.right, self._anew = {}, True

    async def _keep(self) -> None:
        await self._states.keep({GOLDEN: self._runs}, self._unix())


def worse(steps: Sequence[tuple[Sequence[bool], bool]]) -> float:
    """How likely so few right answers are among the steps asked before, had nothing changed: of
    each step the answers before, and the one now.

    Exact, given how often each step was right in all, now included: then each of its answers is as
    likely as any other to be the one of now, and the number of right ones now is a sum of
    independent chances (a permutation test within each step; with one run before it is McNemar's).
    """
    chances = [(sum(before) + now) / (len(before) + 1) for before, now in steps if before]
    right = sum(now for before, now in steps if before)
    spread = [1.0]
    """P(so many right), by number."""
    for chance in chances:
        more = [*(p * chance for p in spread)]
        spread = [p * (1.0 - chance) for p in spread] + [0.0]
        for count, p in enumerate(more, start=1):
            spread[count] += p
    return min(1.0, sum(spread[: right + 1]))


def _mean(before: dict[str, list[bool]], found: dict[str, bool]) -> float:
    """How many of these steps are right in a usual run."""
    return sum(sum(b) / len(b) for key in found if (b := before.get(key)))


def _digest(step: Step) -> str:
    return hashlib.sha256(repr((step.messages, step.right)).encode()).hexdigest()[:16]
