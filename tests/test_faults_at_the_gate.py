"""What if a rung, a file or a caller does something odd while a draft is held? Through the app."""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest

from rungwise.tiers.scripted import (
    Script,
    ScriptedTier,
    call,
    decline,
    fail,
    label,
    pause,
    say,
    script,
)
from rungwise.types import Piece, TokenAlternative, TokenLogprob
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
from tests.served import (
    CALIBRATIONS,
    CHAT,
    KEY,
    Served,
    document,
    hosted,
    hosted_words,
    served,
)

pytestmark = pytest.mark.anyio

WINDOW = "gates: [{tier: low, calibration: window.json}]"
BEGINNING = "gates: [{tier: low, calibration: beginning.json}]"
CHECKED = "gates: [{tier: low, accept: checked}]"
STREAMED = pytest.mark.parametrize("stream", [False, True])

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


# ---- log-probabilities that are none ---------------------------------------------------------


@STREAMED
@pytest.mark.parametrize("config", [WINDOW, BEGINNING])
async def test_logprobs_that_stop_halfway_are_no_reading(
    tmp_path: Path, config: str, stream: bool
) -> None:
    """Three words that were sure, and six of which nothing is known."""
    draft = say("one two three four five six seven eight nine", logprobs=[-0.01] * 3)
    async with served(tmp_path, low(draft), top(BETTER), config=config) as server:
        answer = await server.ask(stream=stream)
    assert answer.tier == "top"
    assert answer.attempt("low")["reason"] == "no log-probabilities to read"


@STREAMED
@pytest.mark.parametrize("odd", [None, math.nan, -math.inf, -9999.0])
@pytest.mark.parametrize("config", [WINDOW, BEGINNING])
async def test_odd_logprobs_are_never_sure(
    tmp_path: Path, odd: float | None, config: str, stream: bool
) -> None:
    draft = say("one two three four five six", logprobs=[-0.01, odd, odd, -0.01, odd, odd])
    async with served(tmp_path, low(draft), top(BETTER), config=config) as server:
        answer = await server.ask(stream=stream)
    assert answer.tier == "top" and answer.text == "better"


@pytest.mark.parametrize("rival", [math.nan, -math.inf])
async def test_odd_rivals_are_never_sure(tmp_path: Path, rival: float) -> None:
    """A third party's rung, whose numbers nobody has cleaned."""
    words = "one two three four"
    draft = say(words, logprob=-0.01, likeliest=[(-0.01, rival, rival, rival, rival)] * 4)
    config = "gates: [{tier: low, calibration: entropy_table.json}]"
    async with served(tmp_path, low(draft), top(BETTER), config=config) as server:
        answer = await server.ask()
    assert answer.tier == "top"


ODD = ["NaN", "Infinity", "-Infinity", "-9999.0", "0.5", "null", "true", "{}"]


@pytest.mark.parametrize("written", ODD)
async def test_odd_numbers_on_the_wire_are_never_sure(tmp_path: Path, written: str) -> None:
    body = hosted_words("one two three", logprob=-0.123).replace(b"-0.123", written.encode())
    async with Upstream(Answer(body)) as upstream:
        rung = hosted("low", upstream.url, more=", logprobs: true")
        async with served(tmp_path, rung, top(BETTER), config=WINDOW) as server:
            answer = await server.ask(stream=True, logprobs=True)
    assert answer.tier == "top"


@STREAMED
@pytest.mark.parametrize("config", ["", WINDOW, CHECKED, "gates: [{tier: low, hold: none}]"])
async def test_a_rung_that_writes_nothing_has_not_answered(
    tmp_path: Path, config: str, stream: bool
) -> None:
    async with served(tmp_path, low(script()), top(BETTER), config=config) as server:
        assert (await server.ask(stream=stream)).tier == "top"


# ---- a rung that fails while its draft is held -----------------------------------------------


@STREAMED
@pytest.mark.parametrize("fault", ["unavailable", "broken", "timeout"])
@pytest.mark.parametrize("config", [WINDOW, BEGINNING, CHECKED])
async def test_an_engine_that_dies_while_its_draft_is_held_costs_the_caller_nothing(
    tmp_path: Path, fault: Any, config: str, stream: bool
) -> None:
    dying = say("half an", logprob=-0.01, finish=None) + fail(fault)
    async with served(tmp_path, low(dying), top(BETTER), config=config) as server:
        answer = await server.ask(stream=stream)
    assert answer.text == "better" and answer.tier == "top"
    told = answer.attempt("low")
    assert (told["state"], told["fault"], told["usage"]["output"]) == ("failed", fault, 2)


HALF = '{"age": '


