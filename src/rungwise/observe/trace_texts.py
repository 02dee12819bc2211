"""How do prompts and answers look in a trace, where their owner wants them there?

As JSON in the shape of OpenTelemetry's `gen_ai.input.messages` and `gen_ai.output.messages`, and
never longer than some thousand characters: of a long conversation the last messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from rungwise.drafts import collect
from rungwise.types import Choice, Image, Json, JsonObject, Message, Piece, ToolCall

__all__ = ["MOST_CHARS", "answered", "asked"]

MOST_CHARS = 8192
"""Characters of texts in one attribute."""
MOST_MESSAGES = 64


def asked(messages: Sequence[Message]) -> str:
    """Newest first taken, oldest first told; what is left out is counted."""
    room, told = MOST_CHARS, list[JsonObject]()
    for message in reversed(messages[-MOST_MESSAGES:]):
        if room <= 0:
            break
        shown = _Shown(room)
        told.append({"role": message.role, "parts": shown.message(message)})
        room = shown.room
    left_out = len(messages) - len(told)
    if left_out:
        told.append({"role": "system", "parts": [_text(f"[{left_out} earlier messages]")]})
    return _json(told[::-1])


def answered(pieces: Iterable[Piece]) -> str:
    room, told = MOST_CHARS, list[JsonObject]()
    for choice in collect(pieces):
        shown = _Shown(room)
        told.append(
            {
                "role": "assistant",
                "parts": shown.choice(choice),
                "finish_reason": choice.finish or "error",
            }
        )
        room = shown.room
    return _json(told)


class _Shown:
    """What there is room for."""

    def __init__(self, room: int) -> None:
        self.room = room

    def message(self, message: Message) -> list[Json]:
        parts: list[Json] = []
        if message.role == "tool":
            response = self._cut(message.text)
            return [
                {"type": "tool_call_response", "id": message.tool_call_id, "response": response}
            ]
        for part in message.parts:
            # an image's address may hold a key, and its data are no text
            parts.append({"type": "image"} if isinstance(part, Image) else self._text(part))
        return [*parts, *self._calls(message.tool_calls)]

    def choice(self, choice: Choice) -> list[Json]:
        parts: list[Json] = []
        if choice.reasoning:
            parts.append({"type": "reasoning", "content": self._cut(choice.reasoning)})
        if choice.text or choice.refusal:
            parts.append(self._text(choice.text or choice.refusal))
        return [*parts, *self._calls(choice.tool_calls)]

    def _calls(self, calls: Sequence[ToolCall]) -> list[Json]:
        return [
            {
                "type": "tool_call",
                "id": self._cut(call.id),
                "name": self._cut(call.name),
                "arguments": self._cut(call.arguments),
            }
            for call in calls[:MOST_MESSAGES]
        ]

    def _text(self, text: str) -> JsonObject:
        return _text(self._cut(text))

    def _cut(self, text: str) -> str:
        kept = text[: max(0, self.room)]
        self.room -= len(kept)
        left_out = len(text) - len(kept)
        return f"{kept} [{left_out} more characters]" if left_out else kept


def _text(content: str) -> JsonObject:
    return {"type": "text", "content": content}


def _json(told: Sequence[JsonObject]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
