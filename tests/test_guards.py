"""Do a rung's guards hold together, from the document to the ledger, with real upstreams?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from rungwise.config import GuardsConfig
from rungwise.tiers.scripted import ScriptedTier, say
from tests.doubles.upstream import Answer, Upstream, refused_url
from tests.served import CHAT, Served, hosted, hosted_words, served

pytestmark = pytest.mark.anyio

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
FINE = Answer(hosted_words("fine words", usage=USAGE))
HALF = Answer(hosted_words("half an", finish=None), then="cut")
HANGS = Answer(hosted_words("half an", finish=None), then="hang")
STREAMED = pytest.mark.parametrize("stream", [False, True])
ASKED = [{"role": "user", "content": "What is it?"}]
HURRIED = {"x-rungwise-deadline-s": "0.2"}


def refusing(status: int, said: str = "no", **headers: str) -> Answer:
    body = json.dumps({"error": {"message": said}}).encode()
    return Answer(body, status=status, type="application/json", headers=headers)


def top() -> ScriptedTier:
    return ScriptedTier("top", say("better"), model="big")


@asynccontextmanager
async def behind(
    folder: Path, *answers: Answer, more: str = "", above: bool = True, key: str = "sk-1"
) -> AsyncIterator[tuple[Served, Upstream]]:
    """The app of a rung `low` before these answers, and of `top` above it."""
    async with Upstream(*answers) as upstream:
        rungs: list[ScriptedTier | str] = [hosted("low", upstream.url, more=more)]
        rungs += [top()] if above else []
        async with served(folder, *rungs, key=key) as server:
            yield server, upstream


# ---- retries ---------------------------------------------------------------------------------


@STREAMED
@pytest.mark.parametrize("status", [429, 500, 503, 529])
async def test_a_refusal_that_passes_is_not_noticed(
    tmp_path: Path, status: int, stream: bool
) -> None:
    """One attempt, billed once, whatever it took."""
    async with behind(tmp_path, refusing(status), refusing(status), FINE) as (server, upstream):
        answer = await server.ask(stream=stream)
    assert (answer.tier, answer.text) == ("low", "fine words ")
    assert len(upstream.requests) == 3 and len(answer.attempts) == 1
    assert answer.attempt("low")["usage"]["input"] == 1000


async def test_an_upstream_that_asks_for_longer_is_left_to_the_next_rung_at_once(
    tmp_path: Path,
) -> None:
    async with behind(tmp_path, refusing(429, **{"retry-after": "30"}), FINE) as (server, upstream):
        answer = await server.ask()
    assert answer.tier == "top" and len(upstream.requests) == 1
    assert answer.attempt("low")["fault"] == "rate_limited"


async def test_without_a_next_rung_the_caller_is_told_when_to_come_again(tmp_path: Path) -> None:
    limited = refusing(429, **{"retry-after": "30"})
    async with behind(tmp_path, limited, above=False) as (server, _):
        with pytest.raises(openai.InternalServerError) as caught:
            await server.ask()
    assert caught.value.response.headers["retry-after"] == "30"


@pytest.mark.parametrize("status", [400, 401, 413])
async def test_a_refusal_that_stays_is_not_tried_again(tmp_path: Path, status: int) -> None:
    async with behind(tmp_path, refusing(status)) as (server, upstream):
        answer = await server.ask()
    assert answer.tier == "top" and len(upstream.requests) == 1


async def test_what_was_begun_is_never_begun_again(tmp_path: Path) -> None:
    async with behind(tmp_path, HALF, FINE) as (server, upstream):
        told = (await server.stream()).text
    assert '"code":"broken"' in told and "[DONE]" not in told and len(upstream.requests) == 1


# ---- deadlines -------------------------------------------------------------------------------


@STREAMED
async def test_retries_on_every_rung_end_with_the_requests_deadline(
    tmp_path: Path, stream: bool
) -> None:
    """Each rung would try for a minute: that this ends at all is the test."""
    more = ", guards: {retries: 10, retry_wait_s: 60, breaker_failures: 0}"
    async with Upstream(refusing(503)) as upstream, Upstream(Answer(silent=True)) as above:
        rungs = hosted("low", upstream.url, more=more), hosted("top", above.url)
        async with served(tmp_path, *rungs) as server:
            told = await server.http.post(
                CHAT,
                json={"model": "auto", "messages": ASKED, "stream": stream},
                headers=HURRIED,
            )
            entry = await server.why(told.headers["x-request-id"])
    assert told.status_code == 503 and "[DONE]" not in told.text
    low, last = entry["attempts"]
    assert low["fault"] in ("overloaded", "timeout") and last["fault"] == "timeout"
    assert (last["tier"], last["state"]) == ("top", "failed")


async def test_neither_does_falling_over_make_a_rung_slower_than_its_deadline(
    tmp_path: Path,
) -> None:
    async with Upstream(Answer(silent=True)) as other:
        equal = hosted("other", other.url, model="m", more=", deadline_s: 60")
        more = f", deadline_s: 0.3, guards: {{retries: 1}}, equals: [{equal}]"
        async with served(tmp_path, hosted("low", refused_url(), more=more), top()) as server:
            answer = await server.ask()
    assert answer.tier == "top"
    assert answer.attempt("low")["fault"] in ("timeout", "unavailable")


async def test_a_callers_haste_does_not_open_a_breaker(tmp_path: Path) -> None:
    more = ", guards: {breaker_failures: 2}"
    silent = [Answer(silent=True)] * 3
    async with behind(tmp_path, *silent, FINE, more=more) as (server, upstream):
        for _ in range(3):
            with pytest.raises(openai.InternalServerError):
                await server.ask(headers={"x-rungwise-deadline-s": "0.1"}, model="auto")
        assert (await server.ask()).tier == "low"
    assert len(upstream.requests) == 4


# ---- breaker ---------------------------------------------------------------------------------

BREAKS = ", guards: {retries: 0, breaker_failures: 2, breaker_open_s: 0.2}"


async def test_an_upstream_that_only_fails_is_not_asked_until_it_may_work_again(
    tmp_path: Path,
) -> None:
    answers = refusing(500), refusing(500), FINE
    async with behind(tmp_path, *answers, more=BREAKS) as (server, upstream):
        failed = [await server.ask() for _ in range(2)]
        refused = await server.ask()
        ready: Mapping[str, Any] = (await server.http.get("/readyz")).json()
        assert len(upstream.requests) == 2
        await asyncio.sleep(0.2)
        assert (await server.ask()).tier == "low"
        assert (await server.http.get("/readyz")).json()["missing"] == {}
    assert [answer.attempt("low")["fault"] for answer in failed] == ["broken"] * 2
    attempt = refused.attempt("low")
    assert refused.tier == "top" and attempt["fault"] == "unavailable"
    assert "its breaker is open for another" in attempt["reason"]
    assert attempt["usage"]["input"] == 0 and attempt["state"] == "failed"
    assert "its breaker is open" in ready["missing"]["low"] and ready["tiers"] == ["top"]


async def test_each_upstream_has_a_breaker_of_its_own(tmp_path: Path) -> None:
    async with Upstream(refusing(500)) as bad, Upstream(FINE) as good:
        rungs = hosted("low", bad.url, more=BREAKS), hosted("top", good.url, more=BREAKS)
        async with served(tmp_path, *rungs) as server:
            assert [(await server.ask()).tier for _ in range(4)] == ["top"] * 4
    assert (len(bad.requests), len(good.requests)) == (2, 4)


# ---- keys ------------------------------------------------------------------------------------


def keys_of(upstream: Upstream) -> list[str]:
    return [r.headers["authorization"].removeprefix("Bearer ") for r in upstream.requests]


async def test_keys_take_turns_and_one_that_is_refused_rests(tmp_path: Path) -> None:
    answers = FINE, FINE, refusing(401), FINE
    async with behind(tmp_path, *answers, key="sk-1, sk-2") as (server, upstream):
        for _ in range(5):
            assert (await server.ask()).tier == "low"
    assert keys_of(upstream) == ["sk-1", "sk-2", "sk-1", "sk-2", "sk-2", "sk-2"]


async def test_when_every_key_is_limited_the_next_rung_answers(tmp_path: Path) -> None:
    limited = refusing(429, **{"retry-after": "30"})
    async with behind(tmp_path, limited, key="sk-1,sk-2") as (server, upstream):
        answers = [await server.ask() for _ in range(2)]
    assert [answer.tier for answer in answers] == ["top"] * 2
    assert keys_of(upstream) == ["sk-1", "sk-2"], "the second request asks nobody"
    assert [a.attempt("low")["fault"] for a in answers] == ["rate_limited"] * 2


async def test_no_key_of_a_pool_is_told_to_anybody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    said = refusing(400, "sk-first-1 is bad, and so is sk-second-2")
    async with behind(tmp_path, said, above=False, key="sk-first-1,sk-second-2") as (server, _):
        told = await server.http.post(CHAT, json={"model": "auto", "messages": ASKED})
        entry = await server.http.get(f"/v1/answers/{told.headers['x-request-id']}")
        everything = told.text + entry.text + await server.metrics() + caplog.text
    assert "is bad" in told.text
    assert "sk-first" not in everything and "sk-second" not in everything


# ---- equals ----------------------------------------------------------------------------------


def priced(usd: int) -> str:
    return f", price: {{input: {usd}, output: {usd}}}"


@STREAMED
async def test_an_equal_answers_in_a_rungs_place_and_is_billed_at_its_own_price(
    tmp_path: Path, stream: bool
) -> None:
    async with Upstream(refusing(429, **{"retry-after": "30"})) as first, Upstream(FINE) as second:
        equal = hosted("other", second.url, model="m", more=priced(7))
        rung = hosted("low", first.url, more=f"{priced(1)}, equals: [{equal}]")
        async with served(tmp_path, rung, top()) as server:
            answers = [await server.ask(stream=stream) for _ in range(2)]
    for answer in answers:
        (attempt,) = answer.attempts
        assert (answer.tier, attempt["model"], attempt["state"]) == ("low", "m", "released")
        assert attempt["cost_usd"] == 1100 * 7 / 1e6
        assert attempt["billed_as"] == "m-2026", "the upstream's own word is kept"
    assert len(first.requests) == 1, "it said when to come again"


async def test_a_draft_that_may_be_billed_goes_to_the_next_rung_and_to_no_equal(
    tmp_path: Path,
) -> None:
    """What was set aside for the rung pays for one draft."""
    opened = Answer(b"", then="cut")
    async with Upstream(opened) as first, Upstream(FINE) as second:
        equal = hosted("other", second.url, model="m")
        async with served(
            tmp_path, hosted("low", first.url, more=f", equals: [{equal}]"), top()
        ) as server:
            answer = await server.ask()
    assert answer.tier == "top" and answer.attempt("low")["usage"]["estimated"]
    assert (len(first.requests), len(second.requests)) == (1, 0)


async def test_where_no_equal_can_draft_the_ledger_says_what_each_said(tmp_path: Path) -> None:
    equal = hosted("other", refused_url(), model="m", more=", guards: {retries: 0}")
    more = f", guards: {{retries: 0}}, equals: [{equal}]"
    async with (
        Upstream(refusing(503, "too much")) as first,
        served(tmp_path, hosted("low", first.url, more=more), top()) as server,
    ):
        answer = await server.ask()
    attempt = answer.attempt("low")
    assert answer.tier == "top" and attempt["fault"] == "overloaded"
    assert "too much; other: no connection" in attempt["reason"]


# ---- limits ----------------------------------------------------------------------------------

ONE = ", guards: {concurrent: 1}"


async def test_a_full_rung_spills_which_is_no_escalation(tmp_path: Path) -> None:
    async with behind(tmp_path, HANGS, FINE, more=ONE) as (server, upstream):
        first = asyncio.ensure_future(server.stream())
        await upstream.asked.wait()
        spilled = await server.ask()
        first.cancel()
        await asyncio.wait((first,))
        await upstream.gone.wait()
        assert (await server.ask()).tier == "low", "its turn was given back"
        metrics = await server.metrics()
    low, answered = spilled.attempts
    assert (low["state"], low["fault"], low["cost_usd"]) == ("spilled", None, 0)
    assert low["reason"] == "1 of 1 drafts are open" and low["verdict"] is None
    assert (answered["tier"], answered["state"]) == ("top", "released")
    assert spilled.why["state"] == "answered"
    assert 'rungwise_spills_total{tier="low"} 1.0' in metrics
    assert "rungwise_escalations_total{" not in metrics


async def test_the_last_rung_has_drafts_wait_their_turn(tmp_path: Path) -> None:
    async with behind(tmp_path, FINE, more=ONE, above=False) as (server, upstream):
        answers = await asyncio.gather(*(server.ask() for _ in range(8)))
    assert [answer.text for answer in answers] == ["fine words "] * 8
    assert len(upstream.requests) == 8 and upstream.most_open == 1


async def test_a_turn_that_does_not_come_is_said_to_be_the_rungs_fault(tmp_path: Path) -> None:
    more = ", deadline_s: 0.3, guards: {concurrent: 1}"
    async with behind(tmp_path, HANGS, more=more, above=False) as (server, upstream):
        asked = [asyncio.ensure_future(server.stream()) for _ in range(3)]
        told = [(await answer) for answer in asked]
    codes = sorted(t.json()["error"]["message"] for t in told if t.status_code == 503)
    assert codes and all("low saturated" in code or "low timeout" in code for code in codes)
    assert all("[DONE]" not in t.text for t in told) and upstream.most_open == 1


# ---- knobs -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A key of `guards`, without and with it, and what is seen of so many requests at once or one
    after another."""

    name: str
    plain: str = ""
    turned: str
    answers: tuple[Answer, ...]
    asked: int = 1
    together: bool = False
    see: Callable[[Seen], object]
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Seen:
    tiers: list[str]
    upstream: Upstream


