"""What does a caller get when an upstream fails? Every fault, on every wire, through the app.

Either the next rung's answer, or an error that names the rung; never the end of a stream that did
not end, and never two answers.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import httpx
import pytest

from rungwise.tiers.scripted import ScriptedTier, say
from rungwise.types import TierFault
from tests.doubles.upstream import (
    Answer,
    Request,
    Upstream,
    anthropic_block,
    anthropic_end,
    anthropic_start,
    anthropic_stream,
    deaf_url,
    openai_delta,
    openai_stream,
    refused_url,
)
from tests.served import CHAT, Served, hosted, served
from tests.tiers.hosted.test_responses import CREATED
from tests.tiers.hosted.test_responses import ended as responses_end
from tests.tiers.hosted.test_responses import stream as responses_stream
from tests.tiers.hosted.test_responses import text as responses_text

pytestmark = pytest.mark.anyio

AT_ONCE = 20
"""Requests that are open together."""
HELD = "gates: [{tier: low, accept: checked}]"
UNGUARDED = "guards: {retries: 0, breaker_failures: 0}"
SAID = "fine words"
PLAIN = [openai_delta("", role="assistant"), openai_delta("fine "), openai_delta("words")]


@dataclass(frozen=True, slots=True)
class Wire:
    """A protocol, an answer recorded in it, and what in that answer is its end."""

    kind: str
    recorded: bytes
    end: bytes

    @property
    def begun(self) -> bytes:
        """Up to the first word."""
        return self._up_to(b"fine")

    @property
    def finished(self) -> int:
        """So many bytes are a whole answer."""
        return len(self._up_to(self.end))

    def _up_to(self, mark: bytes) -> bytes:
        return self.recorded[: self.recorded.index(b"\n\n", self.recorded.index(mark)) + 2]


OPENAI = Wire(
    "openai",
    openai_stream(
        *PLAIN,
        openai_delta(finish="stop"),
        {"usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}},
    ),
    b'"stop"',
)
ANTHROPIC = Wire(
    "anthropic",
    anthropic_stream(
        anthropic_start(input_tokens=9, output_tokens=1),
        *anthropic_block(
            0,
            {"type": "text", "text": ""},
            {"type": "text_delta", "text": "fine "},
            {"type": "text_delta", "text": "words"},
        ),
        *anthropic_end("end_turn", output_tokens=2),
    ),
    b'{"type":"message_stop"',
)
RESPONSES = Wire(
    "responses",
    responses_stream(CREATED, *responses_text("fine ", "words"), responses_end()),
    b'"response.completed"',
)
WIRES = pytest.mark.parametrize("wire", [OPENAI, ANTHROPIC, RESPONSES], ids=lambda w: w.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to fail. `said` is whether a word comes first, `billed` whether it may cost."""

    answer: Callable[[Wire], Answer] | Literal["refused", "deaf"]
    fault: TierFault
    said: bool = False
    billed: bool = True
    deadline_s: float = 20.0


def refuses(status: int, fault: TierFault, **headers: str) -> Case:
    body = json.dumps({"error": {"type": "t", "message": "no"}}).encode()
    answer = Answer(body, status=status, type="application/json", headers=headers)
    return Case(answer=lambda _: answer, fault=fault, billed=False)


def breaks(answer: Callable[[Wire], Answer], *, said: bool = True) -> Case:
    return Case(answer=answer, fault="broken", said=said)


def hangs(answer: Callable[[Wire], Answer], *, said: bool = False) -> Case:
    return Case(answer=answer, fault="timeout", said=said, deadline_s=0.4)