@STREAMED
@pytest.mark.parametrize("finish", ["stop", "length", None])
async def test_half_a_json_is_climbed_over(
    tmp_path: Path, finish: str | None, stream: bool
) -> None:
    """It says that it is done, that it hit its limit, or nothing at all."""
    async with Upstream(Answer(hosted_words(HALF, finish=finish))) as upstream:
        rungs = hosted("low", upstream.url, more=", logprobs: true"), top(say('{"age": 7}'))
        async with served(tmp_path, *rungs, config=CHECKED) as server:
            answer = await server.ask(stream=stream, **AS_PERSON)
    assert json.loads(answer.text) == {"age": 7} and answer.tier == "top"


async def test_half_a_json_of_the_last_rung_is_an_error_where_it_breaks_off(tmp_path: Path) -> None:
    async with (
        Upstream(Answer(hosted_words(HALF, finish=None))) as upstream,
        served(tmp_path, hosted("low", upstream.url)) as server,
    ):
        with pytest.raises(openai.InternalServerError):
            await server.ask(**AS_PERSON)
        told = (await server.stream(**AS_PERSON)).text
    assert '"code":"broken"' in told and "[DONE]" not in told


async def test_a_failure_after_the_release_is_an_event_of_the_stream_and_its_last(
    tmp_path: Path,
) -> None:
    breaking = say("one two three four", logprob=-0.01, finish=None) + fail("overloaded")
    async with served(tmp_path, low(breaking), top(BETTER), config=BEGINNING) as server:
        told = await server.stream(stream_options={"include_usage": True})
    *_, last, end = told.text.split("\n\n")
    assert told.status_code == 200 and end == ""
    error = json.loads(last.removeprefix("data: "))["error"]
    assert error["code"] == "overloaded" and error["message"] == "low broke off: overloaded"
    assert "[DONE]" not in told.text and '"finish_reason":"' not in told.text


# ---- heartbeats ------------------------------------------------------------------------------


async def beats_and_rest(server: Served, beats: int, then: asyncio.Event) -> tuple[str, bool]:
    """A stream's text, and whether its headers named a rung; `then` is set after so many beats."""
    asked = {"model": "auto", "messages": [{"role": "user", "content": "x"}], "stream": True}
    lines: list[str] = []
    async with server.http.stream("POST", CHAT, json=asked) as response:
        async for line in response.aiter_lines():
            lines.append(line)
            if lines.count(": held") == beats:
                then.set()
    return "\n".join(lines), "x-rungwise-tier" in response.headers


def patient(*scripts: Script) -> tuple[ScriptedTier, asyncio.Event]:
    """A low rung whose first pause lasts until the event is set."""
    told = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await (asyncio.sleep(seconds) if told.is_set() else told.wait())

    return low(*scripts, sleep=sleep), told


async def test_a_long_hold_has_heartbeats_and_then_the_answer(tmp_path: Path) -> None:
    rung, told = patient(pause(0.05) + say("wrong " * 9, logprob=-3.0))
    better = say("bet", finish=None) + pause(0.05) + say("ter")
    config = f"server: {{heartbeat_s: 0.02}}\n{WINDOW}"
    async with served(tmp_path, rung, top(better), config=config, listening=True) as server:
        text, named = await beats_and_rest(server, 2, told)
        answer = await server.ask(stream=True)
    assert text.startswith(": held\n\n: held\n\n") and "wrong" not in text
    assert not named, "nobody knew yet"
    assert text.rindex(": held") < text.index("data: ")
    assert text.count('"role":"assistant"') == 1 and text.count("data: [DONE]") == 1
    assert answer.text == "better", "the official client takes no notice of them"


async def test_after_a_heartbeat_a_failure_can_only_be_told_in_the_stream(tmp_path: Path) -> None:
    rung, told = patient(pause(0.05) + fail("broken"))
    config = f"server: {{heartbeat_s: 0.02}}\n{WINDOW}"
    rungs = rung, top(fail("overloaded"))
    async with served(tmp_path, *rungs, config=config, listening=True) as server:
        text, _ = await beats_and_rest(server, 1, told)
        with pytest.raises(openai.APIError, match="no rung could answer"):
            await server.ask(stream=True)
    assert '"code":"ladder_exhausted"' in text and "[DONE]" not in text and "choices" not in text


# ---- several choices, logprobs for the caller, tools, stop sequences -------------------------


def both(*logprobs: float) -> Script:
    """Two choices side by side, each as sure as it is."""
    choices = [say("a b c", logprob=p, choice=i).steps for i, p in enumerate(logprobs)]
    return script(*(step for words in zip(*choices, strict=True) for step in words))


