"""How do vLLM's results become pieces: straight from the tokens, or through its parsers?"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from rungwise.tiers.local.vllm_tap import Tap
from rungwise.types import FinishReason, Piece, TokenLogprob, ToolCallDelta

__all__ = ["Aborted", "StreamedError", "Unspoken", "parsed", "plain", "watched"]

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "repetition": "stop",
}


class Aborted(Exception):
    """The engine gave a draft up, and nobody who reads it asked for that."""


class StreamedError(Exception):
    """vLLM's own stream reported an error as text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


# ---- plain: no tools, no reasoning -----------------------------------------------------------


async def plain(tap: Tap) -> AsyncGenerator[Piece, None]:
    """Pieces straight from the engine's results: nothing is parsed, so nothing is paid for it."""
    async for result in tap.results():
        for output in result.outputs:
            finish = output.finish_reason
            if not (output.token_ids or output.text or finish):
                continue
            readings, likeliest, forced = tap.chosen(tap.readings(output), tap.likeliest(output))
            yield Piece(
                output.text,
                output.index,
                readings,
                shown=tap.shown(output),
                finish=finish and _finish(finish),
                forced=forced,
                likeliest=likeliest,
            )


# ---- parsed: tools or reasoning --------------------------------------------------------------


@dataclass(slots=True)
class _Unspoken:
    """Tokens of one choice that no piece has carried yet."""

    tokens: int = 0
    readings: list[float | None] = field(default_factory=list)
    likeliest: list[tuple[float, ...]] = field(default_factory=list)
    shown: list[TokenLogprob] = field(default_factory=list)


class Unspoken:
    """What the parsers have swallowed so far, by choice. None of it is lost.

    `markers` are the token ids that open and close reasoning: markup that says nothing of the
    answer, so they are counted and not read.
    """

    def __init__(self, tap: Tap, markers: frozenset[int]) -> None:
        self._tap, self._markers = tap, markers
        self._choices: dict[int, _Unspoken] = {}

    def keep(self, result: Any) -> None:
        for output in result.outputs:
            kept = self._choices.setdefault(output.index, _Unspoken())
            kept.tokens += len(output.token_ids)
            readings, shown = self._tap.readings(output), self._tap.shown(output)
            likeliest = self._tap.likeliest(output)
            if self._markers and not self._markers.isdisjoint(output.token_ids):
                answer = [i not in self._markers for i in output.token_ids]
                readings, shown = tuple(compress(readings, answer)), tuple(compress(shown, answer))
                likeliest = tuple(compress(likeliest, answer))
            kept.readings += readings
            kept.likeliest += likeliest
            kept.shown += shown

    def take(self, choice: int) -> _Unspoken:
        return self._choices.pop(choice, None) or _Unspoken()


async def watched(tap: Tap, unspoken: Unspoken) -> AsyncGenerator[Any, None]:
    """The results on their way to vLLM's parsers, noted as they pass."""
    async for result in tap.results():
        unspoken.keep(result)
        yield result


async def parsed(
    chunks: AsyncIterator[str], tap: Tap, unspoken: Unspoken
) -> AsyncGenerator[Piece, None]:
    """Pieces from vLLM's own stream of server-sent events."""
    async for chunk in chunks:
        data = chunk.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        event = json.loads(data)
        if "error" in event:
            raise tap.error or StreamedError(
                int(event["error"].get("code") or 500), str(event["error"].get("message"))
            )
        for choice in event["choices"]:
            piece = _piece(choice, tap, unspoken)
            if piece is not None:
                yield piece


def _piece(choice: dict[str, Any], tap: Tap, unspoken: Unspoken) -> Piece | None:
    delta, finish = choice["delta"], choice.get("finish_reason")
    text = delta.get("content") or ""
    thought = delta.get("reasoning") or delta.get("reasoning_content") or ""
    calls = delta.get("tool_calls") or ()
    if not (text or thought or calls or finish):
        return None
    index = choice["index"]
    tokens = unspoken.take(index)
    if thought and not (text or calls):
        # thinking is not the answer: its tokens are counted, not read
        tap.meter.reasoning += tokens.tokens
        tokens = _Unspoken()
    readings, likeliest, forced = tap.chosen(tuple(tokens.readings), tuple(tokens.likeliest))
    return Piece(
        text,
        index,
        readings,
        thought,
        tuple(_call(call) for call in calls),
        shown=tuple(tokens.shown),
        finish=_finish(finish) if finish else None,
        forced=forced,
        likeliest=likeliest,
    )


def _call(call: dict[str, Any]) -> ToolCallDelta:
    function = call.get("function") or {}
    return ToolCallDelta(
        call["index"], call.get("id"), function.get("name"), function.get("arguments") or ""
    )


def _finish(reason: str) -> FinishReason:
    if reason == "abort":
        raise Aborted("the engine gave this draft up")
    if reason == "error":
        raise StreamedError(500, "the engine failed on this request")
    return _FINISH.get(reason, "stop")
