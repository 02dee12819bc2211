"""What is asked of the cascade? One neutral request and its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

__all__ = [
    "Caller",
    "Chat",
    "Image",
    "Json",
    "JsonObject",
    "Message",
    "OutputShape",
    "Role",
    "Sampling",
    "StepType",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "Wish",
]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]
"""A JSON Schema or a tool's parameters: the caller's own document, carried unread."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]


class StepType(StrEnum):
    """What kind of work one agent step is."""

    CLASSIFICATION = "classification"
    EXTRACTION = "extraction"
    FORMAT_CONVERSION = "format_conversion"
    TOOL_SELECTION = "tool_selection"
    PLANNING = "planning"
    CODE_GENERATION = "code_generation"
    SUMMARISATION = "summarisation"
    MULTI_STEP_REASONING = "multi_step_reasoning"
    OPEN_CHAT = "open_chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image of a message, as a URL or a data URL."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call that an assistant made; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    role: Role
    text: str = ""
    images: tuple[Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    description: str = ""
    parameters: JsonObject = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """Which tool must be called; `name` only with the mode `named`."""

    mode: Literal["auto", "none", "required", "named"] = "auto"
    name: str | None = None
    parallel: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputShape:
    """The JSON the answer must be: any object, or one that a schema describes."""

    name: str = "answer"
    schema: JsonObject | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """None means: as the tier does by default."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    """How many alternatives the caller wants per token; 0 is the sampled token only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the caller asks of the cascade. Tiers are named as in the ladder."""

    pin: str | None = None
    floor: str | None = None
    ceiling: str | None = None
    local_only: bool = False
    step_type: StepType | None = None
    hurry: bool = False
    """Time matters more than money: the next rung starts beside a draft that is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One neutral request."""

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    shape: OutputShape | None = None
    wish: Wish = Wish()
    labels: tuple[str, ...] = ()
    """One-token answers whose probabilities are wanted: they come as the alternatives of the first
    token that is shown."""
    stream: bool = False
    route: str = "auto"
    """The alias the caller used: what reports group by. Bounded by the ladder's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks; `name` is never a secret."""

    name: str = "anonymous"
