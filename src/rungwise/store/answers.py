"""How is an answer written down to be given again? As one line of ASCII JSON, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rungwise.types import (
    Piece,
    Remembered,
    StepType,
    Thought,
    TokenAlternative,
    TokenLogprob,
    ToolCallDelta,
)

__all__ = ["pieces_from_json", "pieces_to_json"]

_PLAIN = ("text", "choice", "reasoning", "refusal", "finish", "forced")
_EMPTY = Piece()


def pieces_to_json(answer: Remembered) -> str:
    """The answer with its pieces, without what stands at its default. What only a gate reads is
    left out (`logprobs`, `likeliest`): nobody judges an answer twice. What was shown is kept."""
    told = {
        "id": answer.id,
        "tier": answer.tier,
        "model": answer.model,
        "step_type": answer.step_type.value,
        "pieces": [_told(piece) for piece in answer.pieces],
    }
    return json.dumps(told, separators=(",", ":"))


def pieces_from_json(text: str) -> Remembered:
    """What `pieces_to_json` wrote. Raises ValueError for anything else."""
    try:
        told = json.loads(text)
        return Remembered(
            id=str(told["id"]),
            tier=str(told["tier"]),
            model=str(told["model"]),
            step_type=StepType(told["step_type"]),
            pieces=tuple(_piece(piece) for piece in told["pieces"]),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no answer that can be given again ({error!r:.80})") from None


def _told(piece: Piece) -> dict[str, Any]:
    plain = ((name, getattr(piece, name)) for name in _PLAIN)
    told = {name: value for name, value in plain if value != getattr(_EMPTY, name)}
    if piece.tool_calls:
        told["tool_calls"] = [asdict(call) for call in piece.tool_calls]
    if piece.shown:
        told["shown"] = [asdict(token) for token in piece.shown]
    if piece.thought is not None:
        told["thought"] = asdict(piece.thought)
    return told


def _piece(told: dict[str, Any]) -> Piece:
    if unknown := told.keys() - {*_PLAIN, "tool_calls", "shown", "thought"}:
        raise KeyError(*unknown)
    return Piece(
        **{name: told[name] for name in _PLAIN if name in told},
        tool_calls=tuple(ToolCallDelta(**call) for call in told.get("tool_calls", ())),
        shown=tuple(_shown(token) for token in told.get("shown", ())),
        thought=Thought(**told["thought"]) if "thought" in told else None,
    )


def _shown(told: dict[str, Any]) -> TokenLogprob:
    alternatives = tuple(TokenAlternative(**other) for other in told["alternatives"])
    return TokenLogprob(text=told["text"], logprob=told["logprob"], alternatives=alternatives)
