"""How does an answer look to an OpenAI client? As chunks of a stream, or whole.

A stream is, for every choice, one role chunk, its content, one finish chunk; then a chunk with
the usage where it was asked for, and `[DONE]`. The extension `rungwise` is on the last chunk, and
on a whole answer. The last choice's finish chunk waits until the answer is settled: a stream that
fails before has none, and where no usage chunk follows it carries the extension.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from rungwise.drafts import collect
from rungwise.edge.extension import extension
from rungwise.edge.quoting import encoded, quoted
from rungwise.edge.seals import bundled
from rungwise.types import (
    LEAST_LOGPROB,
    Choice,
    FinishReason,
    Json,
    JsonObject,
    Piece,
    Released,
    Settled,
    Thought,
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
        self._thoughts: dict[int, list[Thought]] = {}
        """By choice: those that wait for the call they led to."""
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
        self._head = f"data: {encoded(head)[:-1]},"
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
        if piece.thought is not None:
            self._thoughts.setdefault(index, []).append(piece.thought)
        elif piece.text and not (
            piece.shown or piece.finish or piece.tool_calls or piece.reasoning or piece.refusal
        ):
            return f"{self._contents[index]}{quoted(piece.text)}{self._plain_content}"
        thoughts = self._thoughts.pop(index, ()) if piece.tool_calls else ()
        frame, delta = "", _delta(piece, _extra(thoughts, self._released.model))
        if delta or piece.shown:
            logprobs = encoded(_logprobs(piece.shown)) if piece.shown else "null"
            frame = (
                f"{self._openings[index]}{encoded(delta)},"
                f'"logprobs":{logprobs},"finish_reason":null}}]{self._foot}'
            )
        if piece.finish is not None and index not in self._finished:
            frame += self._finish(index, piece.finish)
        return frame

    def _finish(self, index: int, reason: FinishReason) -> str:
        self._finished.add(index)
        chunk = f'{self._openings[index]}{{}},"logprobs":null,"finish_reason":{quoted(reason)}}}]'
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
        told = f',"rungwise":{encoded(extension(self._released, settled))}}}\n\n'
        if self._show_usage:
            usage = encoded(_usage(settled.usage))
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
                return encoded(self._body(event))
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
            "message": _message(choice, self._released.model),
            "logprobs": _logprobs(shown) if self._show_logprobs else None,
            "finish_reason": choice.finish or "stop",
        }


# ---- parts of both ---------------------------------------------------------------------------


def _delta(piece: Piece, extra: JsonObject) -> JsonObject:
    """`extra` belongs to the first call."""
    delta: dict[str, Json] = {}
    if piece.text:
        delta["content"] = piece.text
    if piece.reasoning:
        delta["reasoning_content"] = piece.reasoning
    if piece.refusal:
        delta["refusal"] = piece.refusal
    if piece.tool_calls:
        first, *others = (_call_delta(call) for call in piece.tool_calls)
        delta["tool_calls"] = [{**first, **extra}, *others]
    return delta


def _call_delta(call: ToolCallDelta) -> JsonObject:
    function: dict[str, Json] = {"arguments": call.arguments}
    if call.name:
        function = {"name": call.name, **function}
    head: dict[str, Json] = {"index": call.index}
    if call.id:
        head |= {"id": call.id, "type": "function"}
    return {**head, "function": function}


def _message(choice: Choice, model: str) -> JsonObject:
    silent = not choice.text and bool(choice.tool_calls or choice.refusal)
    message: dict[str, Json] = {
        "role": "assistant",
        "content": None if silent else choice.text,
        "refusal": choice.refusal or None,
    }
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        first, *others = (_call(call) for call in choice.tool_calls)
        message["tool_calls"] = [{**first, **_extra(choice.thoughts, model)}, *others]
    return message


def _call(call: ToolCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _extra(thoughts: Sequence[Thought], model: str) -> JsonObject:
    """What led to a call, in the one place that clients hand back with it (see seals)."""
    if not thoughts:
        return {}
    return {"extra_content": {"google": {"thought_signature": bundled(thoughts, model)}}}


def _logprobs(shown: Sequence[TokenLogprob]) -> JsonObject:
    return {"content": [_token(token) for token in shown], "refusal": None}


def _token(token: TokenLogprob) -> JsonObject:
    rivals = [_weighed(rival.text, rival.logprob) for rival in token.alternatives]
    return {**_weighed(token.text, token.logprob), "top_logprobs": rivals}


def _weighed(text: str, logprob: float) -> JsonObject:
    written = max(logprob, LEAST_LOGPROB) if math.isfinite(logprob) else LEAST_LOGPROB
    return {"token": text, "logprob": written, "bytes": list(text.encode("utf-8", "replace"))}


def _usage(usage: Usage) -> JsonObject:
    """What every rung together used. The prompt's tokens include what was read from a cache and
    written to one, the completion's the thinking."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