def last_tier(seen: Seen) -> object:
    return seen.tiers[-1]


LATER = refusing(429, **{"retry-after": "0.05"})
SLOW = Answer(hosted_words("fine words"), drip_s=0.02)
KNOBS = [
    Knob(
        name="retries",
        turned="retries: 0",
        answers=(refusing(500), FINE),
        see=last_tier,
        before="low",
        after="top",
    ),
    Knob(
        name="retry_wait_s",
        turned="retry_wait_s: 0.04",
        answers=(LATER, FINE),
        see=last_tier,
        before="low",
        after="top",
    ),
    Knob(
        name="breaker_failures",
        plain="retries: 0",
        turned="retries: 0, breaker_failures: 1",
        answers=(refusing(500),),
        asked=3,
        see=lambda seen: len(seen.upstream.requests),
        before=3,
        after=1,
    ),
    Knob(
        name="breaker_open_s",
        plain="retries: 0, breaker_failures: 1",
        turned="retries: 0, breaker_failures: 1, breaker_open_s: 0.001",
        answers=(refusing(500), FINE),
        asked=2,
        see=last_tier,
        before="top",
        after="low",
    ),
    Knob(
        name="concurrent",
        turned="concurrent: 1",
        answers=(SLOW,),
        asked=4,
        together=True,
        see=lambda seen: seen.upstream.most_open > 1,
        before=True,
        after=False,
    ),
]


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
async def test_a_knob_changes_what_is_seen(tmp_path: Path, knob: Knob) -> None:
    seen = [
        await seen_with(tmp_path / part, getattr(knob, part), knob) for part in ("plain", "turned")
    ]
    assert seen == [knob.before, knob.after]


async def seen_with(folder: Path, guards: str, knob: Knob) -> object:
    more = f", guards: {{{guards}}}"
    async with behind(folder, *knob.answers, more=more) as (server, upstream):
        if knob.together:
            tiers = [
                a.tier for a in await asyncio.gather(*(server.ask() for _ in range(knob.asked)))
            ]
        else:
            tiers = [(await server.ask()).tier for _ in range(knob.asked)]
    return knob.see(Seen(tiers, upstream))


def test_every_knob_has_a_line() -> None:
    assert {knob.name for knob in KNOBS} == set(GuardsConfig.model_fields)
