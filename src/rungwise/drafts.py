"""What did the pieces add up to?"""

from __future__ import annotations

from collections.abc import Iterable

from rungwise.types import Choice, FinishReason, Piece, Thought, ToolCall

__all__ = ["collect"]


def collect(pieces: Iterable[Piece]) -> tuple[Choice, ...]:
    """The choices that these pieces make, by index. A choice that never came is an empty one."""
    growing: dict[int, _Growing] = {}
    for piece in pieces:
        growing.setdefault(piece.choice, _Growing()).add(piece)
    count = max(growing, default=-1) + 1
    return tuple(growing.get(i, _Growing()).choice() for i in range(count))


class _Growing:
    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._thoughts: list[Thought] = []
        self._calls: dict[int, tuple[list[str], list[str], list[str]]] = {}
        self._finish: FinishReason | None = None

    def add(self, piece: Piece) -> None:
        self._text.append(piece.text)
        self._reasoning.append(piece.reasoning)
        self._refusal.append(piece.refusal)
        self._finish = piece.finish or self._finish
        if piece.thought is not None:
            self._thoughts.append(piece.thought)
        for delta in piece.tool_calls:
            ids, names, arguments = self._calls.setdefault(delta.index, ([], [], []))
            ids.append(delta.id or "")
            names.append(delta.name or "")
            arguments.append(delta.arguments)

    def choice(self) -> Choice:
        return Choice(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            refusal="".join(self._refusal),
            finish=self._finish,
            thoughts=tuple(self._thoughts),
            tool_calls=tuple(
                ToolCall(id="".join(ids), name="".join(names), arguments="".join(arguments))
                for _, (ids, names, arguments) in sorted(self._calls.items())
            ),
        )
