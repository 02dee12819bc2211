"""How does an answer look to an OpenAI client? As chunks of a stream, or whole.

A stream is, for every choice, one role chunk, its content, one finish chunk; then a chunk with
the usage where it was asked for, and `[DONE]`. The extension `rungwise` is on the last chunk, and
on a whole answer. The last choice's finish chunk waits until the answer is settled: a stream that
fails before has none, and where no usage chunk follows it carries the extension.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii
from typing import TypeAlias

from rungwise.drafts import collect
from rungwise.edge.extension import extension
from rungwise.types import (
    LEAST_LOGPROB,
    Choice,
    FinishReason,
    Json,
    JsonObject,
    Piece,
    Released,
    Settled,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)

__all__ = ["ChunkFrames", "Event", "WholeBody"]

Event: TypeAlias = Released | Piece | Settled


class ChunkFrames:
    """Renders one answer's events as the frames of its stream, in ASCII.

    What all chunks share is rendered once: at concurrency 32 a token's frame is on the hot path.
    """

    def __init__(self, *, choices: int, show_usage: bool, created: int) -> None:
        self._choices, self._show_usage, self._created = choices, show_usage, created
        self._finished: set[int] = set()
        self._last = ""
        """The last choice's finish chunk, without its end."""

    def render(self, event: Event) -> str:
        match event:
            case Piece():
                return self._piece(event)
            case Released():
                return self._begin(event)
            case Settled():
                return self._end(event)

    def _begin(self, released: Released) -> str:
        self._released = released
        head: dict[str, Json] = {
            "id": released.id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": released.model,
        }
        self._head = f"data: {_json(head)[:-1]},"
        self._foot = ',"usage":null}\n\n' if self._show_usage else "}\n\n"
        opened = [
            f'{self._head}"choices":[{{"index":{index},"delta":' for index in range(self._choices)
        ]
        self._contents = [f'{head}{{"content":' for head in opened]
        self._openings = opened
        # the end of a chunk with nothing but a delta
        self._plain = f',"logprobs":null,"finish_reason":null}}]{self._foot}'
        self._plain_content = "}" + self._plain
        role = '{"role":"assistant","content":"","refusal":null}'
        return "".join(f"{head}{role}{self._plain}" for head in opened)

    def _piece(self, piece: Piece) -> str:
        index = piece.choice
        if piece.text and not (
            piece.shown or piece.finish or piece.tool_calls or piece.reasoning or piece.refusal
        ):
            return f"{self._contents[index]}{_quoted(piece.text)}{self._plain_content}"
        frame, delta = "", _delta(piece)
        if delta or piece.shown:
            logprobs = _json(_logprobs(piece.shown)) if piece.shown else "null"
            frame = (
                f"{self._openings[index]}{_json(delta)},"
                f'"logprobs":{logprobs},"finish_reason":null}}]{self._foot}'
            )
        if piece.finish is not None and index not in self._finished:
            frame += self._finish(index, piece.finish)
        return frame

    def _finish(self, index: int, reason: FinishReason) -> str:
        self._finished.add(index)
        chunk = f'{self._openings[index]}{{}},"logprobs":null,"finish_reason":{_quoted(reason)}}}]'
        if len(self._finished) < self._choices:
            return chunk + self._foot
        self._last = chunk
        return ""

    def _end(self, settled: Settled) -> str:
        # a tier that told no reason ended of its own accord
        frame = "".join(
            self._finish(index, "stop")
            for index in range(self._choices)
            if index not in self._finished
        )
        told = f',"rungwise":{_json(extension(self._released, settled))}}}\n\n'
        if self._show_usage:
            usage = _json(_usage(settled.usage))
            frame += f'{self._last}{self._foot}{self._head}"choices":[],"usage":{usage}{told}'
        else:
            frame += f"{self._last}{told}"
        return f"{frame}data: [DONE]\n\n"


class WholeBody:
    """Collects one answer's events into the body of an answer that is not streamed."""

    def __init__(self, *, choices: int, show_logprobs: bool, created: int) -> None:
        self._choices, self._show_logprobs, self._created = choices, show_logprobs, created
        self._pieces: list[Piece] = []

    def render(self, event: Event) -> str:
        """Nothing, until the answer is settled."""
        match event:
            case Piece():
                self._pieces.append(event)
            case Released():
                self._released = event
            case Settled():
                return _json(self._body(event))
        return ""

    def _body(self, settled: Settled) -> JsonObject:
        collected = collect(self._pieces)
        missing = self._choices - len(collected)
        return {
            "id": self._released.id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._released.model,
            "choices": [
                self._choice(index, choice)
                for index, choice in enumerate((*collected, *(Choice(),) * missing))
            ],
            "usage": _usage(settled.usage),
            "rungwise": extension(self._released, settled),
        }

    def _choice(self, index: int, choice: Choice) -> JsonObject:
        shown = [t for piece in self._pieces if piece.choice == index for t in piece.shown]
        return {
            "index": index,
            "message": _message(choice),
            "logprobs": _logprobs(shown) if self._show_logprobs else None,
            "finish_reason": choice.finish or "stop",
        }


# ---- parts of both ---------------------------------------------------------------------------


def _delta(piece: Piece) -> JsonObject:
    delta: dict[str, Json] = {}
    if piece.text:
        delta["content"] = piece.text
    if piece.reasoning:
        delta["reasoning_content"] = piece.reasoning
    if piece.refusal:
        delta["refusal"] = piece.refusal
    if piece.tool_calls:
        delta["tool_calls"] = [_call_delta(call) for call in piece.tool_calls]
    return delta


def _call_delta(call: ToolCallDelta) -> JsonObject:
    function: dict[str, Json] = {"arguments": call.arguments}
    if call.name:
        function = {"name": call.name, **function}
    head: dict[str, Json] = {"index": call.index}
    if call.id:
        head |= {"id": call.id, "type": "function"}
    return {**head, "function": function}


def _message(choice: Choice) -> JsonObject:
    silent = not choice.text and bool(choice.tool_calls or choice.refusal)
    message: dict[str, Json] = {
        "role": "assistant",
        "content": None if silent else choice.text,
        "refusal": choice.refusal or None,
    }
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = [_call(call) for call in choice.tool_calls]
    return message


def _call(call: ToolCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _logprobs(shown: Sequence[TokenLogprob]) -> JsonObject:
    return {"content": [_token(token) for token in shown], "refusal": None}


def _token(token: TokenLogprob) -> JsonObject:
    rivals = [_weighed(rival.text, rival.logprob) for rival in token.alternatives]
    return {**_weighed(token.text, token.logprob), "top_logprobs": rivals}


def _weighed(text: str, logprob: float) -> JsonObject:
    written = max(logprob, LEAST_LOGPROB) if math.isfinite(logprob) else LEAST_LOGPROB
    return {"token": text, "logprob": written, "bytes": list(text.encode("utf-8", "replace"))}


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _quoted(text: str) -> str:
    # ASCII: some clients break lines at U+2028, and then an event falls apart
    return encode_basestring_ascii(text if text.isascii() else _whole(text))


def _json(value: JsonObject) -> str:
    text = _ASCII.encode(value)
    return _ASCII.encode(json.loads(_whole(_ANY.encode(value)))) if "\\ud" in text else text


def _whole(text: str) -> str:
    """Half a surrogate pair, which no strict parser takes, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


_ASCII = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_ANY = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
