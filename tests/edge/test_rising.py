"""Does the server listen at once, and does /readyz tell who is still to come up?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from rungwise.edge.rising import Rising
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.scripted import ScriptedTier
from tests.edge.doubles import NoLedger, app, client

pytestmark = pytest.mark.anyio


class Slow(ScriptedTier):
    """Starts when it is let go; then fails, if told to."""

    def __init__(self, name: str, log: list[str] | None = None, **more: Any) -> None:
        super().__init__(name, **more)
        self.go, self.fault = asyncio.Event(), None
        self.fault: Exception | None
        self.log = [] if log is None else log

    async def start(self) -> None:
        self.log.append(f"start {self.name}")
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        self.running = True

    async def stop(self) -> None:
        self.log.append(f"stop {self.name}")
        self.running = False


@asynccontextmanager
async def living(*rungs: ScriptedTier) -> AsyncIterator[httpx.AsyncClient]:
    served = app(rungs=rungs)
    async with served.router.lifespan_context(served), client(served) as http:
        yield http


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.001)


async def readyz(http: httpx.AsyncClient) -> tuple[int, dict[str, Any]]:
    told = await http.get("/readyz")
    return told.status_code, told.json()


async def test_the_server_listens_while_its_engines_start_one_after_another() -> None:
    low, middle, top = Slow("low"), Slow("middle"), ScriptedTier("top", local=False)
    low.ill = "low: starting: loading the weights, 12 s so far"
    async with living(low, middle, top) as http:
        assert await readyz(http) == (
            503,
            {
                "ready": False,
                "tiers": ["top"],
                "starting": {"low": low.ill, "middle": "middle: starting"},
                "missing": {},
            },
        )
        assert low.log == ["start low"] and not middle.log
        low.ill = None
        low.go.set()
        await until(lambda: bool(middle.log))
        status, told = await readyz(http)
        assert (status, told["tiers"], list(told["starting"])) == (503, ["low", "top"], ["middle"])
        middle.go.set()
        await until(lambda: middle.running)
        assert await readyz(http) == (
            200,
            {"ready": True, "tiers": ["low", "middle", "top"], "starting": {}, "missing": {}},
        )


@pytest.mark.parametrize(
    "fault", [TierError("low", "unavailable", "no GPU"), ConfigError("no such flag"), KeyError("x")]
)
async def test_a_first_start_that_failed_is_waited_for_no_longer(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    low, top = Slow("low"), Slow("top")
    low.fault, low.ill = fault, "low: down: it says why"
    low.go.set()
    top.go.set()
    async with living(low, top) as http:
        await until(lambda: top.running)
        assert await readyz(http) == (
            200,
            {"ready": True, "tiers": ["top"], "starting": {}, "missing": {"low": low.ill}},
        )
    assert [r.levelname for r in caplog.records] == ["ERROR"] and "low" in caplog.text


async def test_a_rung_that_died_later_is_missing_and_not_waited_for() -> None:
    low, top = ScriptedTier("low"), ScriptedTier("top", local=False)
    async with living(low, top) as http:
        low.ill = "low: starting: loading the weights, 12 s so far"
        status, told = await readyz(http)
        assert (status, told["starting"], told["missing"]) == (200, {}, {"low": low.ill})


async def test_hosted_rungs_are_up_before_it_listens_and_keep_a_wrong_one_from_it() -> None:
    wrong = Slow("top", local=False)
    wrong.fault = ConfigError("api_key_env: X is not set")
    wrong.go.set()
    with pytest.raises(ConfigError):
        async with living(Slow("low"), wrong):
            raise AssertionError


async def test_ending_in_the_middle_of_a_start_stops_all() -> None:
    log = list[str]()
    low, middle, top = Slow("low", log), Slow("middle", log), Slow("top", log, local=False)
    top.go.set()
    async with living(low, middle, top):
        await until(lambda: "start low" in log)
    assert log == ["start top", "start low", "stop top", "stop low", "stop middle"]


async def test_engines_end_together_and_one_that_fails_to_keeps_no_other_from_it() -> None:
    both, log = asyncio.Barrier(2), list[str]()

    class Ending(Slow):
        async def stop(self) -> None:
            async with asyncio.timeout(10):
                await both.wait()  # one after another, this never ends
            self.log.append(f"stop {self.name}")
            if self.name == "low":
                raise KeyError("x")

    low, middle, ledger = Ending("low", log), Ending("middle", log), NoLedger()
    low.go.set()
    middle.go.set()
    served = app(rungs=[low, middle], ledger=ledger)
    with pytest.raises(KeyError):
        async with served.router.lifespan_context(served):
            await until(lambda: middle.running)
    assert sorted(log[2:]) == ["stop low", "stop middle"] and ledger.life == ["start", "stop"]


async def test_a_rung_that_cannot_be_served_is_named_once_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    low = Slow("low")
    low.fault = ConfigError("tier 'low': engine: no such flag")
    low.go.set()
    async with living(low, ScriptedTier("top", local=False)):
        await until(lambda: bool(caplog.records))
    assert caplog.records[0].getMessage() == "low: engine: no such flag"


async def test_whoever_waits_for_all_of_them_hears_of_it() -> None:
    low, ledger = Slow("low"), NoLedger()
    served = app(rungs=[low], ledger=ledger)
    rising = served.state.rising
    assert isinstance(rising, Rising)
    async with served.router.lifespan_context(served):
        assert not rising.over.is_set()
        low.go.set()
        await asyncio.wait_for(rising.over.wait(), 10)
        assert low.running and not rising.waiting