ERROR = b'data: {"type":"error","error":{"type":"overloaded_error","message":"too much"}}\n\n'
CASES: Mapping[str, Case] = {
    "429": refuses(429, "rate_limited"),
    "429 with Retry-After": refuses(429, "rate_limited", **{"retry-after": "7"}),
    "401": refuses(401, "unauthorised"),
    "500": refuses(500, "broken"),
    "503": refuses(503, "overloaded"),
    "529": refuses(529, "overloaded"),
    "refused": Case(answer="refused", fault="unavailable", billed=False),
    "deaf": Case(answer="deaf", fault="timeout", deadline_s=0.4),
    "reset before": Case(answer=lambda _: Answer(silent=True, then="reset"), fault="unavailable"),
    "closed before": Case(answer=lambda _: Answer(silent=True, then="cut"), fault="unavailable"),
    "reset after the head": breaks(lambda _: Answer(then="reset"), said=False),
    "reset inside": breaks(lambda wire: Answer(wire.begun, then="reset")),
    "cut inside": breaks(lambda wire: Answer(wire.begun, then="cut")),
    "ended inside": breaks(lambda wire: Answer(wire.begun)),
    "ended before it began": breaks(lambda _: Answer(), said=False),
    "silence": hangs(lambda _: Answer(silent=True)),
    "hangs after the head": hangs(lambda _: Answer(then="hang")),
    "hangs inside": hangs(lambda wire: Answer(wire.begun, then="hang"), said=True),
    "drips": hangs(lambda wire: Answer(tuple(_bytes(wire.recorded)), drip_s=0.02)),
    "HTML": breaks(lambda _: Answer(b"<html>welcome", type="text/html"), said=False),
    "JSON": breaks(lambda _: Answer(b'{"choices": []}', type="application/json"), said=False),
    "no type": breaks(lambda wire: Answer(wire.recorded, type=None), said=False),
    "no JSON": breaks(lambda _: Answer(b"data: {oops\n\n"), said=False),
    "no JSON inside": breaks(lambda wire: Answer(wire.begun + b"data: {oops\n\n")),
    "no object": breaks(lambda wire: Answer(wire.begun + b"data: 7\n\n")),
    "no text": breaks(lambda wire: Answer(wire.begun + b"data: \xff\xfe\n\n")),
    "an error inside": breaks(lambda wire: Answer(wire.begun + ERROR)),
}
ALL = pytest.mark.parametrize("name", CASES)


def _bytes(recorded: bytes) -> list[bytes]:
    return [recorded[i : i + 1] for i in range(len(recorded))]


@pytest.fixture
def requests(thorough: bool) -> int:
    """How many are made of each fault, in each of six settings: some thousand in all."""
    return 170 if thorough else AT_ONCE


@asynccontextmanager
async def facing(
    case: Case, wire: Wire, folder: Path, *above: ScriptedTier, config: str = ""
) -> AsyncIterator[Served]:
    """The app, whose rung `low` has this upstream and no guard."""
    more = f", deadline_s: {case.deadline_s}, {UNGUARDED}"
    answer = Answer(silent=True) if isinstance(case.answer, str) else case.answer(wire)
    with deaf_url() as deaf:
        async with Upstream(answer) as upstream:
            url = {"refused": refused_url(), "deaf": deaf}.get(str(case.answer), upstream.url)
            rung = hosted("low", url, kind=wire.kind, more=more)
            async with served(folder, rung, *above, config=config) as server:
                yield server


@dataclass(frozen=True, slots=True)
class Told:
    """What one request got, and what the ledger says of it."""

    response: httpx.Response
    stream: bool
    entry: Mapping[str, Any]

    @property
    def text(self) -> str:
        return self.response.text

    @property
    def attempt(self) -> Mapping[str, Any]:
        """The first rung's."""
        found: Mapping[str, Any] = self.entry["attempts"][0]
        assert found["tier"] == "low"
        return found

    @property
    def words(self) -> str:
        """What a client would show."""
        key = "delta" if self.stream else "message"
        choices = [choice for event in self.events for choice in event.get("choices", ())]
        return "".join(choice[key].get("content") or "" for choice in choices)

    @property
    def events(self) -> list[Any]:
        if not self.stream or self.response.status_code != 200:
            return [self.response.json()]
        lines = [line[6:] for line in self.text.splitlines() if line.startswith("data: {")]
        return [json.loads(line) for line in lines]

    @property
    def ended(self) -> bool:
        """Whether the caller is told that this is all; it must not be told half of it."""
        finishes = len(re.findall(r'"finish_reason":\s*"', self.text))
        if self.stream:
            assert self.text.count("data: [DONE]") == finishes <= 1
        return finishes == 1 and self.response.status_code == 200

    @property
    def error(self) -> Mapping[str, Any] | None:
        errors = [event["error"] for event in self.events if "error" in event]
        assert len(errors) + self.ended == 1, "one end of one kind"
        return errors[0] if errors else None


