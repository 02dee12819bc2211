"""How does an answer look to an Anthropic client? As the events of a stream, or whole.

A stream is message_start, the content blocks, message_delta with stop reason and usage, and
message_stop. The usage of message_start is 0: it is known at the end. The extension `rungwise` is
in message_delta, and in a whole message. A stream that fails has neither of the two last events.

`model` is the name that was asked for: Claude Code gives a thought back only where that is the name
which it asks for next. Who wrote the answer is `rungwise.model`, and in the header.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from rungwise.edge.extension import extension
from rungwise.edge.messages_blocks import Blocks, Closed, Grown, Kind, Opened, Signed, Step
from rungwise.edge.messages_turns import UNPARSED
from rungwise.edge.quoting import encoded, quoted
from rungwise.types import FinishReason, Json, JsonObject, Piece, Released, Settled, Usage

__all__ = ["MessageFrames", "WholeMessage"]

Event: TypeAlias = Released | Piece | Settled

_REASONS: Mapping[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "end_turn",
    "content_filter": "refusal",
}
_DELTAS: Mapping[Kind, tuple[str, str]] = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


class _Ending:
    """Why an answer stopped. Its refusal is the explanation, and no content."""

    def __init__(self) -> None:
        self._finish: FinishReason = "stop"
        self._refusal = ""

    def feed(self, piece: Piece) -> None:
        self._finish = piece.finish or self._finish
        self._refusal += piece.refusal

    def told(self, *, called: bool) -> dict[str, Json]:
        """A tier may say `stop` of a call it was forced to, too."""
        refused = bool(self._refusal) or self._finish == "content_filter"
        reason = "refusal" if refused else _REASONS[self._finish]
        if called and reason == "end_turn":
            reason = "tool_use"
        details: Json = None
        if refused:
            details = {
                "type": "refusal",
                "category": None,
                "explanation": self._refusal or None,
            }
        return {"stop_reason": reason, "stop_sequence": None, "stop_details": details}


class MessageFrames:
    """Renders one answer's events as the frames of its stream, in ASCII."""

    def __init__(self, asked: str) -> None:
        """`asked` is what stood in `model`."""
        self._asked, self._ending = asked, _Ending()

    def render(self, event: Event) -> str:
        match event:
            case Piece():
                self._ending.feed(event)
                return self._steps(self._blocks.feed(event))
            case Released():
                return self._begin(event)
            case Settled():
                return self._end(event)

    def _begin(self, released: Released) -> str:
        self._released = released
        self._blocks = Blocks(answer_id=released.id, model=released.model)
        message = {
            **_head(self._asked, released),
            "content": [],
            **_nothing_yet(),
            "usage": _usage(Usage()),
        }
        return _frame("message_start", {"message": message})

    def _end(self, settled: Settled) -> str:
        frames = self._steps(self._blocks.end())
        ended: JsonObject = {
            "delta": self._ending.told(called=self._blocks.called),
            "usage": _usage(settled.usage),
            "rungwise": _story(self._released, settled),
        }
        return f"{frames}{_frame('message_delta', ended)}{_frame('message_stop', {})}"

    def _steps(self, steps: Iterable[Step]) -> str:
        return "".join(_step(step) for step in steps)


class WholeMessage:
    """Collects one answer's events into a message."""

    _released: Released
    _blocks: Blocks

    def __init__(self, asked: str) -> None:
        """`asked` is what stood in `model`."""
        self._asked, self._ending = asked, _Ending()
        self._content: list[_Block] = []

    def render(self, event: Event) -> str:
        """Nothing, until the answer is settled."""
        match event:
            case Piece():
                self._ending.feed(event)
                self._add(self._blocks.feed(event))
            case Released():
                self._released = event
                self._blocks = Blocks(answer_id=event.id, model=event.model)
            case Settled():
                self._add(self._blocks.end())
                return encoded(self._body(event))
        return ""

    def _add(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case Opened():
                    self._content.append(_Block(step))
                case Grown():
                    self._content[step.index].texts.append(step.text)
                case Signed():
                    self._content[step.index].signature = step.signature
                case Closed():
                    pass

    def _body(self, settled: Settled) -> JsonObject:
        return {
            **_head(self._asked, self._released),
            "content": [block.told() for block in self._content],
            **self._ending.told(called=self._blocks.called),
            "usage": _usage(settled.usage),
            "rungwise": _story(self._released, settled),
        }


class _Block:
    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.texts: list[str] = []
        self.signature = ""

    def told(self) -> JsonObject:
        block, text = _opening(self.opened), "".join(self.texts)
        match self.opened.kind:
            case "text":
                return {**block, "text": text}
            case "thinking":
                return {**block, "thinking": text, "signature": self.signature}
            case "tool_use":
                return {**block, "input": _input(text)}
            case _:
                return block


# ---- parts of both ---------------------------------------------------------------------------


def _head(asked: str, released: Released) -> dict[str, Json]:
    return {"id": released.id, "type": "message", "role": "assistant", "model": asked}


def _story(released: Released, settled: Settled) -> JsonObject:
    return {"model": released.model, **extension(released, settled)}


def _nothing_yet() -> dict[str, Json]:
    return {"stop_reason": None, "stop_sequence": None, "stop_details": None}


def _opening(opened: Opened) -> dict[str, Json]:
    match opened.kind:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "tool_use":
            return {"type": "tool_use", "id": opened.id, "name": opened.name, "input": {}}
        case "redacted_thinking":
            return {"type": "redacted_thinking", "data": opened.data}


def _step(step: Step) -> str:
    match step:
        case Grown(index, kind, text):
            told, field = _DELTAS[kind]
            return (
                'event: content_block_delta\ndata: {"type":"content_block_delta","index":'
                f'{index},"delta":{{"type":"{told}","{field}":{quoted(text)}}}}}\n\n'
            )
        case Opened(index):
            return _frame("content_block_start", {"index": index, "content_block": _opening(step)})
        case Signed(index, signature):
            delta = {"type": "signature_delta", "signature": signature}
            return _frame("content_block_delta", {"index": index, "delta": delta})
        case Closed(index):
            return _frame("content_block_stop", {"index": index})


def _frame(kind: str, data: JsonObject) -> str:
    return f"event: {kind}\ndata: {encoded({'type': kind, **data})}\n\n"


def _input(arguments: str) -> Json:
    """The protocol takes objects only; what a model wrote instead goes along as text."""
    try:
        told = json.loads(arguments) if arguments.strip() else {}
        json.dumps(told, allow_nan=False)
    except (ValueError, RecursionError):
        told = None
    return told if isinstance(told, dict) else {UNPARSED: arguments}


def _usage(usage: Usage) -> JsonObject:
    """What every rung together used. input_tokens are those that no cache had anything to do with;
    output_tokens include the thinking."""
    return {
        "input_tokens": usage.input,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }
