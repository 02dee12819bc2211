"""What is one step of the suite? A prompt, its gold answer, and an exact check of any answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Check", "Step", "Task", "same_json", "same_text"]

Calls: TypeAlias = Sequence[tuple[str, str]]
Check: TypeAlias = Callable[[str, Calls], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one family makes: the user's words, the gold answer, and how any answer is checked."""

    user: str
    answer: str
    check: Check
    tools: tuple[dict[str, Any], ...] = ()
    schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One agent step. `messages` and `tools` have the OpenAI protocol's own shape."""

    id: str
    split: str
    step_type: str
    difficulty: int
    messages: tuple[dict[str, Any], ...]
    answer: str
    max_tokens: int
    tools: tuple[dict[str, Any], ...] = ()
    response_schema: dict[str, Any] | None = None
    checker: Check = field(repr=False, compare=False)

    def check(self, text: str, tool_calls: Calls = ()) -> bool:
        """Whether this answer is right; `tool_calls` are (name, arguments as JSON text)."""
        return self.checker(text, tool_calls)


def same_text(expected: str) -> Check:
    """White space at the ends and runs of it inside do not count."""
    return lambda text, calls: not calls and text.split() == expected.split()


def same_json(expected: object) -> Check:
    return lambda text, calls: not calls and _parsed(text) == expected


def same_call(name: str, arguments: Mapping[str, object]) -> Check:
    """Exactly one call, of this tool, with these arguments."""
    return lambda text, calls: (
        len(calls) == 1 and calls[0][0] == name and _parsed(calls[0][1]) == arguments
    )


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


_NOTHING = object()
