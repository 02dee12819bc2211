"""Where others failed: does the whole server do better? One test or more for each failure.

Twelve (shadow calls) and fourteen (savings against a worst-case baseline) are of parts that do not
stand between a caller and an answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openai
import pytest

from rungwise.config import PriceConfig
from rungwise.tiers.scripted import Script, ScriptedTier, call, fail, pause, say, script, stall
from rungwise.types import Piece, ToolCallDelta, Usage
from tests.doubles.upstream import (
    Answer,
    Upstream,
    anthropic_block,
    anthropic_end,
    anthropic_start,
    anthropic_stream,
    openai_delta,
    openai_stream,
)
from tests.served import CHAT, hosted, hosted_words, served
from tests.test_knobs import KNOBS, fields_of_all_sections

pytestmark = pytest.mark.anyio

WINDOW = "gates: [{tier: low, calibration: window.json}]"
BEGINNING = "gates: [{tier: low, calibration: beginning.json}]"
CHECKED = "gates: [{tier: low, accept: checked}]"
JUDGED = "gates: [{tier: low, accept: checked, judge: {tier: top, deadline_s: 0.05}}]"

DOUBTFUL = say("wrong " * 30, logprob=-3.0)
SURE = say("a sure answer", logprob=-0.01)
BETTER = say("better")

PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
AS_PERSON: dict[str, Any] = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}}
}
WITH_TOOL: dict[str, Any] = {
    "tools": [{"type": "function", "function": {"name": "save", "parameters": PERSON}}]
}


def low(*scripts: Any, **more: Any) -> ScriptedTier:
    return ScriptedTier("low", *scripts, model="small", **more)


def top(*scripts: Any, **more: Any) -> ScriptedTier:
    return ScriptedTier("top", *scripts, model="big", **more)


def words_in(stream: str) -> str:
    """What a client that shows everything would have shown."""
    chunks = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    choices = [choice for chunk in chunks for choice in chunk.get("choices", ())]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


# ---- 1 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draft", "above", "config"),
    [
        (DOUBTFUL, (BETTER,), WINDOW),
        (DOUBTFUL, (BETTER,), BEGINNING),
        (say("wrong wrong"), (say("no"), BETTER), JUDGED),
        (say("I'm not sure, but wrong"), (BETTER,), CHECKED),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_1_a_rejected_draft_does_not_reach_the_client_beside_the_answer(
    tmp_path: Path, draft: Script, above: Sequence[Script], config: str, stream: bool
) -> None:
    async with served(tmp_path, low(draft), top(*above), config=config) as server:
        answer = await server.ask(stream=stream)
    assert answer.text == "better" and answer.tier == "top"
    assert answer.attempt("low")["state"] == "abandoned"


async def test_1_the_stream_of_an_answer_that_climbed_is_one_answer(tmp_path: Path) -> None:
    async with served(tmp_path, low(DOUBTFUL), top(BETTER), config=WINDOW) as server:
        told = (await server.stream()).text
    assert "wrong" not in told and words_in(told) == "better"
    assert told.count('"role":"assistant"') == 1 and told.count('"finish_reason":"stop"') == 1
    assert told.count("data: [DONE]") == 1 and told.endswith("data: [DONE]\n\n")


# ---- 2 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draft",
    [
        say("sure of itself"),
        say("sure of itself", logprobs=[None, None, None]),
        say("sure of itself", logprobs=[-0.01, None, None]),
    ],
)
@pytest.mark.parametrize("config", [WINDOW, BEGINNING])
@pytest.mark.parametrize("stream", [False, True])
async def test_2_a_missing_logprob_is_not_certainty(
    tmp_path: Path, draft: Script, config: str, stream: bool
) -> None:
    async with served(tmp_path, low(draft), top(BETTER), config=config) as server:
        answer = await server.ask(stream=stream)
    assert answer.tier == "top"
    told = answer.attempt("low")
    assert told["reason"] == "no log-probabilities to read"
    assert told["confidence"] is None and told["readings"] == {}


@pytest.mark.parametrize("given", [None, {"content": None}, {"content": []}])
async def test_2_nor_is_one_that_a_hosted_rung_leaves_out(
    tmp_path: Path, given: dict[str, Any] | None
) -> None:
    spoken = openai_stream(
        openai_delta("sure of", logprobs=given),
        openai_delta(" itself", logprobs=given, finish="stop"),
    )
    async with Upstream(Answer(spoken)) as upstream:
        rung = hosted("low", upstream.url, more=", logprobs: true")
        async with served(tmp_path, rung, top(BETTER), config=WINDOW) as server:
            answer = await server.ask()
    assert upstream.requests[0].body["logprobs"] is True
    assert answer.tier == "top"
    assert answer.attempt("low")["reason"] == "no log-probabilities to read"


# ---- 3 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("gates: [{tier: low}]", "low is passed over, not calibrated"),
        ("gates: [{tier: low, calibration: thin.json}]", "low is passed over, insufficient data"),
    ],
)
async def test_3_without_a_threshold_nothing_is_accepted(
    tmp_path: Path, config: str, why: str
) -> None:
    rung = low(SURE)
    async with served(tmp_path, rung, top(BETTER), config=config) as server:
        answer = await server.ask()
    assert answer.tier == "top" and why in answer.why["plan"]
    assert rung.chats == [], "and so no draft is paid for"


# ---- 4 ---------------------------------------------------------------------------------------


def test_4_every_documented_knob_does_something() -> None:
    """Each is turned in test_knobs.py, where it must change what is seen; here: all are there."""
    assert fields_of_all_sections() <= {knob.name for knob in KNOBS}


# ---- 5 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["", WINDOW])
async def test_5_not_a_byte_leaves_before_something_succeeded(tmp_path: Path, config: str) -> None:
    go = asyncio.Event()

    async def until_told(_: float) -> None:
        await go.wait()

    rung = top(pause(1) + BETTER, sleep=until_told)
    rungs = low(fail("overloaded") if not config else DOUBTFUL), rung
    async with served(tmp_path, *rungs, config=config, listening=True) as server:
        asked = {"model": "auto", "messages": [{"role": "user", "content": "x"}], "stream": True}
        request = server.http.build_request("POST", CHAT, json=asked)
        sending = asyncio.create_task(server.http.send(request, stream=True))
        while not rung.chats:
            await asyncio.sleep(0.001)
        done, _ = await asyncio.wait({sending}, timeout=0.05)
        assert not done, "headers would be a promise that nobody can keep yet"
        go.set()
        response = await sending
        told = await response.aread()
    assert response.headers["x-rungwise-tier"] == "top"
    assert response.headers["x-rungwise-rungs-tried"] == "2"
    assert words_in(told.decode()) == "better"


async def test_5_a_stream_that_never_began_has_the_status_of_its_failure(tmp_path: Path) -> None:
    rungs = low(DOUBTFUL), top(fail("overloaded", retry_after_s=7))
    async with served(tmp_path, *rungs, config=WINDOW) as server:
        told = await server.stream()
        assert told.status_code == 503 and told.headers["retry-after"] == "7"
        assert told.headers["content-type"] == "application/json"
        with pytest.raises(openai.InternalServerError):
            await server.ask(stream=True)


# ---- 6 and 16 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draft",
    [
        say("one two three four five", logprob=-0.01, finish=None) + fail("broken"),
        say("one two three four five", logprob=-0.01, finish=None) + fail("unavailable"),
    ],
)
async def test_6_nobody_goes_on_with_what_another_model_began(
    tmp_path: Path, draft: Script
) -> None:
    above = top(BETTER)
    async with served(tmp_path, low(draft), above, config=BEGINNING) as server:
        seen: list[str] = []
        chunks = await server.sdk.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": "x"}], stream=True
        )
        with pytest.raises(openai.APIError, match="low broke off"):
            async for chunk in chunks:
                seen.append(chunk.choices[0].delta.content or "")
                id = chunk.id
        why = await server.why(id)
    assert "".join(seen).split() == "one two three four five".split()
    assert above.chats == [] and why["state"] == "broken_off" and len(why["attempts"]) == 1


CUTS = [
    Answer(hosted_words("one two three", finish=None), then="cut"),
    Answer(hosted_words("one two three", finish=None), then="reset"),
    Answer(hosted_words("one two three", finish=None)),
    Answer(hosted_words("one two three", finish=None) + b"data: {oops\n\n"),
    Answer(b"", status=500, type="application/json"),
    Answer(b"", then="cut"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("cut", CUTS)
async def test_16_a_held_stream_that_breaks_is_replaced_by_the_next_rung(
    tmp_path: Path, cut: Answer, stream: bool
) -> None:
    async with Upstream(cut) as upstream:
        rung = hosted("low", upstream.url, more=", logprobs: true, guards: {retries: 0}")
        config = "gates: [{tier: low, calibration: window.json}]"
        async with served(tmp_path, rung, top(BETTER), config=config) as server:
            answer = await server.ask(stream=stream)
    assert answer.tier == "top" and answer.text == "better"
    assert answer.attempt("low")["fault"] == "broken" and len(upstream.requests) == 1


async def test_16_a_stream_that_breaks_after_bytes_went_out_is_not_begun_again(
    tmp_path: Path,
) -> None:
    cut = Answer(hosted_words("one two three four five", finish=None), then="cut")
    above = top(BETTER)
    async with Upstream(cut) as upstream:
        rung = hosted("low", upstream.url, more=", logprobs: true")
        async with served(tmp_path, rung, above, config=BEGINNING, listening=True) as server:
            told = (await server.stream()).text
    assert words_in(told).split() == "one two three four five".split()
    assert '"code":"broken"' in told and "[DONE]" not in told and '"finish_reason":"' not in told
    assert above.chats == [] and len(upstream.requests) == 1


# ---- 7 ---------------------------------------------------------------------------------------

OPENAI_BETTER = Answer(openai_stream(openai_delta("better", finish="stop")))
ANTHROPIC_BETTER = Answer(
    anthropic_stream(
        anthropic_start(input_tokens=1, output_tokens=1),
        *anthropic_block(0, {"type": "text", "text": "better"}),
        *anthropic_end("end_turn", output_tokens=1),
    )
)


@pytest.mark.parametrize(
    ("kind", "reply"), [("openai", OPENAI_BETTER), ("anthropic", ANTHROPIC_BETTER)]
)
async def test_7_thinking_is_not_replayed_to_a_model_that_did_not_think_it(
    tmp_path: Path, kind: str, reply: Answer
) -> None:
    """Neither what the caller sends back of an earlier turn, nor what a rejected draft thought."""
    earlier = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "said", "reasoning_content": "SECRET one"},
        {"role": "user", "content": "second"},
    ]
    draft = say("wrong " * 9, logprob=-3.0, reasoning="SECRET two")
    async with Upstream(reply) as upstream:
        rungs = low(draft), hosted("top", upstream.url, kind=kind, model="big")
        async with served(tmp_path, *rungs, config=WINDOW) as server:
            answer = await server.ask(messages=earlier)
    assert answer.text == "better"
    sent = json.dumps(upstream.requests[0].body)
    assert "said" in sent and "SECRET" not in sent and "wrong" not in sent


async def test_7_nor_is_a_drafts_thinking_shown_to_its_judge(tmp_path: Path) -> None:
    judge = top(say("yes"))
    rungs = low(say("the answer", reasoning="SECRET thought")), judge
    async with served(tmp_path, *rungs, config=JUDGED) as server:
        answer = await server.ask()
    assert answer.tier == "low"
    shown = " ".join(message.text for message in judge.chats[0].messages)
    assert "the answer" in shown and "SECRET" not in shown


# ---- 8 ---------------------------------------------------------------------------------------

DRAFT_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
OPENAI_DRAFT = hosted_words("wrong " * 9, logprob=-0.01, usage=DRAFT_USAGE)
ANTHROPIC_ANSWER = anthropic_stream(
    anthropic_start(
        input_tokens=10,
        cache_read_input_tokens=30,
        cache_creation_input_tokens=7,
        cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        output_tokens=1,
    ),
    *anthropic_block(0, {"type": "text", "text": "better"}),
    *anthropic_end("end_turn", output_tokens=11),
)
PRICED = "input: 1, output: 4, cache_read: 0.5, cache_write_5m: 2, cache_write_1h: 3"


@pytest.mark.parametrize("stream", [False, True])
async def test_8_cached_tokens_are_counted_once_in_the_sum_of_all_attempts(
    tmp_path: Path, stream: bool
) -> None:
    """A draft, a judge that refuses it, and the answer: each token once, cached ones as cached."""
    judge = ScriptedTier(
        "judge", say("no", usage=Usage(input=40, cache_read=2, output=1)), model="grader"
    )
    async with Upstream(Answer(OPENAI_DRAFT)) as below, Upstream(Answer(ANTHROPIC_ANSWER)) as above:
        rungs = (
            hosted("low", below.url, more=f", price: {{{PRICED}}}"),
            hosted("top", above.url, kind="anthropic", model="big", more=f", price: {{{PRICED}}}"),
            judge,
        )
        config = (
            "gates: [{tier: low, accept: checked, judge: {tier: judge}}]\n"
            "routing: {step_types: {open_chat: {ceiling: judge}}}"
        )
        async with served(tmp_path, *rungs, config=config) as server:
            answer = await server.ask(stream=stream)
    assert answer.text == "better"
    usage = answer.completion.usage
    assert usage is not None and usage.prompt_tokens_details is not None
    prompt = 100 + (40 + 2) + (10 + 30 + 3 + 4)
    assert usage.prompt_tokens == prompt
    assert usage.prompt_tokens_details.cached_tokens == 60 + 2 + 30
    assert usage.completion_tokens == 20 + 1 + 11
    assert usage.total_tokens == prompt + 32
    costs = {a["tier"]: a["cost_usd"] for a in answer.attempts}
    assert costs["low"] == pytest.approx((40 * 1 + 60 * 0.5 + 20 * 4) / 1e6)
    assert costs["top"] == pytest.approx((10 * 1 + 30 * 0.5 + 3 * 2 + 4 * 3 + 11 * 4) / 1e6)
    assert costs["judge"] is None and answer.why["cost_usd"] is None, "unknown is not nothing"


@pytest.mark.parametrize("stream", [False, True])
async def test_8_usage_that_no_chunk_told_is_estimated_and_not_lost(
    tmp_path: Path, stream: bool
) -> None:
    silent = hosted_words("a sure answer indeed", usage=None)
    async with (
        Upstream(Answer(silent)) as upstream,
        served(tmp_path, hosted("low", upstream.url)) as server,
    ):
        answer = await server.ask(stream=stream)
    assert answer.completion.usage is not None
    assert answer.completion.usage.completion_tokens > 0 < answer.completion.usage.prompt_tokens
    assert answer.why["usage"]["estimated"] is True


# ---- 9 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", ["prefix", "whole"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("draft", "answer", "asked"),
    [
        (say('{"age": "old"}', logprob=-0.01), say('{"age": 7}'), AS_PERSON),
        (say("seven is the age", logprob=-0.01), say('{"age": 7}'), AS_PERSON),
        (call("save", '{"age": "old"}', logprob=-0.01), call("save", '{"age": 7}'), WITH_TOOL),
        (call("drop", "{}", logprob=-0.01), call("save", '{"age": 7}'), WITH_TOOL),
        (
            say("no call at all", logprob=-0.01),
            call("save", '{"age": 7}'),
            {**WITH_TOOL, "tool_choice": "required"},
        ),
    ],
)
async def test_9_checks_are_made_whether_or_not_the_answer_is_streamed(
    tmp_path: Path, hold: str, stream: bool, draft: Script, answer: Script, asked: dict[str, Any]
) -> None:
    config = f"gates: [{{tier: low, calibration: beginning.json, hold: {hold}}}]"
    async with served(tmp_path, low(draft), top(answer), config=config) as server:
        told = await server.ask(stream=stream, **asked)
    if "tools" in asked:
        assert told.calls == [("call_1", "save", {"age": 7})]
    else:
        assert json.loads(told.text) == {"age": 7}
    assert told.tier == "top" and told.attempt("low")["state"] == "abandoned"


async def test_9_a_call_of_a_tool_that_nobody_offered_does_not_slip_through_a_stream(
    tmp_path: Path,
) -> None:
    """It was not awaited, so the stream is held by its beginning only, and that reads as sure."""
    parts = ('{"a":', ' "b",', ' "c": "d",', ' "e": "f"')
    made = [ToolCallDelta(0, "call_1", "drop"), *(ToolCallDelta(0, arguments=p) for p in parts)]
    draft = script(*(Piece(tool_calls=(part,), logprobs=(-0.01,)) for part in made))
    async with served(tmp_path, low(draft), top(BETTER), config=BEGINNING) as server:
        answer = await server.ask(stream=True)
    assert answer.text == "better" and not answer.completion.choices[0].message.tool_calls
    assert "not offered" in answer.attempt("low")["reason"]


# ---- 10 --------------------------------------------------------------------------------------


async def test_10_a_judge_that_hangs_does_not_hang_the_answer(tmp_path: Path) -> None:
    """It never says a word, and would be waited for for 60 s: that this ends at all is the test."""
    async with Upstream(Answer(silent=True)) as upstream:
        rungs = low(say("fine")), top(BETTER), hosted("judge", upstream.url)
        config = "gates: [{tier: low, accept: checked, judge: {tier: judge, deadline_s: 0.1}}]"
        async with served(tmp_path, *rungs, config=config) as server:
            answer = await server.ask()
            if upstream.requests:
                await upstream.gone.wait()
    assert answer.tier == "top"
    evidence = answer.attempt("judge", "judge")
    assert (evidence["state"], evidence["fault"]) == ("failed", "timeout")
    assert evidence["usage"]["input"] > 0 and evidence["usage"]["estimated"], "it may cost"


async def test_10_what_needs_no_judge_does_not_wait_for_one(tmp_path: Path) -> None:
    above = top(stall())
    config = "gates: [{tier: low, accept: checked, judge: {tier: top, step_types: [planning]}}]"
    async with served(tmp_path, low(say("fine")), above, config=config) as server:
        assert (await server.ask()).tier == "low"
    assert above.chats == []


# ---- 11 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "silence", [fail("overloaded"), fail("rate_limited"), stall(), say("hm, hard to say"), say("")]
)
async def test_11_a_judge_that_fails_accepts_nothing_and_comes_back_by_itself(
    tmp_path: Path, silence: Script
) -> None:
    above = top(silence, BETTER, silence, BETTER, say("yes"))
    async with served(tmp_path, low(say("fine")), above, config=JUDGED) as server:
        answers = [await server.ask() for _ in range(3)]
        metrics = await server.metrics()
    assert [answer.tier for answer in answers] == ["top", "top", "low"]
    assert "not verified" in answers[0].attempt("low")["reason"]
    assert 'rungwise_unverified_total{role="judge",tier="top"} 2.0' in metrics


async def test_11_where_the_owner_wants_it_a_silent_judge_lets_pass_what_one_that_speaks_stops(
    tmp_path: Path,
) -> None:
    judge = "{tier: top, unverified: accept}"
    config = f"gates: [{{tier: low, accept: checked, judge: {judge}}}]"
    above = top(fail("overloaded"), say("no"), BETTER)
    async with served(tmp_path, low(say("fine")), above, config=config) as server:
        assert [(await server.ask()).tier for _ in range(2)] == ["low", "top"]


# ---- 13 --------------------------------------------------------------------------------------


async def test_13_each_attempt_costs_what_its_own_model_costs(tmp_path: Path) -> None:
    used = Usage(input=1000, output=100)
    rungs = (
        low(say("wrong " * 5, logprob=-3.0, usage=used), price=PriceConfig(input=1, output=2)),
        top(
            say("no", usage=used), say("better", usage=used), price=PriceConfig(input=10, output=20)
        ),
    )
    config = "gates: [{tier: low, accept: checked, judge: {tier: top}}]"
    async with served(tmp_path, *rungs, config=config) as server:
        answer = await server.ask()
        metrics = await server.metrics()
    told = [(a["tier"], a["role"], a["model"], a["cost_usd"]) for a in answer.attempts]
    assert told == [
        ("low", "draft", "small", 0.0012),
        ("top", "judge", "big", 0.012),
        ("top", "draft", "big", 0.012),
    ]
    assert answer.why["cost_usd"] == pytest.approx(0.0252)
    assert answer.completion.model == "big"
    assert 'rungwise_cost_usd_total{role="draft",tier="low"} 0.0012' in metrics


@pytest.mark.parametrize("served_as", ["", ", served_as: ours"])
async def test_13_a_price_belongs_to_the_rung_whatever_its_upstream_calls_the_model(
    tmp_path: Path, served_as: str
) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    async with Upstream(Answer(hosted_words("fine", usage=usage))) as upstream:
        more = f"{served_as}, price: {{input: 1, output: 2}}"
        async with served(tmp_path, hosted("low", upstream.url, more=more)) as server:
            answer = await server.ask()
    (attempt,) = answer.attempts
    assert attempt["model"] == answer.completion.model == ("ours" if served_as else "m-2026")
    assert attempt["cost_usd"] == answer.why["cost_usd"] == 0.0012


# ---- 15 --------------------------------------------------------------------------------------


async def test_15_a_short_prompt_is_not_easy_for_being_short(tmp_path: Path) -> None:
    """Length is not looked at: the draft itself says whether it is sure."""
    short, long = "Prove that pi is irrational.", "Repeat after me: " + "bla " * 2000
    rung = low(lambda chat: DOUBTFUL if "Prove" in chat.messages[-1].text else SURE)
    async with served(tmp_path, rung, top(BETTER), config=WINDOW) as server:
        hard, easy = await server.ask(short), await server.ask(long)
    assert hard.why["plan"] == easy.why["plan"] and hard.why["step_type"] == easy.why["step_type"]
    assert (hard.tier, easy.tier) == ("top", "low")
