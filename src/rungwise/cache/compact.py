"""How few pieces say the same? Neighbours that go on with one another become one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rungwise.types import Piece

__all__ = ["compact"]

LONGEST = 1024
"""Characters of one piece: a long answer is still given again in steps."""


def compact(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same choices, in the same order, in fewer pieces, without what only a gate reads."""
    return tuple(_joined(pieces))


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    run: list[Piece] = []
    size = 0
    for piece in pieces:
        if run and (not _goes_on(run[-1], piece) or size > LONGEST):
            yield _join(run)
            run, size = [], 0
        run.append(piece)
        size += _size(piece)
    if run:
        yield _join(run)


def _goes_on(before: Piece, piece: Piece) -> bool:
    """Whether both are parts of one text, of one thought, or of one call's arguments."""
    if before.choice != piece.choice or before.finish or before.thought is not None:
        return False
    kind = _kind(piece)
    return kind is not None and kind == _kind(before) and not _opens_call(piece)


def _kind(piece: Piece) -> str | int | None:
    """The one thing that a piece carries; None for a piece of several, and for an end."""
    if piece.finish or piece.thought is not None or piece.refusal or len(piece.tool_calls) > 1:
        return None
    if piece.tool_calls:
        alone = not (piece.text or piece.reasoning or piece.shown)
        return piece.tool_calls[0].index if alone else None
    if piece.text and piece.reasoning:
        return None
    return "reasoning" if piece.reasoning else "text"


def _opens_call(piece: Piece) -> bool:
    return any(call.id or call.name for call in piece.tool_calls)


def _size(piece: Piece) -> int:
    arguments = sum(len(call.arguments) for call in piece.tool_calls)
    return len(piece.text) + len(piece.reasoning) + arguments


def _join(run: list[Piece]) -> Piece:
    first = replace(run[0], logprobs=(), likeliest=(), forced=0)
    if len(run) == 1:
        return first
    calls = first.tool_calls
    if calls:
        arguments = "".join(call.arguments for piece in run for call in piece.tool_calls)
        calls = (replace(calls[0], arguments=arguments),)
    return replace(
        first,
        text="".join(piece.text for piece in run),
        reasoning="".join(piece.reasoning for piece in run),
        shown=tuple(token for piece in run for token in piece.shown),
        tool_calls=calls,
    )
