"""What do the owner's own steps ask, and what is right? Lines of JSON, read strictly.

`{"messages": [{"role": "user", "content": "..."}], "step_type": "extraction", "answer": {"n": 3}}`:
`answer` is a text, then the answer must be that text but for the space around it, or any other
JSON, then it must be JSON that is equal; or `contains` is a text that must stand in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from rungwise.errors import ConfigError
from rungwise.types import Message, StepType

__all__ = ["Step", "read_golden"]

MOST_STEPS, MOST_BYTES = 2000, 1 << 20
_MEND = "correct the file, or drift.golden.path"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Message(_Part):
    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class _Line(_Part):
    messages: tuple[_Message, ...] = Field(min_length=1)
    step_type: StepType
    answer: JsonValue = None
    contains: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> _Line:
        if (self.answer is None) == (self.contains is None):
            raise ValueError("give what is right, as `answer` or as `contains`")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the owner's."""

    place: str
    """file:line"""
    messages: tuple[Message, ...]
    step_type: StepType
    right: str
    """JSON of what is right."""
    how: Literal["text", "json", "contains"]

    def is_right(self, answer: str) -> bool:
        wanted = json.loads(self.right)
        if self.how == "json":
            try:
                return bool(_same(json.loads(answer), wanted))
            except (ValueError, RecursionError):
                return False
        return wanted in answer if self.how == "contains" else wanted.strip() == answer.strip()


def read_golden(path: Path) -> tuple[Step, ...]:
    """Raises ConfigError of one line: the file, the line, what is wrong, and the mend."""
    steps: list[Step] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    steps.append(_step(f"{path}:{number}", line))
                if len(steps) > MOST_STEPS:
                    raise ConfigError(f"{path}: more than {MOST_STEPS} steps; {_MEND}")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {_MEND}") from None
    if not steps:
        raise ConfigError(f"{path}: is empty; {_MEND}")
    return tuple(steps)


def _step(place: str, line: bytes) -> Step:
    if len(line) > MOST_BYTES:
        raise ConfigError(f"{place}: is longer than {MOST_BYTES} bytes; {_MEND}")
    try:
        told = _Line.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        what = f"{where}: {fault['msg']}" if where else fault["msg"]
        raise ConfigError(f"{place}: {what}; {_MEND}") from None
    right = told.answer if told.contains is None else told.contains
    exact: Literal["text", "json"] = "text" if isinstance(right, str) else "json"
    return Step(
        place=place,
        messages=tuple(Message(role=m.role, text=m.content) for m in told.messages),
        step_type=told.step_type,
        right=json.dumps(right),
        how=exact if told.contains is None else "contains",
    )


def _same(one: object, other: object) -> bool:
    """Equal as JSON: true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other
