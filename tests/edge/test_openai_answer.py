"""What does the OpenAI client see of released, pieces and settled?"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from rungwise.edge.openai_answer import ChunkFrames, WholeBody
from rungwise.edge.seals import unbundled
from rungwise.types import (
    FinishReason,
    Piece,
    Settled,
    Thought,
    TokenAlternative,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from tests.edge.doubles import ATTEMPT, SETTLED, Event, released

EXTENSION = {
    "tier": "tier1",
    "recalled": False,
    "rungs_tried": 1,
    "step_type": "open_chat",
    "cost_usd": 0.0000015,
    "attempts": [
        {
            "tier": "tier1",
            "role": "draft",
            "state": "released",
            "confidence": 0.97,
            "threshold": 0.9,
            "cost_usd": 0.0000015,
        }
    ],
}
TELLING = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
STOP = Piece(finish="stop")


def stream(*events: Event, choices: int = 1, usage: bool = False) -> list[dict[str, Any]]:
    """The chunks of a whole stream, each checked against the SDK's own type."""
    frames = ChunkFrames(choices=choices, show_usage=usage, created=17)
    text = "".join(frames.render(event) for event in (released(), *events, SETTLED))
    assert text.isascii()
    *chunks, done, end = text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    return [chunk(line) for line in chunks]


def chunk(line: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line.removeprefix("data: "))
    ChatCompletionChunk.model_validate(told, strict=True)
    shared = ("id", "object", "created", "model")
    assert [told[key] for key in shared] == ["req_1", "chat.completion.chunk", 17, "demo-bottom"]
    return told


def deltas(chunks: Sequence[dict[str, Any]], index: int = 0) -> list[dict[str, Any]]:
    return [c["delta"] for told in chunks for c in told["choices"] if c["index"] == index]


def whole(*events: Event, choices: int = 1, logprobs: bool = False) -> dict[str, Any]:
    body = WholeBody(choices=choices, show_logprobs=logprobs, created=17)
    *nothing, text = [body.render(event) for event in (released(), *events, SETTLED)]
    assert not any(nothing)
    told: dict[str, Any] = json.loads(text)
    ChatCompletion.model_validate(told, strict=True)
    return told


def test_one_role_the_content_one_finish() -> None:
    chunks = stream(Piece("hel"), Piece("lo"), STOP)
    assert deltas(chunks) == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "hel"},
        {"content": "lo"},
        {},
    ]
    assert [c["choices"][0]["finish_reason"] for c in chunks] == [None, None, None, "stop"]
    assert [c.get("rungwise") for c in chunks] == [None, None, None, EXTENSION]
    assert not any("usage" in c for c in chunks)


def test_usage_comes_in_a_chunk_of_its_own_when_asked() -> None:
    chunks = stream(Piece("a"), STOP, usage=True)
    *others, last = chunks
    assert last["choices"] == [] and last["usage"] == TELLING and last["rungwise"] == EXTENSION
    assert [c["usage"] for c in others] == [None] * 3
    assert not any("rungwise" in c for c in others)


def test_a_last_piece_with_text_and_finish_makes_two_chunks() -> None:
    chunks = stream(Piece("a", finish="length"))
    assert deltas(chunks)[1:] == [{"content": "a"}, {}]
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("usage", [False, True])
def test_every_choice_has_one_role_and_one_finish(usage: bool) -> None:
    pieces = (
        Piece("b", 1),
        Piece("a", 0),
        Piece(choice=1, finish="stop"),
        Piece("a", 0),
        Piece(choice=0, finish="length"),
        Piece(choice=0, finish="stop"),
    )
    chunks = stream(*pieces, choices=3, usage=usage)
    for index, finish in ((0, "length"), (1, "stop"), (2, "stop")):
        own = [c for told in chunks for c in told["choices"] if c["index"] == index]
        assert own[0]["delta"]["role"] == "assistant"
        assert not any("role" in c["delta"] for c in own[1:])
        assert [c["finish_reason"] for c in own if c["finish_reason"]] == [finish]
        assert own[-1]["finish_reason"] == finish
    assert "rungwise" in chunks[-1] and sum("rungwise" in c for c in chunks) == 1


