"""Does every knob of answer_cache do something? Each is turned, and the next answer shows it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from rungwise.build import build_app
from rungwise.config import AnswerCacheConfig, load
from rungwise.tiers.scripted import ScriptedTier, say
from tests.served import PATIENCE_S, RUNGS, document, served

pytestmark = pytest.mark.anyio

TWICE: dict[str, Any] = {"temperature": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    name: str
    plain: str
    turned: str
    asked: dict[str, Any] = field(default_factory=lambda: TWICE)
    before: bool
    after: bool


MEMORY = "answer_cache: {store: memory"
KNOBS = [
    Knob(name="store", plain="", turned=f"{MEMORY}}}", before=False, after=True),
    Knob(
        name="ttl_s",
        plain=f"{MEMORY}}}",
        turned=f"{MEMORY}, ttl_s: 0.000001}}",
        before=True,
        after=False,
    ),
    Knob(
        name="max_mib",
        plain=f"{MEMORY}}}",
        turned=f"{MEMORY}, max_mib: 0.0001}}",
        before=True,
        after=False,
    ),
    Knob(
        name="any_temperature",
        plain=f"{MEMORY}}}",
        turned=f"{MEMORY}, any_temperature: true}}",
        asked={"temperature": 0.7},
        before=False,
        after=True,
    ),
]


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
async def test_a_knob_changes_what_is_seen(tmp_path: Path, knob: Knob) -> None:
    before = await recalled(tmp_path / "plain", knob.plain, knob.asked)
    after = await recalled(tmp_path / "turned", knob.turned, knob.asked)
    assert (before, after) == (knob.before, knob.after)


async def recalled(folder: Path, config: str, asked: dict[str, Any]) -> bool:
    """Whether the same again is a remembered answer."""
    low = ScriptedTier("low", say("hello"), model="small")
    async with served(folder, low, config=config) as server:
        first = await server.ask(**asked)
        again = await server.ask(**asked, stream=True)
    assert first.text == again.text == "hello"
    told = [attempt["state"] for attempt in again.attempts] == ["recalled"]
    assert told == (len(low.chats) == 1)
    return told


async def test_it_is_kept_in_the_ledgers_database(tmp_path: Path) -> None:
    config = f"answer_cache: {{store: sql}}\nledger: {{path: {tmp_path / 'ledger.db'}}}"
    for again in (False, True):
        low = ScriptedTier("low", say("hello"), model="small")
        async with served(tmp_path / "a", low, config=config) as server:
            answer = await server.ask(**TWICE)
        assert ([a["state"] for a in answer.attempts] == ["recalled"]) is again


async def test_another_model_forgets(tmp_path: Path) -> None:
    config = f"answer_cache: {{store: sql}}\nledger: {{path: {tmp_path / 'ledger.db'}}}"
    for model in ("small", "other"):
        low = ScriptedTier("low", say("hello"), model=model)
        async with served(tmp_path / "a", low, config=config) as server:
            answer = await server.ask(**TWICE)
        assert [a["state"] for a in answer.attempts] == ["released"]


async def test_the_address_of_redis_comes_from_the_environment(
    tmp_path: Path, redis_url: str
) -> None:
    low = ScriptedTier("low", say("hello"), model="small")
    path = document(tmp_path / "a", low, config="answer_cache: {store: redis, redis_url_env: R}")
    module = ModuleType(RUNGS)
    module.low = lambda _: low  # type: ignore[attr-defined]
    sys.modules[RUNGS] = module
    try:
        app = build_app(load(path, {"R": redis_url}), ())
    finally:
        del sys.modules[RUNGS]
    asked = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}
    async with asyncio.timeout(PATIENCE_S), app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            told = [(await http.post("/v1/chat/completions", json=asked)).json() for _ in range(2)]
    assert [answer["rungwise"]["recalled"] for answer in told] == [False, True]


def test_every_knob_has_a_line() -> None:
    own = {knob.name for knob in KNOBS} | {"redis_url_env", "redis_url"}
    assert set(AnswerCacheConfig.model_fields) == own
