"""What is asked of the cascade? One neutral request and its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

__all__ = [
    "Ability",
    "CacheMark",
    "Caller",
    "Cap",
    "Chat",
    "Effort",
    "Image",
    "Json",
    "JsonObject",
    "Message",
    "OutputShape",
    "Role",
    "Sampling",
    "StepType",
    "Thinking",
    "Thought",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "Window",
    "Wish",
]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]
"""A JSON Schema or a tool's parameters: the caller's own document, carried unread."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

CacheMark: TypeAlias = Literal["5m", "1h"]
"""The caller's own mark: the prompt up to here is worth caching, for so long."""

Ability: TypeAlias = Literal["images", "tools", "structured", "thinking"]
"""What a caller may ask of whichever rung answers."""

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

Window: TypeAlias = Literal["hour", "day", "week", "month", "ever"]
"""Calendar windows in UTC; a week begins on Monday."""


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
    """One image of a message, as a URL or a data URL; `at` is the place in the message's text
    before which it stood, None after all of it."""

    url: str
    at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call that an assistant made; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """Reasoning that a model wrote before an answer, as its API wants it back.

    `seal` is the API's own signature, or what it encrypted where `text` is withheld; `model` is who
    wrote it: a seal means nothing to another model.
    """

    text: str = ""
    seal: str = ""
    withheld: bool = False
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    role: Role
    text: str = ""
    images: tuple[Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    thoughts: tuple[Thought, ...] = ()
    failed: bool = False
    """Of a tool's message: the call went wrong."""
    cache_mark: CacheMark | None = None

    @property
    def parts(self) -> tuple[str | Image, ...]:
        """Text and images in the order they were given in; no part is an empty text."""
        parts: list[str | Image] = []
        begun = 0
        for image in self.images:
            at = len(self.text) if image.at is None else image.at
            parts += [self.text[begun:at].strip("\n"), image]
            begun = at
        rest = self.text[begun:].removeprefix("\n") if self.images else self.text
        return tuple(part for part in (*parts, rest) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    description: str = ""
    parameters: JsonObject = field(default_factory=dict)
    strict: bool = False
    cache_mark: CacheMark | None = None


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
class Thinking:
    """How much a model may think before it answers; None means: as the tier does by default."""

    effort: Effort | None = None
    tokens: int | None = None


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
    deadline_s: float | None = None
    """Seconds from the request's arrival within which the answer must have ended."""
    most_nano: int | None = None
    """Nano-dollars that this answer may cost at most, in the worst case."""
    recall: bool | None = None
    """Whether a remembered answer will do; None: as the server is configured."""
    least_right: float | None = None
    """P(acceptable) that the plan should expect at the least, where it can foresee any."""
    needs: frozenset[Ability] = frozenset()
    """Abilities that the rung must have, though nothing in the chat uses them yet."""
    once: str | None = None
    """The caller's Idempotency-Key: asked again under it, the same answer, billed once."""


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
    thinking: Thinking = Thinking()
    stream: bool = False
    route: str = "auto"
    """The alias the caller used: what reports group by. Bounded by the ladder's names."""
    tenant: str = "anonymous"
    """Whose caches this may fill and read: the caller's name."""
    conversation: str | None = None
    """The caller's own name for what shares a prefix (prompt_cache_key), where it gave one."""
    agent: str | None = None
    """Which of the caller's agents asks, where it says so."""
    tags: frozenset[str] = frozenset()
    """The caller's own marks; the owner may say which of them are private."""
    cache_salt: str | None = None
    """The caller's own further separation of the prefix cache."""
    task: str | None = None
    """The caller's own name for the task that this step is one of."""
    trace: str | None = None
    """The caller's W3C `traceparent`, where it sent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most so much in a window, of all that is paid out or of what climbing costs."""

    nano: int
    window: Window = "month"
    of: Literal["all", "escalation"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and what may it ask for? `name` is never a secret. None means: no limit."""

    name: str = "anonymous"
    names: frozenset[str] | None = None
    """What may stand in `model`."""
    tiers: frozenset[str] | None = None
    local_only: bool = False
    requests_per_minute: int | None = None
    concurrent: int | None = None
    caps: tuple[Cap, ...] = ()
    sees_all: bool = False
    """Whether it may look at every caller's answers and figures, and not at its own alone."""
    outcomes_count: bool = True
    """Whether what it says of its answers counts. Else it is kept, and steers nothing."""
    booked: str | None = None
    """The route that its steps are written down under; None: what stood in `model`."""