async def ask(server: Served, count: int, text: str = "What is it?") -> list[Told]:
    """So many requests, every second one streamed; each with its number in its text."""
    told: list[Told] = []
    at_once = max(AT_ONCE, count // 2)
    for first in range(0, count, at_once):
        numbers = range(first, min(count, first + at_once))
        told += await asyncio.gather(*(one(server, text.format(n), n % 2 == 0) for n in numbers))
    return told


async def one(server: Served, text: str, stream: bool) -> Told:
    asked = {"model": "auto", "messages": [{"role": "user", "content": text}], "stream": stream}
    async with asyncio.timeout(30):
        response = await server.http.post(CHAT, json=asked)
    return Told(response, stream, await server.why(response.headers["x-request-id"]))


def is_classified(told: Told, case: Case) -> None:
    attempt = told.attempt
    assert attempt["fault"] == case.fault in get_args(TierFault), attempt
    assert attempt["state"] in ("failed", "broken_off")
    usage = attempt["usage"]
    if case.billed:
        assert usage["input"] > 0 and usage["estimated"], "what may cost is counted, as a guess"
    else:
        assert usage["input"] == usage["output"] == 0 and not usage["estimated"]


# ---- the matrix ------------------------------------------------------------------------------


@WIRES
@ALL
async def test_nothing_was_released_so_the_next_rung_answers(
    tmp_path: Path, wire: Wire, name: str, requests: int
) -> None:
    case, above = CASES[name], ScriptedTier("top", say("better"), model="big")
    async with facing(case, wire, tmp_path, above, config=HELD) as server:
        answers = await ask(server, requests)
    for told in answers:
        assert (told.response.status_code, told.words, told.error) == (200, "better", None)
        assert told.entry["tier"] == "top" and len(told.entry["attempts"]) == 2
        is_classified(told, case)
    assert len(above.chats) == requests


@WIRES
@ALL
async def test_without_a_next_rung_it_is_an_error_that_names_this_one(
    tmp_path: Path, wire: Wire, name: str, requests: int
) -> None:
    case = CASES[name]
    async with facing(case, wire, tmp_path) as server:
        answers = await ask(server, requests)
    for told in answers:
        error = told.error
        assert error is not None and not told.ended
        assert "low" in error["message"] and case.fault in error["message"]
        late = (200 if told.stream else 502, case.fault)
        ends = [(503, "ladder_exhausted"), *([late] if case.said else [])]
        assert (told.response.status_code, error["code"]) in ends
        if case.said and told.stream and case.fault != "timeout":
            assert told.response.status_code == 200 and told.words == "fine "
        is_classified(told, case)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.said])
async def test_after_a_first_word_no_other_rung_goes_on(tmp_path: Path, name: str) -> None:
    above = ScriptedTier("top", say("better"), model="big")
    async with facing(CASES[name], OPENAI, tmp_path, above) as server:
        (told,) = await ask(server, 1)
    assert told.error is not None and told.words == "fine " and above.chats == []
    assert told.entry["state"] == "broken_off"


# ---- cut at every byte -----------------------------------------------------------------------


@WIRES
async def test_a_stream_cut_at_any_byte_is_whole_or_replaced(tmp_path: Path, wire: Wire) -> None:
    above = ScriptedTier("top", say("better"), model="big")
    for place, told in await cut_everywhere(tmp_path, wire, above, config=HELD):
        whole = place >= wire.finished
        assert (told.words, told.error) == (SAID if whole else "better", None), place
        assert told.attempt["fault"] == (None if whole else "broken"), place
        assert told.attempt["usage"]["input"] > 0, place


@WIRES
async def test_a_stream_cut_at_any_byte_never_seems_whole(tmp_path: Path, wire: Wire) -> None:
    for place, told in await cut_everywhere(tmp_path, wire):
        if place >= wire.finished:
            assert told.ended and told.words == SAID and told.error is None, place
        else:
            assert not told.ended and SAID.startswith(told.words if told.stream else ""), place
            assert told.error is not None and "low" in told.error["message"], place


async def cut_everywhere(
    folder: Path, wire: Wire, *above: ScriptedTier, config: str = ""
) -> Sequence[tuple[int, Told]]:
    """One request for each byte of the recorded stream, which is answered up to there. Every other
    pair ends with the connection, so that the cut looks like an end."""

    def cut(request: Request) -> Answer:
        found = re.search(r"up to (\d+)", json.dumps(request.body))
        assert found is not None
        place = int(found[1])
        end: dict[str, Any] = {"framing": "close"} if place // 2 % 2 else {"then": "cut"}
        return Answer(wire.recorded[:place], **end)

    async with Upstream(cut) as upstream:
        rung = hosted("low", upstream.url, kind=wire.kind, more=f", {UNGUARDED}")
        async with served(folder, rung, *above, config=config) as server:
            return list(enumerate(await ask(server, len(wire.recorded), "up to {}")))


# ---- what is not told ------------------------------------------------------------------------


@WIRES
async def test_usage_that_is_missing_is_estimated(tmp_path: Path, wire: Wire) -> None:
    counted = rb',?\s*"usage":\s*(null|\{[^{}]*(\{[^{}]*\}[^{}]*)*\})'
    body = re.sub(counted, b"", wire.recorded)
    assert b"usage" not in body
    async with Upstream(Answer(body)) as upstream:
        rung = hosted("low", upstream.url, kind=wire.kind)
        async with served(tmp_path, rung) as server:
            answers = await ask(server, 2)
    for told in answers:
        assert told.ended and told.words == SAID
        usage = told.attempt["usage"]
        assert usage["estimated"] and usage["input"] > 0 and usage["output"] > 0
