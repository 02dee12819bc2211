"""Which tokens decide? In prose all of them; in JSON the values, in a tool call name and values.

Braces, keys and quotes are nearly certain in any draft that is JSON at all: averaged in, they
would make every draft look sure.
"""

from __future__ import annotations

from rungwise.types import Chat, Piece

__all__ = ["Deciding", "JsonValues"]


class JsonValues:
    """Follows JSON text as it grows and tells which parts of it lie inside a value. O(1) a char.

    Text that is not JSON does no harm: the answer is then merely less sharp.
    """

    def __init__(self) -> None:
        self._open: list[str] = []
        self._in_string = self._escaped = self._expects_key = False
        self._just_opened = False
        """An empty container's end decides: that there is nothing is the value."""

    def feed(self, text: str) -> bool:
        """Whether any character of `text` belongs to a value."""
        decides = False
        for char in text:
            decides |= self._step(char)
        return decides

    def _step(self, char: str) -> bool:
        if self._in_string:
            return self._step_in_string(char)
        if char.isspace():
            return False
        empty, self._just_opened = self._just_opened, char in "{["
        if char == '"':
            self._in_string = True
        elif char in "{[":
            self._open.append(char)
            self._expects_key = char == "{"
        elif char in "}]":
            if self._open:
                self._open.pop()
            self._expects_key = False
            return empty
        elif char == ",":
            self._expects_key = bool(self._open) and self._open[-1] == "{"
        elif char == ":":
            self._expects_key = False
        else:
            return True
        return False

    def _step_in_string(self, char: str) -> bool:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._in_string = False
        return not self._expects_key


class Deciding:
    """Says of each piece of one choice whether its tokens decide."""

    def __init__(self, chat: Chat) -> None:
        self._answer = JsonValues() if chat.shape is not None else None
        self._calls: dict[int, JsonValues] = {}

    def feed(self, piece: Piece) -> bool:
        if piece.tool_calls:
            return self._feed_calls(piece)
        if self._answer is None:
            return not piece.reasoning
        return self._answer.feed(piece.text)

    def _feed_calls(self, piece: Piece) -> bool:
        decides = False
        for delta in piece.tool_calls:
            values = self._calls.setdefault(delta.index, JsonValues())
            decides |= values.feed(delta.arguments) or delta.name is not None
        return decides
