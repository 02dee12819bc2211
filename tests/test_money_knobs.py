"""Does every knob of access, prices, ledger and rungs do something? Each is turned, over HTTP.

What other files turn already is not here: tests/test_every_knob.py says where each one is turned.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from rungwise.build import build_app, build_ladder
from rungwise.config import load
from rungwise.tiers.local.vllm import VllmTier
from rungwise.tiers.scripted import ScriptedTier, pause, say
from rungwise.types import Done, Usage
from tests.doubles.upstream import Answer, Request, Upstream
from tests.served import CHAT, KEY, RUNGS, document, hosted, hosted_words, served

pytestmark = pytest.mark.anyio

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
FINE = Answer(hosted_words("fine words", usage=USAGE))
SILENT = Answer(silent=True)
BODY: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": "What is it?"}],
}
PRICED = ", price: {input: 1, output: 1}"
POLLS = 60
"""How often a key is tried at 10 ms: fewer than fit between two readings of the keys by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    name: str
    plain: str = ""
    turned: str
    see: Callable[[Path, str], Awaitable[object]]
    before: object
    after: object


def top() -> ScriptedTier:
    return ScriptedTier("top", pause(0.02) + say("better"), model="big")


# ---- what is seen ----------------------------------------------------------------------------


async def statuses(folder: Path, config: str) -> object:
    """Of two requests, one after the other, to a rung that is free."""
    async with served(folder, top(), config=config) as server:
        return [(await server.http.post(CHAT, json=BODY)).status_code for _ in range(2)]


async def statuses_together(folder: Path, config: str) -> object:
    async with served(folder, top(), config=config) as server:
        told = await asyncio.gather(*(server.http.post(CHAT, json=BODY) for _ in range(2)))
    return sorted(answer.status_code for answer in told)


def paid(
    show: Callable[[httpx.Response], object], more: str = PRICED
) -> Callable[[Path, str], Awaitable[object]]:
    """One request to a rung that costs money, and nothing above it."""

    async def see(folder: Path, config: str) -> object:
        async with (
            Upstream(FINE) as upstream,
            served(folder, hosted("low", upstream.url, more=more), config=config) as server,
        ):
            return show(await server.http.post(CHAT, json=BODY))

    return see


def status(answer: httpx.Response) -> object:
    return answer.status_code


def window(answer: httpx.Response) -> object:
    message: str = answer.json()["error"]["message"]
    return next(words for words in ("per day", "per month") if words in message)


def cost(answer: httpx.Response) -> object:
    return answer.json()["rungwise"]["cost_usd"]


async def tier_after_silence(folder: Path, config: str) -> object:
    """Who answers in place of a rung that says nothing for 0.3 s."""
    async with (
        Upstream(SILENT) as upstream,
        served(
            folder, hosted("low", upstream.url, more=", deadline_s: 0.3"), top(), config=config
        ) as server,
    ):
        answer = await server.http.post(CHAT, json=BODY)
    return answer.headers.get("x-rungwise-tier", answer.status_code)


async def second_while_nothing_can_be_written(folder: Path, config: str) -> object:
    """The first finds out that the database is locked."""
    path = folder / "rungwise.db"
    async with served(folder, top(), config=config) as server:
        with sqlite3.connect(path, isolation_level=None) as other:
            other.execute("begin immediate")
            told = [(await server.http.post(CHAT, json=BODY)).status_code for _ in range(2)]
            other.execute("rollback")
        other.close()
    return told


LIMITS = "access: {limits: {%s}}"
NOTHING = "access: {limits: {caps: [{usd: 0%s}]}}"

