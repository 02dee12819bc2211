"""How does an answer look to an Anthropic client, in a stream and whole?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.drafts import collect
from rungwise.edge.messages_answer import MessageFrames, WholeMessage
from rungwise.edge.messages_turns import UNPARSED
from rungwise.edge.seals import sealed
from rungwise.types import FinishReason, Piece, Settled, Thought, ToolCallDelta, Usage
from tests.edge.doubles import SETTLED, Event, released

MODEL = "demo-bottom"


def whole(*pieces: Piece, settled: Settled = SETTLED) -> dict[str, Any]:
    rendering = WholeMessage("auto")
    seen: list[Event] = [released(), *pieces]
    early = "".join(rendering.render(event) for event in seen)
    assert early == ""
    told: dict[str, Any] = json.loads(rendering.render(settled))
    return told


def events(*pieces: Piece, settled: Settled = SETTLED) -> list[dict[str, Any]]:
    rendering = MessageFrames("auto")
    seen: list[Event] = [released(), *pieces, settled]
    frames = "".join(rendering.render(event) for event in seen)
    assert frames.isascii() and frames.endswith("\n\n")
    told = []
    for frame in frames.removesuffix("\n\n").split("\n\n"):
        name, data = frame.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


def put_together(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a strict client makes of a stream: one open block at a time, in order."""
    first, *blocks, last, stop = told
    assert first["type"] == "message_start" and stop == {"type": "message_stop"}
    assert last["type"] == "message_delta"
    message: dict[str, Any] = first["message"]
    assert message["content"] == [] and message["stop_reason"] is None
    content: list[dict[str, Any]] = []
    open_index: int | None = None
    parts = ""
    for event in blocks:
        index = event["index"]
        match event["type"]:
            case "content_block_start":
                assert open_index is None and index == len(content)
                open_index, parts = index, ""
                content.append(event["content_block"])
            case "content_block_delta":
                assert index == open_index
                delta, block = event["delta"], content[index]
                match delta["type"]:
                    case "text_delta":
                        block["text"] += delta["text"]
                    case "thinking_delta":
                        assert block["signature"] == ""
                        block["thinking"] += delta["thinking"]
                    case "signature_delta":
                        block["signature"] = delta["signature"]
                    case "input_json_delta":
                        parts += delta["partial_json"]
            case "content_block_stop":
                assert index == open_index
                if content[index]["type"] == "tool_use" and parts:
                    content[index]["input"] = json.loads(parts)
                open_index = None
    assert open_index is None
    ended = {key: last[key] for key in ("usage", "rungwise")}
    return {**message, **last["delta"], **ended, "content": content}


def both(*pieces: Piece) -> dict[str, Any]:
    """The message, which is the same in a stream and whole."""
    told = whole(*pieces)
    assert put_together(events(*pieces)) == told
    return told


def calls(*deltas: ToolCallDelta) -> list[Piece]:
    return [Piece(tool_calls=(delta,)) for delta in deltas]


def test_a_text() -> None:
    told = both(Piece("hel"), Piece("lo"), Piece(finish="stop"))
    assert told["content"] == [{"type": "text", "text": "hello"}]
    assert {key: told[key] for key in ("id", "type", "role", "model")} == {
        "id": "req_1",
        "type": "message",
        "role": "assistant",
        "model": "auto",
    }
    assert (told["stop_reason"], told["stop_sequence"], told["stop_details"]) == (
        "end_turn",
        None,
        None,
    )
    assert (told["rungwise"]["tier"], told["rungwise"]["model"]) == ("tier1", MODEL)
    assert told["rungwise"]["cost_usd"] == 1.5e-6


def test_usage_is_told_in_anthropics_parts() -> None:
    usage = Usage(input=1, cache_read=2, cache_write_5m=3, cache_write_1h=4, output=5, reasoning=6)
    told = whole(settled=Settled(usage=usage, cost_nano=None, attempts=()))
    assert told["usage"] == {
        "input_tokens": 1,
        "cache_read_input_tokens": 2,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        "output_tokens": 11,
        "output_tokens_details": {"thinking_tokens": 6},
    }
    assert told["rungwise"]["cost_usd"] is None, "unknown stays unknown"


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("tool_calls", "end_turn"),
        (None, "end_turn"),
    ],
)
def test_stop_reasons(finish: FinishReason | None, reason: str) -> None:
    assert both(Piece("a"), Piece(finish=finish))["stop_reason"] == reason


@pytest.mark.parametrize("finish", ["stop", "tool_calls", None])
def test_whoever_calls_a_tool_stops_for_it(finish: FinishReason | None) -> None:
    told = both(*calls(ToolCallDelta(0, "c0", "look", "{}")), Piece(finish=finish))
    assert told["stop_reason"] == "tool_use"
    cut = both(*calls(ToolCallDelta(0, "c0", "look", "{}")), Piece(finish="length"))
    assert cut["stop_reason"] == "max_tokens"


def test_a_refusal_is_an_explanation_and_no_content() -> None:
    finishes: tuple[FinishReason, ...] = ("content_filter", "stop")
    for finish in finishes:
        told = both(Piece(refusal="I "), Piece(refusal="can't."), Piece(finish=finish))
        assert told["stop_reason"] == "refusal" and told["content"] == []
        assert told["stop_details"] == {
            "type": "refusal",
            "category": None,
            "explanation": "I can't.",
        }


