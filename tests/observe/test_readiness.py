"""A tier is ready when it says so in time, and in no other case."""

import asyncio

import pytest

from rungwise.observe.readiness import Readiness
from rungwise.tiers.scripted import ScriptedTier

pytestmark = pytest.mark.anyio


class Silent(ScriptedTier):
    async def health(self) -> str | None:
        await asyncio.Event().wait()
        return None


class Odd(ScriptedTier):
    async def health(self) -> str | None:
        raise ZeroDivisionError


async def test_only_a_tier_that_says_so_in_time_is_ready() -> None:
    ill = ScriptedTier("ill")
    ill.ill = "ill: no key"
    readiness = Readiness(
        [ScriptedTier("well"), ill, Silent("silent"), Odd("odd")], patience_s=0.01
    )
    assert not any(readiness.ready.values()), "nobody was asked yet"
    await readiness.look()
    assert readiness.ready == {"well": True, "ill": False, "silent": False, "odd": False}


async def test_a_tier_that_is_well_and_may_not_be_asked_is_not_ready() -> None:
    faults = ["the ledger cannot be written"]
    readiness = Readiness(
        [ScriptedTier("own"), ScriptedTier("paid", local=False)],
        barred=lambda tier: faults[0] if faults and not tier.local else None,
    )
    await readiness.look()
    assert readiness.ready == {"own": True, "paid": False}
    faults.clear()
    await readiness.look()
    assert all(readiness.ready.values())


async def test_it_goes_on_looking_until_it_is_stopped() -> None:
    tier = ScriptedTier("t")
    readiness = Readiness([tier], every_s=0.001)
    await readiness.start()
    async with asyncio.timeout(5):
        while not readiness.ready["t"]:
            await asyncio.sleep(0.001)
        tier.ill = "t: gone"
        while readiness.ready["t"]:
            await asyncio.sleep(0.001)
    await readiness.stop()
    await readiness.stop()
