"""What do Gemini's chunks say, where they speak OpenAI's protocol in their own way?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rungwise.tiers.hosted.hosted import HostedMeter
from rungwise.tiers.hosted.hosted_fields import count, text
from rungwise.tiers.hosted.openai_reply import OpenAIReader
from rungwise.types import Piece, Thought

__all__ = ["GeminiReader"]

FILTERED = "content_filter"


class GeminiReader:
    """Reads as OpenAIReader does, once each chunk is put into OpenAI's own words.

    Calls come whole and often without an index: each is the next one. An answer that calls tools
    may end with `stop`, and a filtered one with its reason behind `content_filter`. Thoughts are
    billed, but only counted in the total. The seal of a call comes with it
    (extra_content.google.thought_signature), and is told as a thought whose text is withheld.
    """

    def __init__(self, meter: HostedMeter, reader: OpenAIReader) -> None:
        self._model, self._reader = meter.model, reader
        self._calls: dict[int, int] = {}

    @property
    def complete(self) -> bool:
        return self._reader.complete

    def feed(self, event: Any) -> Iterator[Piece]:
        if event.usage is not None:
            _with_thoughts(event.usage)
        sealed = [piece for choice in event.choices or () for piece in self._choice(choice)]
        yield from sealed
        yield from self._reader.feed(event)

    def _choice(self, choice: Any) -> Iterator[Piece]:
        index, calls = choice.index or 0, choice.delta.tool_calls or ()
        for call in calls:
            call["index"] = self._calls[index] = self._calls.get(index, -1) + 1
            if seal := _seal(call):
                thought = Thought(seal=seal, withheld=True, model=self._model)
                yield Piece(choice=index, thought=thought)
        reason = choice.finish_reason
        if reason == "stop" and index in self._calls:
            choice["finish_reason"] = "tool_calls"
        elif isinstance(reason, str) and reason.startswith(FILTERED):
            choice["finish_reason"] = FILTERED


def _seal(call: Any) -> str:
    extra = call.extra_content
    google = extra.google if extra is not None else None
    return "" if google is None else text(google.thought_signature)


def _with_thoughts(usage: Any) -> None:
    """What the total holds beyond prompt and answer is thoughts; OpenAI counts them as answer."""
    if usage.total_tokens is None:
        return
    prompt, completion = count(usage.prompt_tokens), count(usage.completion_tokens or 0)
    thoughts = max(0, count(usage.total_tokens) - prompt - completion)
    usage["completion_tokens"] = completion + thoughts
    if thoughts:
        usage["completion_tokens_details"] = type(usage)(reasoning_tokens=thoughts)
