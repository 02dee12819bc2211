"""Must what arrived together stay in pieces? Not where nobody streams it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rungwise.types import Piece

__all__ = ["joined"]


def joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same draft, with neighbours that hold nothing but text of one choice in one piece: each
    piece costs every room that it passes through."""
    words: list[str] = []
    choice = 0
    for piece in pieces:
        if _only_text(piece) and (not words or piece.choice == choice):
            words.append(piece.text)
            choice = piece.choice
            continue
        if words:
            yield Piece("".join(words), choice)
            words = []
        if _only_text(piece):
            words, choice = [piece.text], piece.choice
        else:
            yield piece
    if words:
        yield Piece("".join(words), choice)


def _only_text(piece: Piece) -> bool:
    return piece.finish is None and not (
        piece.logprobs
        or piece.reasoning
        or piece.tool_calls
        or piece.refusal
        or piece.shown
        or piece.forced
        or piece.thought
        or piece.likeliest
    )
