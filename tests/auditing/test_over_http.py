"""Does an audit send what an ordinary step would, and is it billed as what it was?

Two failures of others: shadow calls that drop tools or parameters, and the candidate's cost booked
under the model of the answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.access.free import FreePurse
from rungwise.build.ladder import build_ladder
from rungwise.cache.off import NoCache
from rungwise.cascade import Cascade
from rungwise.config import load
from rungwise.contracts import Tier
from rungwise.story import Clock
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import (
    Caller,
    Chat,
    JsonObject,
    Message,
    OutputShape,
    Sampling,
    Settled,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    Wish,
)
from rungwise.verify.checks import Checks
from tests.auditing.doubles import Book, accepted, auditor, ended, words
from tests.doubles.till import responses_events
from tests.doubles.upstream import (
    Answer,
    Request,
    Upstream,
    anthropic_block,
    anthropic_end,
    anthropic_start,
    anthropic_stream,
    openai_delta,
    openai_stream,
)
from tests.routed import routed
from tests.served import document, hosted, hosted_words

pytestmark = pytest.mark.anyio

PERSON: JsonObject = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
}
PRICE = ", price: {input: 1, output: 2, cache_read: 0.1, cache_write_5m: 2, cache_write_1h: 2}"
MESSAGES = (
    Message(role="system", text="Be brief.", cache_mark="5m"),
    Message(role="user", text="How old is Ann?"),
    Message(role="assistant", tool_calls=(ToolCall(id="c1", name="find", arguments='{"q":1}'),)),
    Message(role="tool", text="47", tool_call_id="c1"),
)
TOOLS = (
    Tool(name="find", description="finds", parameters=PERSON, strict=True),
    Tool(name="save", parameters={"type": "object"}),
)
CHATS = {
    "tools": Chat(
        messages=MESSAGES,
        tools=TOOLS,
        tool_choice=ToolChoice(mode="named", name="save", parallel=False),
        sampling=Sampling(max_tokens=300, temperature=0.3, top_p=0.5, stop=("END",)),
    ),
    "shape": Chat(
        messages=MESSAGES[:2],
        shape=OutputShape(name="person", schema=PERSON, strict=True),
        sampling=Sampling(max_tokens=300, presence_penalty=0.5, frequency_penalty=0.25),
        conversation="a name of the caller's",
    ),
    "thinking": Chat(
        messages=MESSAGES[:2],
        thinking=Thinking(effort="high"),
        sampling=Sampling(max_tokens=9000, seed=7),
        wish=Wish(deadline_s=20.0, most_nano=10**9, needs=frozenset({"tools"}), once="k"),
        tags=frozenset({"a"}),
        agent="planner",
        cache_salt="salt",
        stream=True,
    ),
}


def completions(_: Request) -> Answer:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    return Answer(hosted_words("fine words", usage=usage))


def messages(_: Request) -> Answer:
    block = anthropic_block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "fine"})
    start = anthropic_start(input_tokens=9, output_tokens=1)
    return Answer(anthropic_stream(start, *block, *anthropic_end("end_turn", output_tokens=2)))


def responses(_: Request) -> Answer:
    usage = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
    return Answer(responses_events("fine words", "big", usage))


@asynccontextmanager
async def ladder(folder: Path, *rungs: str) -> AsyncIterator[tuple[Tier, ...]]:
    """A scripted rung, and those of the document above it."""
    config = load(document(folder, *rungs, config=""), {"KEY": "sk-any"})
    above = build_ladder(config, time.monotonic)
    for tier in above:
        await tier.start()
    try:
        yield (ScriptedTier("low"), *above)
    finally:
        for tier in above:
            await tier.stop()


async def ordinary(rungs: tuple[Tier, ...], chat: Chat) -> None:
    """The same step, answered by the highest rung."""
    built = Cascade(
        ladder=rungs,
        router=routed(rungs),
        gates={},
        verifier=Checks(),
        cache=NoCache(),
        purse=FreePurse(),
        ledger=Book(),
        clock=Clock(now=time.monotonic, unix=time.time),
    )
    floored = replace(chat, wish=replace(chat.wish, floor="top"))
    events = [event async for event in built.answer(floored, Caller(name="ann"), id="req_0")]
    assert isinstance(events[-1], Settled)


@pytest.mark.parametrize("chat", CHATS.values(), ids=CHATS.keys())
@pytest.mark.parametrize(
    ("kind", "model", "answer"),
    [
        ("openai", "big", completions),
        ("responses", "big", responses),
        ("anthropic", "claude-sonnet-4-5", messages),
    ],
)
async def test_12_what_an_audit_sends_is_what_an_ordinary_step_sends(
    tmp_path: Path, chat: Chat, kind: str, model: str, answer: Callable[[Request], Answer]
) -> None:
    stop = () if kind == "responses" else chat.sampling.stop  # that API knows none
    chat = replace(chat, tenant="ann", sampling=replace(chat.sampling, stop=stop))
    async with Upstream(answer) as upstream:
        rung = hosted("top", upstream.url, kind=kind, model=model, more=PRICE)
        async with ladder(tmp_path, rung) as rungs, auditor(*rungs, ledger=(book := Book())) as one:
            await ordinary(rungs, chat)
            one.see(chat, words("other words, that say something else"), accepted())
            await ended(one)
    plain, audit, *_ = upstream.requests
    assert (audit.path, audit.body) == (plain.path, plain.body)
    assert varying(audit.headers) == varying(plain.headers)
    assert audit.body["model"] == model and "Ann" in json.dumps(audit.body)
    assert book.audits[0].attempts[0].role == "audit"


def varying(headers: dict[str, str]) -> dict[str, str]:
    """But for what is another one for each request, or was counted for it."""
    return {k: v for k, v in headers.items() if not k.startswith("x-stainless-retry")}


def named(request: Request) -> Answer:
    """Each rung's model answers as a snapshot of its own name."""
    rung = request.path.split("/")[1]
    usage = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
    text = "0" if rung == "judge" else "an answer of the higher rung"
    chunks = (openai_delta(text), openai_delta(finish="stop"), {"usage": usage})
    return Answer(openai_stream(*({"model": f"{rung}-2026-01-01", **c} for c in chunks)))


async def test_13_each_question_is_billed_as_the_rung_and_the_model_that_answered_it(
    tmp_path: Path,
) -> None:
    async with Upstream(named) as upstream:
        rungs = [
            hosted(
                name,
                f"{upstream.url}/{name}",
                model=name,
                more=f", price: {{input: {usd}, output: {usd}, cache_read: {usd}}}",
            )
            for name, usd in (("judge", 3), ("top", 7))
        ]
        async with (
            ladder(tmp_path, *rungs) as tiers,
            auditor(*tiers, ledger=(book := Book()), judge="judge") as one,
        ):
            entry = accepted(rungs=("low", "judge", "top"))
            await book.record(entry)
            chat = Chat(messages=MESSAGES[:2], sampling=Sampling(max_tokens=100))
            one.see(chat, words("an answer of the lower rung"), entry)
            await ended(one)
    (audit,) = book.audits
    told = [(a.role, a.tier, a.billed_as, a.cost_nano) for a in audit.attempts]
    assert told == [
        ("audit", "top", "top-2026-01-01", 1010 * 7000),
        ("comparison", "judge", "judge-2026-01-01", 1010 * 3000),
        ("comparison", "judge", "judge-2026-01-01", 1010 * 3000),
    ]
    assert (await book.find("req_1")) == entry, "the answer's own line is as it was"
    assert book.rights == [True]
