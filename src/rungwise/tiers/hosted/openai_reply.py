"""What do the chunks of a Chat Completions stream say?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rungwise.tiers.hosted.hosted import HostedMeter
from rungwise.tiers.hosted.hosted_faults import Malformed
from rungwise.tiers.hosted.hosted_fields import count, inclusive_usage, text
from rungwise.tiers.hosted.hosted_logprobs import likeliest, readable, shown
from rungwise.types import (
    FinishReason,
    Piece,
    ToolCallDelta,
    Usage,
)

__all__ = ["OpenAIReader"]

MOST_CALLS = 1024
"""More tool calls than that in one answer are no answer."""

_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}


class OpenAIReader:
    """Complete once every choice has its finish reason.

    `shown` is how many alternatives the caller wants of each token, None that it wants nothing;
    `likeliest` how many the gate wants.
    """

    def __init__(
        self, meter: HostedMeter, *, choices: int, shown: int | None, likeliest: int
    ) -> None:
        self._meter, self._choices = meter, choices
        self._shown, self._likeliest = shown, likeliest
        self._finished: set[int] = set()
        self._calls: set[tuple[int, int]] = set()

    @property
    def complete(self) -> bool:
        return len(self._finished) >= self._choices

    def feed(self, event: Any) -> Iterator[Piece]:
        # `get` and not attributes, here and in _only_words: a third of what an event costs
        self._meter.model = text(event.get("model")) or self._meter.model
        told = event.get("system_fingerprint")
        if told and isinstance(told, str):  # only told on: no draft fails over an odd one
            self._meter.fingerprint = told
        if event.get("usage") is not None:
            self._meter.usage, self._meter.known = _usage(event.usage), "all"
        for choice in event.get("choices") or ():
            words = _only_words(choice)
            if words:
                yield Piece(words, count(choice.get("index"), below=self._choices))
                continue
            piece = self._piece(choice)
            if piece != Piece(choice=piece.choice):
                yield piece

    def _piece(self, choice: Any) -> Piece:
        index, delta = count(choice.index, below=self._choices), choice.delta
        if choice.finish_reason is not None and choice.finish_reason not in _FINISH:
            raise Malformed(f"unknown finish reason {choice.finish_reason!r:.60}")
        finish = _FINISH[choice.finish_reason] if choice.finish_reason is not None else None
        if finish is not None:
            self._finished.add(index)
        told = (choice.logprobs.content or ()) if choice.logprobs is not None else ()
        return Piece(
            text=text(delta.content),
            choice=index,
            logprobs=tuple(readable(token.logprob) for token in told),
            # not OpenAI's own: what vLLM and DeepSeek call it
            reasoning=text(delta.reasoning_content or delta.reasoning),
            tool_calls=tuple(
                self._call(index, place, call) for place, call in enumerate(delta.tool_calls or ())
            ),
            refusal=text(delta.refusal),
            shown=() if self._shown is None else tuple(shown(t, self._shown) for t in told),
            finish=finish,
            likeliest=tuple(likeliest(t, self._likeliest) for t in told if self._likeliest),
        )

    def _call(self, choice: int, place: int, call: Any) -> ToolCallDelta:
        index = place if call.index is None else count(call.index, below=MOST_CALLS)
        function = call.function
        arguments = text(function.arguments) if function is not None else ""
        if (choice, index) in self._calls:  # some servers repeat id and name in every part
            return ToolCallDelta(index, arguments=arguments)
        self._calls.add((choice, index))
        return ToolCallDelta(index, text(call.id), text(function.name), arguments)


def _only_words(choice: Any) -> str:
    """The text of a choice that says nothing else, as most do: they are the hot path."""
    told, delta = choice.get, choice.get("delta")
    if len(delta) != 1 or told("finish_reason") is not None or told("logprobs") is not None:
        return ""
    return text(delta.get("content"))


def _usage(told: Any) -> Usage:
    return inclusive_usage(
        told.prompt_tokens,
        told.completion_tokens,
        told.prompt_tokens_details,
        told.completion_tokens_details,
    )