@pytest.mark.parametrize(
    "text", ["é", "日本", "🙂", '"\\\n\r\t\x00\x7f', "a\u2028b\u0085c", "</script>"]
)
def test_any_text_survives(text: str) -> None:
    assert deltas(stream(Piece(text), STOP))[1] == {"content": text}
    assert deltas(stream(Piece(text, finish="stop")))[1] == {"content": text}
    assert whole(Piece(text), STOP)["choices"][0]["message"]["content"] == text


def test_half_a_surrogate_pair_is_not_passed_on() -> None:
    assert deltas(stream(Piece("a\ud83d"), STOP))[1] == {"content": "a?"}
    assert deltas(stream(Piece("a\ud83d🙂", finish="stop")))[1] == {"content": "a?🙂"}
    assert whole(Piece("a\udc00"), STOP)["choices"][0]["message"]["content"] == "a?"


CALLS = (
    Piece(tool_calls=(ToolCallDelta(0, "c1", "weather"),)),
    Piece(tool_calls=(ToolCallDelta(0, arguments='{"a":'), ToolCallDelta(1, "c2", "time", "{}"))),
    Piece(tool_calls=(ToolCallDelta(0, arguments="1}"),), finish="tool_calls"),
)


def test_tool_calls_in_parts() -> None:
    chunks = stream(*CALLS)
    head = {"id": "c1", "type": "function", "index": 0}
    assert deltas(chunks)[1:] == [
        {"tool_calls": [{**head, "function": {"name": "weather", "arguments": ""}}]},
        {
            "tool_calls": [
                {"index": 0, "function": {"arguments": '{"a":'}},
                {
                    "index": 1,
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "time", "arguments": "{}"},
                },
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        {},
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_tool_calls_whole() -> None:
    choice = whole(*CALLS)["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"a":1}'},
            },
            {"id": "c2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
        ],
    }


def test_what_a_call_was_thought_of_with_goes_with_it() -> None:
    thoughts = [Thought(text="Is it?", seal="s1"), Thought(seal="s2", withheld=True, model="m")]
    pieces = [Piece(reasoning="Is it?"), *(Piece(thought=thought) for thought in thoughts)]
    calls = [Piece(tool_calls=(ToolCallDelta(i, f"c{i}", "find"),)) for i in (0, 1)]
    chunks = deltas(stream(*pieces, *calls, STOP))
    told = whole(*pieces, *calls, STOP)["choices"][0]["message"]["tool_calls"]
    for first, second in ([d["tool_calls"][0] for d in chunks if "tool_calls" in d], told):
        bundle = first["extra_content"]["google"]["thought_signature"]
        assert unbundled(bundle) == (replace(thoughts[0], model="demo-bottom"), thoughts[1])
        assert "extra_content" not in second


def test_a_thought_that_led_to_no_call_stays_here() -> None:
    pieces = [Piece(thought=Thought(text="Is it?", seal="s1")), Piece("Yes"), STOP]
    assert "s1" not in json.dumps([stream(*pieces), whole(*pieces)])


def test_refusal_and_reasoning() -> None:
    pieces = (Piece(reasoning="hm"), Piece(refusal="no", finish="content_filter"))
    assert deltas(stream(*pieces))[1:] == [{"reasoning_content": "hm"}, {"refusal": "no"}, {}]
    choice = whole(*pieces)["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": "no",
        "reasoning_content": "hm",
    }
    assert choice["finish_reason"] == "content_filter"


SHOWN = TokenLogprob(
    text="é",
    logprob=-0.25,
    alternatives=(
        TokenAlternative(text="é", logprob=-0.25),
        TokenAlternative(text="e", logprob=-math.inf),
    ),
)
SEEN = {
    "token": "é",
    "logprob": -0.25,
    "bytes": [195, 169],
    "top_logprobs": [
        {"token": "é", "logprob": -0.25, "bytes": [195, 169]},
        {"token": "e", "logprob": -9999.0, "bytes": [101]},
    ],
}


def test_logprobs() -> None:
    piece = Piece("é", shown=(SHOWN,))
    chunks = stream(piece, STOP)
    assert chunks[1]["choices"][0]["logprobs"] == {"content": [SEEN], "refusal": None}
    assert chunks[0]["choices"][0]["logprobs"] is None
    asked = whole(piece, Piece("x", 1, shown=(SHOWN, SHOWN)), STOP, choices=2, logprobs=True)
    assert [len(c["logprobs"]["content"]) for c in asked["choices"]] == [1, 2]
    assert whole(piece, STOP)["choices"][0]["logprobs"] is None


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -1e300])
def test_what_is_no_number_is_never_written(number: float) -> None:
    told = stream(Piece("a", shown=(TokenLogprob(text="a", logprob=number),)), STOP)[1]
    assert told["choices"][0]["logprobs"]["content"][0]["logprob"] == -9999.0


