"""An engine that owes an answer for too long hangs; all else is no stall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from tests.tiers.local.test_busy import Time

from rungwise.config import VllmTierConfig
from rungwise.tiers.local import stalling
from rungwise.tiers.local.stalling import Hung, Stall, unless_hung
from rungwise.tiers.local.vllm import VllmTier
from rungwise.tiers.local.vllm_compat import TappedEngine

pytestmark = pytest.mark.anyio


class Played:
    """What of AsyncLLM is asked; while it hangs, nothing is answered."""

    def __init__(self) -> None:
        self.works, self.asked = asyncio.Event(), 0
        self.works.set()
        self.fault: Exception | None = None
        self.output_processor = SimpleNamespace(
            request_states={}, get_num_unfinished_requests=lambda: 0
        )
        self.output_handler = None

    async def check_health(self) -> None: ...

    async def abort(self, ids: object, *, internal: bool) -> None: ...

    def shutdown(self, timeout: float) -> None: ...

    async def is_sleeping(self) -> bool:
        self.asked += 1
        await self.works.wait()
        if self.fault is not None:
            raise self.fault
        return False


class Rig:
    def __init__(self, after_s: float | None = 10) -> None:
        self.time, self.engine = Time(), Played()
        self.stall = Stall(TappedEngine(self.engine, RuntimeError).answers, after_s, self.time)

    async def look(self, passed: float = 0.0, **more: Any) -> float | None:
        self.time.at += passed
        told = self.stall.look(**more)
        await asyncio.sleep(0.001)
        return told


@asynccontextmanager
async def rigged(after_s: float | None = 10) -> AsyncIterator[Rig]:
    rig = Rig(after_s)
    yield rig
    rig.stall.end()


async def test_an_engine_that_owes_an_answer_for_so_long_hangs() -> None:
    async with rigged() as rig:
        rig.engine.works.clear()
        assert await rig.look() is None
        assert await rig.look(9.5) is None
        assert await rig.look(0.5) == 10
        assert await rig.look(5) == 15 and rig.engine.asked == 1, "one question is enough"
        rig.engine.works.set()
        await rig.look()
        assert await rig.look(5) is None, "it goes on"


async def test_one_that_answers_each_time_does_not_however_seldom_it_is_looked_at() -> None:
    async with rigged() as rig:
        for _ in range(3):
            assert await rig.look(1000) is None
        assert rig.engine.asked == 3


async def test_an_error_is_an_answer() -> None:
    async with rigged() as rig:
        rig.engine.fault = RuntimeError("dead")
        for _ in range(3):
            assert await rig.look(20) is None


async def test_none_never_hangs_and_is_not_asked() -> None:
    async with rigged(None) as rig:
        rig.engine.works.clear()
        for _ in range(3):
            assert await rig.look(1e6) is None
        assert not rig.engine.asked


async def test_work_on_an_engine_that_hangs_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalling, "LOOK_S", 0.001)
    ended = list[str]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    async with rigged() as rig:
        rig.engine.works.clear()
        doing = asyncio.ensure_future(unless_hung(work(), lambda: rig.stall.look(least_s=30)))
        await asyncio.sleep(0.02)
        rig.time.at += 29
        await asyncio.sleep(0.02)
        assert not doing.done(), "it may take longer than usual"
        rig.time.at += 1
        with pytest.raises(Hung) as raised:
            await doing
        assert raised.value.silent_s == 30 and ended == ["work"]
        doing = asyncio.ensure_future(unless_hung(work(), lambda: None))
        await asyncio.sleep(0.01)
        doing.cancel()
        with suppress(asyncio.CancelledError):
            await doing
        assert ended == ["work", "work"]


async def test_work_on_one_that_answers_ends_by_itself() -> None:
    async def work() -> str:
        await asyncio.sleep(0.001)
        return "done"

    async def fail() -> str:
        raise KeyError("x")

    async with rigged() as rig:
        assert await unless_hung(work(), rig.stall.look) == "done"
        with pytest.raises(KeyError):
            await unless_hung(fail(), rig.stall.look)


# ---- the rung, on an engine that is played ---------------------------------------------------


async def test_a_rung_whose_engine_does_not_answer_says_so_though_all_callers_gave_up() -> None:
    time = Time()
    document: dict[str, Any] = {"name": "tier1", "kind": "vllm", "model": "small"}
    config = VllmTierConfig.model_validate({**document, "restart": {"stalled_s": 7}})
    tier, played = VllmTier(config, now=time), Played()
    tier._running = SimpleNamespace(engine=TappedEngine(played, RuntimeError))  # type: ignore[assignment]
    for _ in range(3):
        assert await tier.health() is None
        await asyncio.sleep(0)
        time.at += 60
    await asyncio.sleep(0.001)
    played.works.clear()
    assert await tier.health() is None and tier.unfinished == 0
    time.at += 6
    assert await tier.health() is None
    time.at += 1
    assert await tier.health() == "tier1: the engine hangs: it has not answered for 7 s"
    await tier.stop()