KNOBS = [
    Knob(
        name="ServerConfig.deadline_s",
        turned="server: {deadline_s: 0.05}",
        see=tier_after_silence,
        before="top",
        after=503,
    ),
    Knob(
        name="AccessConfig.stored_keys",
        turned="access: {stored_keys: true}",
        see=statuses,
        before=[200, 200],
        after=[401, 401],
    ),
    Knob(
        name="LimitsConfig.requests_per_minute",
        turned=LIMITS % "requests_per_minute: 1",
        see=statuses,
        before=[200, 200],
        after=[200, 429],
    ),
    Knob(
        name="LimitsConfig.concurrent",
        turned=LIMITS % "concurrent: 1",
        see=statuses_together,
        before=[200, 200],
        after=[200, 429],
    ),
    Knob(
        name="LimitsConfig.caps",
        turned=LIMITS % "caps: [{usd: 0}]",
        see=paid(status),
        before=200,
        after=402,
    ),
    Knob(
        name="CapConfig.usd",
        plain=LIMITS % "caps: [{usd: 100}]",
        turned=NOTHING % "",
        see=paid(status),
        before=200,
        after=402,
    ),
    Knob(
        name="CapConfig.window",
        plain=NOTHING % "",
        turned=NOTHING % ", window: day",
        see=paid(window),
        before="per month",
        after="per day",
    ),
    Knob(
        name="CapConfig.of",
        plain=NOTHING % "",
        turned=NOTHING % ", of: escalation",
        see=paid(status),
        before=402,
        after=200,
    ),
    Knob(
        name="PricesConfig.unknown",
        turned="prices: {unknown: refuse}",
        see=paid(status, more=""),
        before=200,
        after=402,
    ),
    Knob(
        name="PricesConfig.models",
        turned="prices: {models: {m-2026: {input: 7, output: 7}}}",
        see=paid(cost, more=""),
        before=None,
        after=1100 * 7 / 1e6,
    ),
]


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
async def test_a_knob_changes_what_is_seen(tmp_path: Path, knob: Knob) -> None:
    before = await knob.see(tmp_path / "plain", knob.plain)
    after = await knob.see(tmp_path / "turned", knob.turned)
    assert (before, after) == (knob.before, knob.after)


@pytest.mark.parametrize(
    ("turned", "after"), [("", [200, 200]), ("ledger: {when_lost: refuse}", [200, 503])]
)
async def test_when_lost_says_what_goes_on_while_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turned: str, after: list[int]
) -> None:
    monkeypatch.setattr("rungwise.store.sqlite._BUSY_MS", 20)
    assert await second_while_nothing_can_be_written(tmp_path / "a", turned) == after


async def test_url_env_names_the_variable_with_the_database(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.db"
    config = load(
        document(
            tmp_path / "a",
            "{name: low, kind: openai, model: m, api_key_env: KEY}",
            config="ledger: {url_env: STORE}",
        ),
        {"KEY": KEY, "STORE": f"sqlite:///{path}"},
    )
    app = build_app(config, ())
    async with app.router.lifespan_context(app):
        assert path.exists()
    assert not config.ledger.path.exists()


async def test_refresh_s_is_how_soon_a_new_key_is_known(tmp_path: Path) -> None:
    from rungwise.access.keybook import create
    from rungwise.access.secret import digest_of
    from rungwise.store.sql import Store
    from rungwise.types import Caller

    config = "access: {stored_keys: true, refresh_s: 0.02}"
    async with served(tmp_path / "a", top(), config=config) as server:
        store = Store(tmp_path / "a" / "rungwise.db")
        await store.start()
        made = Caller(name="ci"), digest_of("secret")
        await store.write(lambda on: create(on, caller=made[0], digest=made[1], at=0.0))
        await store.stop()
        server.http.headers["authorization"] = "Bearer secret"
        for _ in range(POLLS):
            if (told := await server.http.post(CHAT, json=BODY)).status_code == 200:
                break
            await asyncio.sleep(0.01)
    assert told.status_code == 200


# ---- rungs -----------------------------------------------------------------------------------


def section(**told: str) -> str:
    given = {"name": "low", "kind": "openai", "model": "m", "api_key_env": "KEY", **told}
    return "{" + ", ".join(f"{key}: {value}" for key, value in given.items()) + "}"


async def seen_of(folder: Path, **told: str) -> tuple[Any, Request | None]:
    """What is told of the answer, and what the rung's upstream was sent, where it was asked."""
    async with Upstream(FINE) as upstream:
        root = upstream.url if told.get("kind") == "anthropic" else f"{upstream.url}/v1"
        async with served(folder, section(base_url=root, **told), top()) as server:
            answer = await server.http.post(CHAT, json=BODY)
            why = await server.why(answer.headers["x-request-id"])
        return why, upstream.requests[0] if upstream.requests else None


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("openai", "/v1/chat/completions"),
        ("responses", "/v1/responses"),
        ("anthropic", "/v1/messages"),
    ],
)
async def test_kind_is_the_protocol_and_model_what_it_is_asked_for(
    tmp_path: Path, kind: str, path: str
) -> None:
    """And base_url is where, and api_key_env with which key."""
    _, sent = await seen_of(tmp_path / "a", kind=kind, model="small-2")
    assert sent is not None and (sent.path, sent.body["model"]) == (path, "small-2")
    assert KEY in sent.headers.get("authorization", "") + sent.headers.get("x-api-key", "")