def test_a_whole_answer() -> None:
    assert whole(Piece("hel"), Piece("lo"), STOP) == {
        "id": "req_1",
        "object": "chat.completion",
        "created": 17,
        "model": "demo-bottom",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": TELLING,
        "rungwise": EXTENSION,
    }


def test_a_choice_that_stayed_empty_is_still_there() -> None:
    first, second = whole(Piece("a"), STOP, choices=2)["choices"]
    assert second["index"] == 1 and second["message"]["content"] == ""
    assert first["finish_reason"] == second["finish_reason"] == "stop"


def test_an_unknown_cost_is_null_and_never_zero() -> None:
    frames = ChunkFrames(choices=1, show_usage=False, created=17)
    unknown = Settled(
        usage=Usage(), cost_nano=None, attempts=(replace(ATTEMPT, cost_nano=None), ATTEMPT)
    )
    text = "".join(frames.render(event) for event in (released(), STOP, unknown))
    assert text.count('"cost_usd":null') == 2


def test_every_attempt_is_told_in_short_and_no_reason_leaves() -> None:
    doubted = replace(
        ATTEMPT, state="abandoned", reason="HTTP 401: sk-secret", confidence=None, threshold=None
    )
    settled = replace(SETTLED, attempts=(doubted, replace(ATTEMPT, tier="tier2", role="judge")))
    body = WholeBody(choices=1, show_logprobs=False, created=17)
    *_, text = [body.render(event) for event in (released(), STOP, settled)]
    first, second = json.loads(text)["rungwise"]["attempts"]
    assert (first["state"], first["confidence"], first["threshold"]) == ("abandoned", None, None)
    assert (second["tier"], second["role"]) == ("tier2", "judge")
    assert "secret" not in text and json.loads(text)["usage"] == TELLING


# ---- the protocol, whatever is told and however it ends ---------------------------------------

CHOICES = 3
WRITTEN = st.builds(
    Piece,
    text=st.text(max_size=3),
    choice=st.integers(0, CHOICES - 1),
    reasoning=st.sampled_from(["", "hm"]),
    refusal=st.sampled_from(["", "no"]),
    tool_calls=st.sampled_from([(), (ToolCallDelta(0, "c1", "f", "{}"),)]),
)
FINISHES = st.dictionaries(
    st.integers(0, CHOICES - 1), st.sampled_from(["stop", "length", "tool_calls"])
)


@given(st.lists(WRITTEN), FINISHES, st.booleans(), st.booleans())
def test_a_stream_keeps_the_protocol(
    written: list[Piece], finishes: dict[int, FinishReason], usage: bool, settles: bool
) -> None:
    frames = ChunkFrames(choices=CHOICES, show_usage=usage, created=17)
    ends = [Piece(choice=index, finish=reason) for index, reason in finishes.items()]
    events: list[Event] = [released(), *written, *ends, *([SETTLED] if settles else [])]
    text = "".join(frames.render(event) for event in events)
    *lines, end = text.split("\n\n")
    assert end == "" and ("data: [DONE]" in lines) == settles == (lines[-1] == "data: [DONE]")
    chunks = [chunk(line) for line in lines if line != "data: [DONE]"]
    assert [bool(told.get("usage")) for told in chunks].count(True) == (usage and settles)
    for index in range(CHOICES):
        own = [c for told in chunks for c in told["choices"] if c["index"] == index]
        assert ["role" in c["delta"] for c in own] == [True] + [False] * (len(own) - 1)
        ended = [c["finish_reason"] for c in own if c["finish_reason"]]
        assert own[-1]["finish_reason"] or not ended, "nothing comes after the finish"
        assert ended == [finishes.get(index, "stop")] or not settles
    told = sum(bool(c["finish_reason"]) for each in chunks for c in each["choices"])
    assert (told == CHOICES) == settles, "the last finish is for a true end"
