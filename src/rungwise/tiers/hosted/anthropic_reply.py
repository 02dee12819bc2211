"""What do the events of a Messages stream say?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rungwise.tiers.hosted.hosted import HostedMeter
from rungwise.tiers.hosted.hosted_faults import Malformed
from rungwise.tiers.hosted.hosted_fields import count, text
from rungwise.types import FinishReason, Piece, Thought, ToolCallDelta, Usage

__all__ = ["DECLINED", "AnthropicReader"]

DECLINED = "The model declined to answer."

_FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


@dataclass(slots=True)
class _Thinking:
    """One block of thinking while it comes."""

    seal: str
    withheld: bool = False
    texts: list[str] = field(default_factory=list)

    def more(self, said: str) -> Iterator[Piece]:
        if said:
            self.texts.append(said)
            yield Piece(reasoning=said)

    def thought(self, model: str) -> Thought:
        return Thought(
            text="".join(self.texts), seal=self.seal, withheld=self.withheld, model=model
        )


class AnthropicReader:
    """Complete with `message_stop`; the finish reason is held back until then.

    A thought comes when its block has ended, with its signature, under the name by which the rung
    asks for the model. A paused turn (`pause_turn`) is a failure: only the API's own tools, which
    nobody offers here, pause one, and half a turn is no answer.

    A refusal has the finish `content_filter` and always a `Piece.refusal`: the upstream's
    explanation, or DECLINED where it gives none.
    """

    def __init__(self, meter: HostedMeter) -> None:
        self._meter, self._model = meter, meter.model
        self._thoughts: dict[int, _Thinking] = {}
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()
        self._finish: FinishReason | None = None
        self._stopped = False

    @property
    def complete(self) -> bool:
        return self._stopped

    def feed(self, event: Any) -> Iterator[Piece]:
        match event.type:
            case "message_start":
                self._start(event.message)
            case "content_block_start":
                yield from self._block(event.index, event.content_block)
            case "content_block_delta":
                yield from self._delta(event.index, event.delta)
            case "content_block_stop":
                yield from self._block_end(event.index)
            case "message_delta":
                yield from self._message_delta(event)
            case "message_stop":
                yield self._end()

    def _start(self, message: Any) -> None:
        self._meter.model = text(message.model) or self._meter.model
        if message.usage is not None:
            self._meter.usage, self._meter.known = _usage(message.usage), "prompt"

    def _block(self, index: int, block: Any) -> Iterator[Piece]:
        if block.type == "tool_use":
            self._calls[index] = len(self._calls)
            arguments = json.dumps(block.input) if block.input else ""
            if not arguments:
                self._silent.add(index)
            delta = ToolCallDelta(self._calls[index], text(block.id), text(block.name), arguments)
            yield Piece(tool_calls=(delta,))
        elif block.type == "text" and block.text:
            yield Piece(text=text(block.text))
        elif block.type == "thinking":
            thinking = self._thoughts[index] = _Thinking(seal=text(block.signature))
            yield from thinking.more(text(block.thinking))
        elif block.type == "redacted_thinking":
            self._thoughts[index] = _Thinking(seal=text(block.data), withheld=True)

    def _delta(self, index: int, delta: Any) -> Iterator[Piece]:
        match delta.type:
            case "text_delta" if delta.text:
                yield Piece(text=text(delta.text))
            case "thinking_delta":
                yield from self._thoughts[index].more(text(delta.thinking))
            case "signature_delta":
                self._thoughts[index].seal += text(delta.signature)
            case "input_json_delta" if delta.partial_json:
                self._silent.discard(index)
                part = ToolCallDelta(self._calls[index], arguments=text(delta.partial_json))
                yield Piece(tool_calls=(part,))

    def _block_end(self, index: int) -> Iterator[Piece]:
        # a call without arguments sends none; everyone else's protocol wants an empty object
        if index in self._silent:
            self._silent.discard(index)
            yield Piece(tool_calls=(ToolCallDelta(self._calls[index], arguments="{}"),))
        thinking = self._thoughts.pop(index, None)
        if thinking is not None and thinking.seal:
            yield Piece(thought=thinking.thought(self._model))

    def _message_delta(self, event: Any) -> Iterator[Piece]:
        reason, details = event.delta.stop_reason, event.delta.stop_details
        if reason is not None:
            if reason not in _FINISH:
                raise Malformed(f"unknown stop reason {reason!r:.60}")
            self._finish = _FINISH[reason]
            self._settle(event.usage)
        if reason == "refusal":
            yield Piece(refusal=(details is not None and text(details.explanation)) or DECLINED)

    def _settle(self, told: Any) -> None:
        whole = self._meter.known == "prompt" and told is not None
        if whole and told.output_tokens is not None:
            self._meter.usage, self._meter.known = _later(self._meter.usage, told), "all"

    def _end(self) -> Piece:
        if self._finish is None:
            raise Malformed("message_stop came without a stop reason")
        self._stopped = True
        return Piece(finish=self._finish)


def _usage(told: Any) -> Usage:
    """Anthropic's input_tokens exclude what was cached; output_tokens include the thinking."""
    write_5m, write_1h = count(told.cache_creation_input_tokens or 0), 0
    if told.cache_creation is not None:
        write_5m = count(told.cache_creation.ephemeral_5m_input_tokens)
        write_1h = count(told.cache_creation.ephemeral_1h_input_tokens)
    return Usage(
        input=count(told.input_tokens),
        cache_read=count(told.cache_read_input_tokens or 0),
        cache_write_5m=write_5m,
        cache_write_1h=write_1h,
        output=count(told.output_tokens or 0),
    )


def _later(usage: Usage, told: Any) -> Usage:
    """The counts of message_delta are cumulative, and null where message_start has said it all."""
    output, details = count(told.output_tokens), told.output_tokens_details
    reasoning = min(output, count(details.thinking_tokens or 0)) if details is not None else 0
    usage = replace(usage, output=output - reasoning, reasoning=reasoning)
    if told.input_tokens is not None:
        usage = replace(usage, input=count(told.input_tokens))
    if told.cache_read_input_tokens is not None:
        usage = replace(usage, cache_read=count(told.cache_read_input_tokens))
    if told.cache_creation_input_tokens is not None:
        # without its lifetimes: what is not known to be 1 h is 5 min
        written = count(told.cache_creation_input_tokens)
        usage = replace(usage, cache_write_5m=max(0, written - usage.cache_write_1h))
    return usage