@STREAMED
@pytest.mark.parametrize(("second", "tier"), [(-0.01, "low"), (-3.0, "top")])
async def test_one_doubtful_choice_of_several_escalates_all(
    tmp_path: Path, second: float, tier: str, stream: bool
) -> None:
    rungs = low(both(-0.01, second)), top(both(-0.01, -0.01))
    async with served(tmp_path, *rungs, config=BEGINNING) as server:
        answer = await server.ask(stream=stream, n=2)
    assert answer.tier == tier
    assert [choice.message.content for choice in answer.completion.choices] == ["a b c"] * 2
    assert {choice.finish_reason for choice in answer.completion.choices} == {"stop"}


async def test_one_choice_that_never_came_escalates_all(tmp_path: Path) -> None:
    rungs = low(say("only one", logprob=-0.01)), top(both(-0.01, -0.01))
    async with served(tmp_path, *rungs, config=WINDOW) as server:
        answer = await server.ask(n=2)
    assert answer.tier == "top" and answer.attempt("low")["reason"] == "empty answer"


def shown(word: str, logprob: float) -> TokenLogprob:
    rivals = tuple(TokenAlternative(text=f"{word}{i}", logprob=-i - 1.0) for i in range(2))
    return TokenLogprob(text=word, logprob=logprob, alternatives=rivals)


@STREAMED
@pytest.mark.parametrize(("logprob", "tier"), [(-0.01, "low"), (-3.0, "top")])
async def test_a_caller_who_asks_for_logprobs_gets_those_of_the_answer_and_no_others(
    tmp_path: Path, logprob: float, tier: str, stream: bool
) -> None:
    rungs = (
        low(say("a b", logprob=logprob, shown=[shown("a ", logprob), shown("b", logprob)])),
        top(say("c", shown=[shown("c", -0.5)])),
    )
    async with served(tmp_path, *rungs, config=WINDOW) as server:
        answer = await server.ask(stream=stream, logprobs=True, top_logprobs=2)
    logprobs = answer.completion.choices[0].logprobs
    assert answer.tier == tier and logprobs is not None and logprobs.content is not None
    told = [(token.token, token.logprob) for token in logprobs.content]
    assert told == ([("a ", -0.01), ("b", -0.01)] if tier == "low" else [("c", -0.5)])
    assert all(len(token.top_logprobs) == 2 for token in logprobs.content)


@STREAMED
@pytest.mark.parametrize("wanted", [None, 0, 2])
async def test_what_the_gate_reads_is_not_shown_to_a_caller_who_asked_for_less(
    tmp_path: Path, wanted: int | None, stream: bool
) -> None:
    """This gate needs five alternatives at each place."""
    rivals = [{"token": f"t{i}", "logprob": -0.01 - 6 * i, "bytes": None} for i in range(5)]
    given = {"token": "t0", "logprob": -0.01, "bytes": None, "top_logprobs": rivals}
    body = openai_stream(openai_delta("t0", finish="stop", logprobs={"content": [given]}))
    asked: dict[str, Any] = {} if wanted is None else {"logprobs": True, "top_logprobs": wanted}
    async with Upstream(Answer(body)) as upstream:
        rungs = hosted("low", upstream.url, more=", logprobs: true"), top(BETTER)
        config = "gates: [{tier: low, calibration: entropy.json}]"
        async with served(tmp_path, *rungs, config=config) as server:
            answer = await server.ask(stream=stream, **asked)
    assert answer.tier == "low" and set(answer.attempt("low")["readings"]) == {
        "mean_logprob",
        "mean_entropy",
    }
    assert upstream.requests[0].body["top_logprobs"] == 5
    logprobs = answer.completion.choices[0].logprobs
    if wanted is None:
        assert logprobs is None
    else:
        assert logprobs is not None and logprobs.content is not None
        assert [len(token.top_logprobs) for token in logprobs.content] == [wanted]


def calls(*arguments: str, logprob: float = -0.01) -> Script:
    made = [
        call("save", told, id=f"call_{i}", index=i, logprob=logprob, finish=None)
        for i, told in enumerate(arguments)
    ]
    steps = [step for one in made for step in one.steps]
    return script(*steps, Piece(finish="tool_calls"))


@STREAMED
@pytest.mark.parametrize(
    ("draft", "more", "tier"),
    [
        (calls('{"age": 1}', '{"age": 2}'), {}, "low"),
        (calls('{"age": 1}', '{"age": "two"}'), {}, "top"),
        (calls('{"age": 1}', '{"age": '), {}, "top"),
        (calls('{"age": 1}', '{"age": 2}', logprob=-3.0), {}, "top"),
        (calls('{"age": 1}', '{"age": 2}'), {"parallel_tool_calls": False}, "top"),
    ],
)
async def test_several_tool_calls_are_each_checked_and_all_arrive(
    tmp_path: Path, draft: Script, more: dict[str, Any], tier: str, stream: bool
) -> None:
    rungs = low(draft), top(calls('{"age": 1}', '{"age": 2}'))
    async with served(tmp_path, *rungs, config=WINDOW) as server:
        answer = await server.ask(stream=stream, **WITH_TOOL, **more)
    assert answer.tier == tier
    (choice,) = answer.completion.choices
    assert choice.finish_reason == "tool_calls" and not choice.message.content
    assert answer.calls == [("call_0", "save", {"age": 1}), ("call_1", "save", {"age": 2})]