async def test_name_and_served_as_are_what_callers_see(tmp_path: Path) -> None:
    why, _ = await seen_of(tmp_path / "a")
    assert (why["attempts"][0]["tier"], why["attempts"][0]["model"]) == ("low", "m-2026")
    why, _ = await seen_of(tmp_path / "b", name="cheap", served_as="ours")
    assert (why["attempts"][0]["tier"], why["attempts"][0]["model"]) == ("cheap", "ours")


async def test_context_and_card_say_what_a_rung_is_not_asked_for(tmp_path: Path) -> None:
    why, sent = await seen_of(tmp_path / "a", context="5")
    assert sent is None and why["tier"] == "top" and "low" in why["plan"]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    asked = {**BODY, "messages": [{"role": "user", "content": [picture]}]}
    plans = []
    async with Upstream(FINE) as upstream:
        for place, more in enumerate((", card: Qwen/Qwen3-8B", "")):
            low = hosted("low", upstream.url, more=more)
            async with served(tmp_path / str(place), low, top()) as server:
                answer = await server.http.post(CHAT, json=asked)
                plans.append((await server.why(answer.headers["x-request-id"]))["plan"])
    assert ["low takes no images" in plan for plan in plans] == [True, False]


async def test_dialect_says_how_the_server_wants_its_limit(tmp_path: Path) -> None:
    for place, (told, limit) in enumerate(
        (({}, "max_completion_tokens"), ({"dialect": "vllm"}, "max_tokens"))
    ):
        _, sent = await seen_of(tmp_path / str(place), **told)
        assert sent is not None and sent.body[limit] == 10
        assert ("cache_salt" in sent.body) is (limit == "max_tokens")


async def test_a_plugin_is_built_with_its_options(tmp_path: Path) -> None:
    given: list[Mapping[str, Any]] = []
    module = ModuleType(RUNGS)

    def make(told: Any) -> ScriptedTier:
        given.append(told.options)
        return ScriptedTier(told.name, say("hello"), model=told.model)

    module.make = make  # type: ignore[attr-defined]
    rung = f"{{name: own, kind: '{RUNGS}:make', model: small, options: {{depth: 3}}}}"
    sys.modules[RUNGS] = module
    try:
        build_ladder(load(document(tmp_path / "a", rung, config=""), {}))
    finally:
        del sys.modules[RUNGS]
    assert given == [{"depth": 3}]


async def test_the_box_prices_the_energy_of_a_local_rung(tmp_path: Path) -> None:
    done = Done(model="m", usage=Usage(), engine_s=1.8, joules=3600)
    rung = "{name: own, kind: vllm, model: m, usd_per_gpu_hour: 2}"
    costs = []
    for place, config in enumerate(("", "box: {usd_per_kwh: 0.3}")):
        (tier,) = build_ladder(load(document(tmp_path / str(place), rung, config=config), {}))
        assert isinstance(tier, VllmTier)
        costs.append(tier.cost_nano(done))
    assert costs == [1_000_000, 1_300_000]
