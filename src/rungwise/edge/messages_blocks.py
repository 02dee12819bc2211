"""Which content blocks do an answer's pieces make? One block at a time, in the order of a stream.

The Messages protocol has one block open at a time, and a block that is closed stays so. So once a
tool call has begun, whatever is not part of it waits for the end: of several calls at once the
first streams as it comes, and the others follow whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rungwise.edge.seals import sealed
from rungwise.types import Piece, Thought, ToolCallDelta

__all__ = ["Blocks", "Closed", "Grown", "Kind", "Opened", "Signed", "Step"]

Kind: TypeAlias = Literal["text", "thinking", "redacted_thinking", "tool_use"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A block begins. `id` and `name` are a call's, `data` is a redacted thought's."""

    index: int
    kind: Kind
    id: str = ""
    name: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class Grown:
    index: int
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Signed:
    """The thinking of this block is whole."""

    index: int
    signature: str


@dataclass(frozen=True, slots=True)
class Closed:
    index: int


Step: TypeAlias = Opened | Grown | Signed | Closed


class Blocks:
    def __init__(self, *, answer_id: str, model: str) -> None:
        """`model` is who writes thoughts that name no one."""
        self._id, self._model = answer_id, model
        self._open: Kind | None = None
        self._index = -1
        self._call: int | None = None
        """The call that streams; the others wait in `_calls`."""
        self._calls: dict[int, ToolCallDelta] = {}
        self._late: list[Piece] = []
        self.called = False

    def feed(self, piece: Piece) -> Iterator[Step]:
        if self._call is not None and (piece.text or piece.reasoning or piece.thought):
            self._late.append(replace(piece, tool_calls=()))
        else:
            yield from self._told(piece)
        for delta in piece.tool_calls:
            yield from self._called(delta)

    def end(self) -> Iterator[Step]:
        yield from self._close()
        for index in sorted(self._calls):
            delta = self._calls[index]
            yield from self._begin_call(delta)
            if delta.arguments:
                yield Grown(self._index, "tool_use", delta.arguments)
            yield from self._close()
        for piece in self._late:
            yield from self._told(piece)
        yield from self._close()

    def _told(self, piece: Piece) -> Iterator[Step]:
        if piece.reasoning:
            yield from self._enter("thinking")
            yield Grown(self._index, "thinking", piece.reasoning)
        if piece.thought is not None:
            yield from self._thought(piece.thought)
        if piece.text:
            yield from self._enter("text")
            yield Grown(self._index, "text", piece.text)

    def _thought(self, thought: Thought) -> Iterator[Step]:
        seal = sealed(thought.model or self._model, thought.seal)
        if thought.withheld:
            yield from self._close()
            yield self._opened("redacted_thinking", data=seal)
            yield from self._close()
            return
        if self._open != "thinking":
            yield from self._enter("thinking")
            if thought.text:
                yield Grown(self._index, "thinking", thought.text)
        yield from self._close(seal)

    def _called(self, delta: ToolCallDelta) -> Iterator[Step]:
        if self._call is None:
            yield from self._close()
            self._call = delta.index
            yield from self._begin_call(delta)
        if delta.index == self._call:
            if delta.arguments:
                yield Grown(self._index, "tool_use", delta.arguments)
            return
        before = self._calls.get(delta.index, ToolCallDelta(delta.index))
        self._calls[delta.index] = ToolCallDelta(
            delta.index,
            before.id or delta.id,
            before.name or delta.name,
            before.arguments + delta.arguments,
        )

    def _begin_call(self, delta: ToolCallDelta) -> Iterator[Step]:
        self.called = True
        id = delta.id or f"{self._id}_{delta.index}"
        yield self._opened("tool_use", id=id, name=delta.name or "")

    def _enter(self, kind: Kind) -> Iterator[Step]:
        if self._open != kind:
            yield from self._close()
            yield self._opened(kind)

    def _opened(self, kind: Kind, *, id: str = "", name: str = "", data: str = "") -> Opened:
        self._index, self._open = self._index + 1, kind
        return Opened(self._index, kind, id, name, data)

    def _close(self, signature: str = "") -> Iterator[Step]:
        if self._open is None:
            return
        if self._open == "thinking":
            yield Signed(self._index, signature or sealed(self._model, ""))
        self._open = None
        yield Closed(self._index)
