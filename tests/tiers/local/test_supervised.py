"""Is an engine that dies, or does not start, started again, with patience and in its turn?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from rungwise.config import RestartConfig
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.local.supervised import Leaning, Supervised
from rungwise.tiers.scripted import Script, ScriptedTier, fail, say
from rungwise.types import Chat, Message, Usage

pytestmark = pytest.mark.anyio

CHAT = Chat(messages=(Message(role="user", text="words"),))
DIED = "tier1: the engine has died"
NO_GPU = TierError("tier1", "unavailable", "no GPU")
WORKS = "works"


class Engine(ScriptedTier):
    """Its starts do as told, in order, and then succeed: fail, or wait until `go` is set."""

    def __init__(self, *starts: Exception | None, scripts: tuple[Script, ...] = ()) -> None:
        super().__init__("tier1", *scripts, model="small")
        self.starts = list(starts)
        self.life: list[str] = []
        self.closed = 0
        self.go, self.ends = asyncio.Event(), asyncio.Event()
        self.go.set()
        self.ends.set()

    async def start(self) -> None:
        self.life.append("start")
        fault = self.starts.pop(0) if self.starts else None
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.life.append("broken off")
            raise
        if fault is not None:
            raise fault
        self.ill = None
        self.running = True

    async def close(self) -> None:
        self.closed += 1

    async def stop(self) -> None:
        self.life.append("stop")
        await self.ends.wait()
        self.running = False


class Rig:
    def __init__(
        self,
        *starts: Exception | None,
        scripts: tuple[Script, ...] = (),
        turn: asyncio.Lock | None = None,
        look_s: float = 0.005,
        **restart: Any,
    ) -> None:
        self.clock, self.slept = 1000.0, list[float]()
        self.rest = asyncio.Event()
        """Unset: a wait between two starts does not end."""
        self.rest.set()
        self.inner = Engine(*starts, scripts=scripts)
        told = {"first_wait_s": 1, "most_wait_s": 60, "tries": 5, "settled_s": 300, **restart}
        self.tier = Supervised(
            self.inner,
            RestartConfig.model_validate(told),
            turn=turn or asyncio.Lock(),
            look_s=look_s,
            now=lambda: self.clock,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.rest.wait()
        self.clock += seconds

    async def ask(self, tier: Supervised | Leaning | None = None) -> str:
        try:
            async for _ in (tier or self.tier).draft(CHAT, read=False):
                pass
        except TierError as error:
            return error.message
        return WORKS

    async def die(self, ran_s: float = 0.0) -> None:
        stops = self.inner.life.count("stop")
        self.clock += ran_s
        self.inner.ill = DIED
        self.tier.look()
        await until(lambda: not self.tier.up or self.inner.life.count("stop") > stops)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def rigged(*starts: Exception | None, **told: Any) -> AsyncIterator[Rig]:
    """Started, as far as it will; stopped at the end."""
    rig = Rig(*starts, **told)
    with suppress(TierError, ConfigError):
        await rig.tier.start()
    try:
        yield rig
    finally:
        await rig.tier.stop()


# ---- a life ----------------------------------------------------------------------------------


async def test_an_engine_that_lives_is_as_it_is_without() -> None:
    async with rigged() as rig:
        assert rig.tier.up and await rig.tier.health() is None
        assert await rig.ask() == WORKS
        rig.inner.full, rig.inner.unable = "busy", "cannot see"
        assert rig.tier.saturation() == "busy" and rig.tier.lacks(CHAT) == "cannot see"
        assert rig.inner.life == ["start"] and rig.tier.restarts == 0
    assert rig.inner.life == ["start", "stop"] and not rig.tier.up


async def test_one_that_dies_is_stopped_and_started_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with rigged() as rig:
        await rig.die(ran_s=42)
        await until(lambda: rig.tier.up)
        assert rig.inner.life == ["start", "stop", "start"] and rig.slept == [1]
        assert await rig.tier.health() is None and await rig.ask() == WORKS
        assert rig.tier.restarts == 1
    died, back = [record.getMessage() for record in caplog.records]
    assert died == ("tier1: down: the engine has died, 42 s after it was up; start 1 of 5 in 1 s")
    assert back == "tier1: back after 1 s"


async def test_its_death_is_seen_though_nobody_asks_it() -> None:
    async with rigged() as rig:
        rig.inner.ill = DIED
        await until(lambda: rig.tier.restarts == 1 and rig.tier.up)


async def test_a_draft_that_ends_unavailable_makes_it_look_at_once() -> None:
    async with rigged(scripts=(say("half", finish=None) + fail("unavailable"),), look_s=1e6) as rig:
        rig.inner.ill = DIED
        assert await rig.ask() == "scripted"
        await until(lambda: rig.tier.restarts == 1)


@pytest.mark.parametrize("fault", ["broken", "rejected", "timeout"])
async def test_other_faults_of_a_draft_say_nothing_of_the_engine(fault: Any) -> None:
    async with rigged(scripts=(fail(fault),), look_s=1e6) as rig:
        await asyncio.sleep(0.01)  # it looks once at the beginning
        rig.inner.ill = DIED
        await rig.ask()
        await asyncio.sleep(0.01)
        assert rig.tier.up


async def test_health_tells_a_death_before_anybody_else_saw_it() -> None:
    async with rigged(look_s=1e6) as rig:
        await asyncio.sleep(0.01)
        rig.inner.ill = DIED
        assert await rig.tier.health() == DIED
        await until(lambda: rig.tier.restarts == 1)


# ---- while it is away ------------------------------------------------------------------------


async def test_a_draft_of_an_engine_that_rests_fails_at_once_and_costs_nothing() -> None:
    async with rigged() as rig:
        rig.rest.clear()
        await rig.die(ran_s=400)
        drafting = rig.tier.draft(CHAT, read=True)
        with pytest.raises(TierError) as raised:
            await anext(drafting)
        assert raised.value.fault == "unavailable" and raised.value.tier == "tier1"
        said = "down: the engine has died, 400 s after it was up; start 1 of 5 in 1 s"
        assert raised.value.message == said
        assert await rig.tier.health() == f"tier1: {said}"
        assert raised.value.retry_after_s == 2, "the wait, and what a start took: a second or less"
        spent = drafting.spent()
        assert spent.usage == Usage() and spent.engine_s == 0 and spent.model == "small"
        assert rig.tier.cost_nano(spent) == rig.inner.cost_nano(spent)
        assert not rig.inner.chats


async def test_while_it_starts_its_own_words_are_told() -> None:
    rig = Rig()
    rig.inner.go.clear()
    assert await rig.tier.health() == "tier1: starting: waits for its turn"
    starting = asyncio.ensure_future(rig.tier.start())
    await until(lambda: rig.inner.life == ["start"])
    assert await rig.tier.health() == "tier1: starting"
    rig.inner.ill = "tier1: starting: loading the weights, 12 s so far"
    assert await rig.tier.health() == rig.inner.ill
    assert await rig.ask() == "starting: loading the weights, 12 s so far"
    rig.clock += 15
    assert (await rig.tier.away("tier1")).retry_after_s == 5, "of twenty, where no start is known"
    rig.clock += 60
    assert (await rig.tier.away("tier1")).retry_after_s == 1
    rig.inner.go.set()
    await starting
    assert await rig.ask() == WORKS
    await rig.tier.stop()


async def test_the_next_start_is_thought_to_take_as_long_as_the_last() -> None:
    rig = Rig()
    rig.inner.go.clear()
    starting = asyncio.ensure_future(rig.tier.start())
    await until(lambda: rig.inner.life == ["start"])
    rig.clock += 90
    rig.inner.go.set()
    await starting
    rig.rest.clear()
    await rig.die(ran_s=1000)
    assert (await rig.tier.away("tier1")).retry_after_s == 91
    await rig.tier.stop()


# ---- starts that fail ------------------------------------------------------------------------


async def test_a_first_start_that_fails_is_told_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(NO_GPU)
    rig.rest.clear()
    with pytest.raises(TierError) as raised:
        await rig.tier.start()
    assert raised.value.message == "no GPU; start 2 of 5 in 1 s"
    assert await rig.tier.health() == "tier1: down: no GPU; start 2 of 5 in 1 s"
    assert not [r for r in caplog.records if r.levelname == "ERROR"], "whoever starts it tells it"
    rig.rest.set()
    await until(lambda: rig.tier.up)
    assert rig.inner.life == ["start", "stop", "start"]
    await rig.tier.stop()


async def test_a_crash_loop_ends_in_a_clear_state(caplog: pytest.LogCaptureFixture) -> None:
    async with rigged(None, *[NO_GPU] * 9) as rig:
        await rig.die(ran_s=300)
        await until(lambda: rig.inner.life.count("stop") == 6)
        said = (
            "tier1: down: 5 starts in a row failed, the last: no GPU; "
            "mend that, then restart the server"
        )
        assert await rig.tier.health() == said
        assert rig.slept == [1, 2, 4, 8, 16] and rig.tier.restarts == 5
        away = await rig.tier.away("tier1")
        assert f"tier1: {away.message}" == said and away.retry_after_s is None
        assert await rig.ask() == away.message
        errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
        assert errors.count(said) == 1 and errors[-1] == said and "\n" not in "".join(errors)
        await asyncio.sleep(0.02)
        assert rig.inner.life[-1] == "stop", "nothing more is tried"


async def test_an_engine_that_dies_again_and_again_is_a_crash_loop_too() -> None:
    async with rigged(tries=3, settled_s=10) as rig:
        for _ in range(4):
            await until(lambda: rig.tier.up)
            await rig.die(ran_s=9)
        said = "down: it died 4 times in a row, the last time: the engine has died, 9 s after it"
        assert said in (await rig.tier.health() or "")


async def test_one_death_of_an_engine_that_served_is_no_end_of_it() -> None:
    async with rigged(tries=1) as rig:
        await rig.die(ran_s=157)
        await until(lambda: rig.tier.up)
        assert rig.inner.life == ["start", "stop", "start"]


async def test_one_that_takes_long_to_end_is_told_of_and_its_drafts_end_at_once() -> None:
    turn = asyncio.Lock()
    async with turn:  # another engine starts
        rig = Rig(turn=turn)
        rig.inner.ends.clear()
        turn.release()
        await rig.tier.start()
        await turn.acquire()
        await rig.die(ran_s=400)
        await until(lambda: rig.inner.closed == 1)
        assert rig.inner.life == ["start"], "its memory is given back in its turn"
        assert (await rig.tier.health() or "").endswith("start 1 of 5 in 1 s")
        rig.clock += 5
        said = await rig.tier.health() or ""
        assert said.endswith("400 s after it was up; start 1 of 5 once the last one has ended")
    await until(lambda: rig.inner.life == ["start", "stop"])
    assert await rig.tier.health() == said
    rig.inner.ends.set()
    await until(lambda: rig.tier.up)
    await rig.tier.stop()


async def test_a_draft_that_dies_with_its_engine_tells_when_to_come_again() -> None:
    async with rigged(scripts=(say("half", finish=None) + fail("unavailable"),)) as rig:
        with pytest.raises(TierError) as raised:
            async for _ in rig.tier.draft(CHAT, read=False):
                pass
        assert raised.value.retry_after_s == 1, "its start took a second or less"


async def test_one_that_ran_long_enough_begins_a_new_row() -> None:
    async with rigged(tries=2, settled_s=10) as rig:
        for ran_s in (9, 9, 10, 9, 11, 9):
            await until(lambda: rig.tier.up)
            await rig.die(ran_s=ran_s)
        await until(lambda: rig.tier.up)
        assert rig.slept == [1, 2, 1, 2, 1, 2]


async def test_with_no_tries_it_is_never_started_again() -> None:
    async with rigged(tries=0) as rig:
        await rig.die(ran_s=1000)
        assert "restart.tries is 0" in (await rig.tier.health() or "")
        await until(lambda: rig.inner.life == ["start", "stop"])
    async with rigged(NO_GPU, tries=0) as rig:
        assert "no GPU; restart.tries is 0" in (await rig.tier.health() or "")


async def test_what_no_start_mends_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    told = "tier 'tier1': engine: no such flag; see engine.extra"
    rig = Rig(ConfigError(told))
    with pytest.raises(ConfigError, match="no such flag"):
        await rig.tier.start()
    down = "tier1: down: engine: no such flag; see engine.extra"
    assert await rig.tier.health() == down, "it is named once"
    await asyncio.sleep(0.01)
    assert rig.inner.life == ["start"] and not rig.slept
    await rig.tier.stop()
    async with rigged(None, ConfigError(told)) as rig:
        await rig.die()
        await until(lambda: any(down in r.getMessage() for r in caplog.records))
        assert await rig.tier.health() == down


async def test_an_error_of_this_server_is_a_start_that_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with rigged(ZeroDivisionError("odd")) as rig:
        await until(lambda: rig.tier.up)
    assert any(record.exc_info for record in caplog.records)


# ---- the end ---------------------------------------------------------------------------------


async def test_it_is_stopped_in_the_middle_of_a_start() -> None:
    rig = Rig()
    rig.inner.go.clear()
    starting = asyncio.ensure_future(rig.tier.start())
    await until(lambda: rig.inner.life == ["start"])
    await rig.tier.stop()
    assert rig.inner.life == ["start", "broken off", "stop"]
    with pytest.raises(TierError, match="stopped while it started"):
        await starting


async def test_it_is_stopped_while_it_rests_and_is_not_started_any_more() -> None:
    async with rigged() as rig:
        rig.rest.clear()
        await rig.die()
    rig.rest.set()
    await asyncio.sleep(0.01)
    assert rig.inner.life == ["start", "stop", "stop"]


async def test_it_may_be_started_after_it_was_stopped() -> None:
    async with rigged() as rig:
        await rig.tier.stop()
        assert "started" not in (await rig.tier.health() or "") and not rig.tier.up
        await rig.tier.start()
        assert rig.tier.up and await rig.ask() == WORKS
        await rig.tier.start()
        assert rig.inner.life == ["start", "stop", "start"], "it is up already"


async def test_it_need_not_have_been_started_to_be_stopped() -> None:
    await Rig().tier.stop()


# ---- neighbours ------------------------------------------------------------------------------


async def test_engines_of_one_box_never_start_together() -> None:
    turn = asyncio.Lock()
    first, second = Rig(turn=turn), Rig(turn=turn)
    for rig in (first, second):
        rig.inner.go.clear()
    starts = [asyncio.ensure_future(rig.tier.start()) for rig in (first, second)]
    await until(lambda: first.inner.life == ["start"])
    await asyncio.sleep(0.01)
    assert not second.inner.life
    assert await second.tier.health() == "tier1: starting: waits for its turn"
    first.inner.go.set()
    await until(lambda: second.inner.life == ["start"])
    await first.die()
    await asyncio.sleep(0.01)
    assert first.inner.life == ["start"], "neither is it stopped while another one measures"
    second.inner.go.set()
    await until(lambda: first.tier.up and first.tier.restarts == 1)
    await asyncio.gather(*starts)
    for rig in (first, second):
        await rig.tier.stop()


async def test_a_rung_on_the_engine_of_another_is_up_when_that_one_is() -> None:
    async with rigged(look_s=1e6) as rig:
        adapter = ScriptedTier("lora", say("hello"), say("half", finish=None) + fail("unavailable"))
        tier = Leaning(adapter, rig.tier)
        assert await tier.health() is None and await rig.ask(tier) == WORKS
        rig.rest.clear()
        rig.inner.ill = DIED
        assert await rig.ask(tier) == "scripted"
        await until(lambda: not rig.tier.up)
        assert (await tier.health() or "").startswith("lora: down: the engine has died")
        drafting = tier.draft(CHAT, read=False)
        with pytest.raises(TierError) as raised:
            await anext(drafting)
        assert raised.value.tier == "lora" and len(adapter.chats) == 2
        assert drafting.spent().engine_s == 0
        rig.rest.set()
        await until(lambda: rig.tier.up)
        assert await tier.health() is None
        adapter.ill = "lora: no such adapter"
        assert await tier.health() == "lora: no such adapter"


async def test_it_is_started_and_stopped_with_that_engine_alone() -> None:
    class Own(ScriptedTier):
        async def start(self) -> None:
            raise AssertionError("the engine's life is not its own")

        stop = start

    rig = Rig(NO_GPU)
    tier = Leaning(Own("lora"), rig.tier)
    with pytest.raises(TierError, match="no GPU"):
        await tier.start()
    await until(lambda: rig.tier.up)
    await tier.stop()
    assert rig.tier.up and rig.inner.life.count("start") == 2
    await rig.tier.stop()