def test_one_call_streams_as_it_comes() -> None:
    parts = calls(
        ToolCallDelta(0, "c0", "look"),
        ToolCallDelta(0, arguments='{"a"'),
        ToolCallDelta(0, arguments=":1}"),
    )
    told = events(*parts, Piece(finish="tool_calls"))
    assert told[1]["content_block"] == {"type": "tool_use", "id": "c0", "name": "look", "input": {}}
    assert [event["delta"]["partial_json"] for event in told[2:4]] == ['{"a"', ":1}"]
    assert both(*parts)["content"] == [
        {"type": "tool_use", "id": "c0", "name": "look", "input": {"a": 1}}
    ]


def test_calls_that_grow_side_by_side_are_blocks_one_after_another() -> None:
    told = both(
        Piece("let me see"),
        *calls(
            ToolCallDelta(0, "c0", "look"),
            ToolCallDelta(1, "c1", "see"),
            ToolCallDelta(0, arguments='{"a":'),
            ToolCallDelta(1, arguments='{"b":'),
            ToolCallDelta(0, arguments="1}"),
            ToolCallDelta(1, arguments="2}"),
        ),
        Piece("and that is all"),
        Piece(finish="tool_calls"),
    )
    assert told["content"] == [
        {"type": "text", "text": "let me see"},
        {"type": "tool_use", "id": "c0", "name": "look", "input": {"a": 1}},
        {"type": "tool_use", "id": "c1", "name": "see", "input": {"b": 2}},
        {"type": "text", "text": "and that is all"},
    ]


def test_a_call_without_an_id_gets_one_and_one_without_arguments_an_empty_input() -> None:
    told = both(*calls(ToolCallDelta(0, None, "look"), ToolCallDelta(1, None, "see")))
    assert [block["id"] for block in told["content"]] == ["req_1_0", "req_1_1"]
    assert [block["input"] for block in told["content"]] == [{}, {}]


@pytest.mark.parametrize("arguments", ['{"a', "[]", "null", '{"a":NaN}', '{"a":1e999}', "[" * 9999])
def test_arguments_that_are_no_object_go_along_as_text(arguments: str) -> None:
    told = whole(*calls(ToolCallDelta(0, "c0", "look", arguments)))
    assert told["content"][0]["input"] == {UNPARSED: arguments}


def test_thinking_is_a_block_with_a_signature_that_names_its_writer() -> None:
    told = both(
        Piece(reasoning="hm "),
        Piece(reasoning="so"),
        Piece(thought=Thought(text="hm so", seal="Eq==", model="claude-x")),
        Piece("hi"),
        Piece(finish="stop"),
    )
    signature = sealed("claude-x", "Eq==")
    assert told["content"] == [
        {"type": "thinking", "thinking": "hm so", "signature": signature},
        {"type": "text", "text": "hi"},
    ]


def test_thinking_without_a_seal_names_its_writer_too() -> None:
    told = both(Piece(reasoning="hm"), Piece("hi"))
    assert told["content"][0]["signature"] == sealed(MODEL, "")


def test_a_thought_that_was_not_told_before_is_told_now() -> None:
    told = both(
        Piece(thought=Thought(text="one", seal="a")),
        Piece(thought=Thought(seal="b", withheld=True, model="m")),
        Piece(thought=Thought(seal="c")),
        Piece("hi"),
    )
    assert told["content"] == [
        {"type": "thinking", "thinking": "one", "signature": sealed(MODEL, "a")},
        {"type": "redacted_thinking", "data": sealed("m", "b")},
        {"type": "thinking", "thinking": "", "signature": sealed(MODEL, "c")},
        {"type": "text", "text": "hi"},
    ]


def test_an_answer_of_nothing_has_no_blocks() -> None:
    assert both(Piece(finish="stop"))["content"] == []


def test_half_a_pair_of_surrogates_becomes_a_question_mark() -> None:
    assert both(Piece("a\ud800\u2028"))["content"] == [{"type": "text", "text": "a?\u2028"}]


PIECES = st.lists(
    st.builds(
        Piece,
        text=st.sampled_from(["", "", "a", "\u2028"]),
        reasoning=st.sampled_from(["", "", "hm"]),
        tool_calls=st.sampled_from(
            [
                (),
                (),
                (ToolCallDelta(0, "c0", "look"),),
                (ToolCallDelta(0, arguments="  "),),
                (ToolCallDelta(1, "c1", "see", " "),),
                (ToolCallDelta(1, arguments=" "), ToolCallDelta(2, "c2", "hear")),
            ]
        ),
        refusal=st.sampled_from(["", "", "", "no"]),
        thought=st.sampled_from([None, None, Thought(seal="s", withheld=True)]),
        finish=st.sampled_from([None, None, "stop"]),
    ),
    max_size=10,
)


@given(PIECES)
def test_any_pieces_make_the_same_message_in_a_stream_and_whole(pieces: list[Piece]) -> None:
    told = whole(*pieces)
    streamed = put_together(
        [e for e in events(*pieces) if not _blank(e)]  # white space is no JSON, and no input
    )
    assert streamed == told
    texts = [block.get("text", "") for block in told["content"]]
    (choice,) = collect(pieces) or collect([Piece()])
    assert "".join(texts) == choice.text
    names = [block["name"] for block in told["content"] if block["type"] == "tool_use"]
    assert len(names) == len({delta.index for piece in pieces for delta in piece.tool_calls})


def _blank(event: dict[str, Any]) -> bool:
    return bool(event.get("delta", {}).get("partial_json", "x").isspace())
