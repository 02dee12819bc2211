"""Is the owner told of a key that climbs too often, once, and of no other? Over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rungwise.tiers.scripted import Script, ScriptedTier, say
from rungwise.types import Chat
from tests.served import CHAT, Served, served

pytestmark = pytest.mark.anyio

CLIMBS, STAYS = "the-key-of-who-climbs", "the-key-of-who-stays"
GATES = "gates: [{tier: low, calibration: window.json}]"
ALARM = "access: {escalation_alarm: {share: 0.5, least: 10, window: 20}}"
LOGGER = "rungwise.observe.climbing"


def low() -> ScriptedTier:
    """Sure of itself but where it is asked something hard."""

    def write(chat: Chat) -> Script:
        hard = "hard" in chat.messages[-1].text
        return say("an answer of its own", logprob=-3.0 if hard else -0.01)

    return ScriptedTier("low", write, model="small")


async def ask(
    server: Served,
    key: str,
    text: str,
    times: int,
    *,
    model: str = "auto",
    headers: Mapping[str, str] | None = None,
) -> list[str]:
    """The rungs that answered."""
    tiers = []
    for number in range(times):
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": f"{text} {number}?"}],
        }
        told = {"authorization": f"Bearer {key}", **(headers or {})}
        answer = await server.http.post(CHAT, json=body, headers=told)
        assert answer.status_code == 200
        tiers.append(answer.json()["rungwise"]["tier"])
    return tiers


async def told(server: Served) -> set[str]:
    """What /metrics says of it."""
    body = await server.http.get("/metrics", headers={"authorization": f"Bearer {STAYS}"})
    return {line for line in body.text.splitlines() if line.startswith("rungwise_escalat")}


async def test_a_key_that_climbs_is_told_once_and_another_stays_quiet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER)
    rungs = low(), ScriptedTier("top", say("better"))
    config = f"{GATES}\n{ALARM}"
    async with served(tmp_path, *rungs, config=config, callers=(CLIMBS, STAYS)) as server:
        assert set(await ask(server, CLIMBS, "How hard is", 9)) == {"top"}
        assert set(await ask(server, STAYS, "How easy is", 30)) == {"low"}
        assert "rungwise_escalating_keys 0.0" in await told(server) and not caplog.records
        await ask(server, CLIMBS, "How hard is", 15)
        found = await told(server)
        assert {"rungwise_escalating_keys 1.0", "rungwise_escalation_alarms_total 1.0"} <= found
        assert 'rungwise_escalation_alarm{key="key1"} 1.0' in found
        assert not any("key2" in line for line in found)
        (warning,) = caplog.records
        assert warning.levelno == logging.WARNING
        assert warning.getMessage().startswith("key1 climbs: 10 of its last 10 steps")
        caplog.clear()
        await ask(server, CLIMBS, "How easy is", 20)
        assert "rungwise_escalating_keys 0.0" in await told(server)
        (over,) = caplog.records
        assert over.levelno == logging.INFO and "key1" in over.getMessage()


async def test_a_start_that_is_raised_is_a_climb_and_a_pin_is_none(tmp_path: Path) -> None:
    rungs = low(), ScriptedTier("top", say("better"))
    async with served(tmp_path, *rungs, config=ALARM, callers=(CLIMBS, STAYS)) as server:
        floor = {"x-rungwise-floor": "top"}
        assert set(await ask(server, CLIMBS, "How is", 12, headers=floor)) == {"top"}
        assert set(await ask(server, STAYS, "How is", 12, model="top")) == {"top"}
        assert "rungwise_escalating_keys 1.0" in await told(server)


async def test_a_share_of_one_never_says_anything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER)
    rungs = low(), ScriptedTier("top", say("better"))
    config = f"{GATES}\n{ALARM.replace('0.5', '1')}"
    async with served(tmp_path, *rungs, config=config, callers=(CLIMBS, STAYS)) as server:
        await ask(server, CLIMBS, "How hard is", 25)
        assert "rungwise_escalating_keys 0.0" in await told(server) and not caplog.records
