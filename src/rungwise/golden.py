"""Are the owner's own steps answered as well as before? Asked again on a schedule, and compared."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rungwise.config import DriftConfig, GoldenConfig
from rungwise.drafts import collect
from rungwise.drift.alarms import Alarms
from rungwise.drift.drift import GOLDEN
from rungwise.drift.states import keep_rows, kept_row, parsed, written
from rungwise.errand import Errand
from rungwise.errors import RungwiseError, StoreError
from rungwise.golden_file import Step, read_golden
from rungwise.store.sql import Store
from rungwise.types import Alarm, Caller, Chat, Entry, Outcome, Piece, Released, Settled, Wish

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
        self._store, self._unix, self._new_id = store, unix, new_id
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
        """Ask every step once, due or not, and compare: how many were right, of how many
        answered."""
        await self._begin(after_s=0.0)
        return await self._ask_all()

    async def _ask_all(self) -> tuple[int, int]:
        found: dict[str, bool] = {}
        for step in self._steps:
            right = await self._ask(step)
            if right is not None:
                found[_digest(step)] = right
        self._compare(found)
        self._anew = False
        await self._end()
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
        if rest_s := _rest_s(self._runs, self._unix(), self._config.every_s):
            return rest_s
        if not await self._begin(after_s=self._config.every_s):
            return _rest_s(self._runs, self._unix(), self._config.every_s)
        right, count = await self._ask_all()
        logger.info("golden steps: %d of %d are right", right, count)
        return self._config.every_s

    async def _catch_up(self) -> None:
        """Another server of this ledger may have run them since: the later run is believed. What
        the ledger has is older than ours where we could not write."""
        try:
            kept = await self._store.read(_kept)
        except StoreError as error:
            logger.warning("what golden steps came to cannot be looked up: %s", error)
            return
        self._runs = _newest(self._runs, kept, anew=self._anew)

    async def _begin(self, *, after_s: float) -> bool:
        """Take a run on, in one transaction: other servers of this ledger then leave it to us.
        False where one of them has, less than so many seconds ago. Where that cannot be written
        it is ours."""
        at, own = self._unix(), replace(self._runs)
        job = partial(_claim, own=own, at=at, after_s=after_s, anew=self._anew)
        try:
            ours, runs = await self._store.write(job)
        except StoreError as error:
            logger.warning("that golden steps are asked cannot be written down: %s", error)
            ours, runs = True, replace(self._runs, at=at)
        self._runs = replace(runs, right={}) if self._anew else runs
        return ours

    async def _end(self) -> None:
        """Write down what they came to."""
        try:
            await self._store.write(partial(_note, runs=replace(self._runs), at=self._unix()))
        except StoreError as error:
            logger.warning("what golden steps came to is not written down: %s", error)

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


def _rest_s(runs: Runs, at: float, every_s: float) -> float:
    """How much longer they are not due; 0 where they are. One that began later than now is another
    server's, whose clock is before ours; or, long before, of a clock that was set back since."""
    since = math.inf if runs.at is None else at - runs.at
    return every_s - since if abs(since) < every_s else 0.0


def _newest(own: Runs, kept: Runs | None, *, anew: bool) -> Runs:
    """Those of the later run, or what is kept where both are of one; `anew`: of that, all but what
    was right."""
    if kept is None or kept.at is None or (own.at is not None and own.at > kept.at):
        return own
    return replace(kept, right={}) if anew else kept


def _claim(
    connection: Connection, *, own: Runs, at: float, after_s: float, anew: bool
) -> tuple[bool, Runs]:
    """Whether this run is ours, and what was known before: then that it began is written down."""
    runs = _newest(own, _kept(connection), anew=anew)
    if _rest_s(runs, at, after_s):
        return False, runs
    runs = replace(runs, at=at)
    _write(connection, runs, at)
    return True, runs


def _note(connection: Connection, *, runs: Runs, at: float) -> None:
    """Another run may have begun before this one came to its end: that is not taken back."""
    kept = _kept(connection)
    began = max((r.at for r in (runs, kept) if r is not None and r.at is not None), default=None)
    _write(connection, replace(runs, at=began), at)


def _kept(connection: Connection) -> Runs | None:
    return parsed(GOLDEN, kept_row(connection, GOLDEN), Runs)


def _write(connection: Connection, runs: Runs, at: float) -> None:
    keep_rows(connection, {GOLDEN: written(runs)}, at)


def _mean(before: dict[str, list[bool]], found: dict[str, bool]) -> float:
    """How many of these steps are right in a usual run."""
    return sum(sum(b) / len(b) for key in found if (b := before.get(key)))


def _digest(step: Step) -> str:
    return hashlib.sha256(repr((step.messages, step.right)).encode()).hexdigest()[:16]