ANTHROPIC_STOPPED = anthropic_stream(
    anthropic_start(input_tokens=1, output_tokens=1),
    *anthropic_block(0, {"type": "text", "text": "one, two"}),
    *anthropic_end("stop_sequence", output_tokens=3),
)


@STREAMED
@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("openai", hosted_words("one, two"), "stop"),
        ("anthropic", ANTHROPIC_STOPPED, "stop_sequences"),
    ],
)
async def test_a_draft_that_met_a_stop_sequence_is_a_finished_one(
    tmp_path: Path, kind: str, body: bytes, field: str, stream: bool
) -> None:
    async with Upstream(Answer(body)) as upstream:
        rungs = hosted("low", upstream.url, kind=kind), top(BETTER)
        async with served(tmp_path, *rungs, config=CHECKED) as server:
            answer = await server.ask(stream=stream, stop=["three", "\n\n"])
    assert upstream.requests[0].body[field] == ["three", "\n\n"]
    assert answer.tier == "low" and answer.text.strip() == "one, two"
    assert answer.completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    "keys",
    ["calibration: self_check.json, self_check: {}", "accept: checked, judge: {tier: low}"],
)
async def test_a_callers_stop_sequence_does_not_cut_off_the_evidence(
    tmp_path: Path, keys: str
) -> None:
    rung = low(say("fine", logprob=-0.01), label("yes", yes=0.9, no=0.1))
    config = f"gates: [{{tier: low, {keys}}}]"
    async with served(tmp_path, rung, top(BETTER), config=config) as server:
        answer = await server.ask(stop=["yes", "no"])
    assert answer.tier == "low"
    assert [chat.sampling.stop for chat in rung.chats] == [("yes", "no"), ()]


# ---- paid evidence that is not asked for -----------------------------------------------------


async def test_a_reading_that_is_not_asked_for_is_not_taken_for_the_best(tmp_path: Path) -> None:
    """The calibration reads the self-check, which is made for planning only."""
    keys = "calibration: self_check.json, self_check: {step_types: [planning]}"
    config = f"gates: [{{tier: low, {keys}}}]"
    rung = low(say("a sure answer", logprob=-0.01), label("yes", yes=0.9, no=0.1))
    async with served(tmp_path, rung, top(BETTER), config=config) as server:
        other = await server.ask()
        planned = await server.ask(model="auto:planning")
    assert other.tier == "top" and "self_check" in other.why["plan"]
    assert planned.tier == "low" and planned.attempt("low")["readings"]["self_check"] > 0.8


@pytest.mark.parametrize(
    "keys",
    [
        "calibration: self_check.json, self_check: {}",
        "calibration: agreement.json, agreement: {}",
        "accept: checked, judge: {tier: top}",
    ],
)
async def test_a_refusal_that_is_returned_needs_no_evidence(tmp_path: Path, keys: str) -> None:
    rungs = low(decline("Not with me.")), top(BETTER)
    async with served(tmp_path, *rungs, config=f"gates: [{{tier: low, {keys}}}]") as server:
        answer = await server.ask()
    assert answer.tier == "low" and len(answer.attempts) == 1
    assert answer.completion.choices[0].message.refusal == "Not with me."


# ---- a calibration that does not fit ---------------------------------------------------------

FIT = CALIBRATIONS["window.json"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (FIT.model_dump_json()[:-40], "not a calibration"),
        (FIT.model_copy(update={"revision": "old"}).model_dump_json(), "fitted on revision old"),
    ],
    ids=["cut short", "of other weights"],
)
def test_serve_refuses_a_calibration_of_something_else(
    tmp_path: Path, content: str, said: str
) -> None:
    rungs = hosted("low", "http://127.0.0.1:9"), hosted("top", "http://127.0.0.1:9")
    path = document(tmp_path, *rungs, config=f"server: {{port: 0}}\n{WINDOW}")
    (tmp_path / "window.json").write_text(content)
    done = serve(path)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("rungwise: ") and "window.json" in line and said in line
    assert not (tmp_path / "rungwise.db").exists(), "before anything was begun"


def serve(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rungwise", "serve", "--config", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "KEY": KEY},
    )
