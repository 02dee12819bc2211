"""What are the words of the house? Frozen values; nothing here does anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]
"""A JSON Schema or a tool's parameters: the caller's own document, carried unread."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


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


# ---- what is asked ---------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One neutral request."""

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    shape: OutputShape | None = None
    wish: Wish = Wish()
    stream: bool = False
    route: str = "auto"
    """The alias the caller used: what reports group by. Bounded by the ladder's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks; `name` is never a secret."""

    name: str = "anonymous"


# ---- what a tier writes ----------------------------------------------------------------------


LEAST_LOGPROB = -9999.0
"""What the OpenAI protocol writes for a token out of reach; JSON has no -inf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAlternative:
    text: str
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """One token as the OpenAI protocol shows it to a caller who asked for log-probabilities."""

    text: str
    logprob: float
    alternatives: tuple[TokenAlternative, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A further part of one tool call; `id` and `name` come with its first part."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A further part of one choice of a draft.

    `logprobs` are the natural-log probabilities of the tokens in this piece, in order, as the
    tier gave them: None is "no reading", and a NaN or -inf never gets this far. Tokens that a
    grammar left no choice about are not among them, but counted in `forced`.
    """

    text: str = ""
    choice: int = 0
    logprobs: tuple[float | None, ...] = ()
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    refusal: str = ""
    shown: tuple[TokenLogprob, ...] = ()
    """Log-probabilities for the caller who asked for them."""
    finish: FinishReason | None = None
    forced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens by how they are priced. The six parts never overlap; `reasoning` is not in `output`.

    `estimated` marks an own count where the tier gave none (a hosted stream closed early).
    """

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False

    @property
    def prompt_tokens(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def completion_tokens(self) -> int:
        return self.output + self.reasoning

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input=self.input + other.input,
            cache_read=self.cache_read + other.cache_read,
            cache_write_5m=self.cache_write_5m + other.cache_write_5m,
            cache_write_1h=self.cache_write_1h + other.cache_write_1h,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            estimated=self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Which model wrote a draft and what was used for it so far."""

    model: str
    usage: Usage
    engine_s: float | None = None
    """Seconds the local engine worked on it; None for hosted tiers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    finish: FinishReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one tier wrote, by choice."""

    choices: tuple[Choice, ...]


# ---- what the cascade makes of it ------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One signal's raw number on a draft."""

    signal: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """P(this draft is acceptable), and which calibration said so."""

    probability: float
    calibration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    reason: str


Verdict: TypeAlias = Accept | Escalate


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which rungs may draft, lowest first, and why. Never empty."""

    rungs: tuple[str, ...]
    step_type: StepType
    why: str


TierFault: TypeAlias = Literal[
    "unavailable",  # not started, dead, refused connection
    "timeout",  # our own deadline
    "rate_limited",  # the upstream said 429
    "overloaded",  # 503, 529
    "rejected",  # the upstream found fault with the request: 400, 404, 413, 422
    "unauthorised",  # the upstream refused our key: 401, 403
    "broken",  # 5xx, half a stream, bytes that are not the protocol
    "too_long",  # prompt and answer do not fit the context
]
"""How a rung can fail."""

AttemptState: TypeAlias = Literal[
    "released",  # given to the caller, to its end
    "left",  # released, and then the caller went away
    "broken_off",  # released, and then the rung failed
    "abandoned",  # doubtful: the caller saw nothing of it
    "failed",  # the rung failed before anything was released
    "cancelled",  # the caller went away before anything was released
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One rung's part in an answer. Times are seconds since the request came in."""

    tier: str
    model: str
    state: AttemptState
    reason: str
    fault: TierFault | None = None
    """How the rung failed, where it did."""
    usage: Usage
    cost_nano: int | None
    """Nano-dollars; None is "price unknown", never zero."""
    started_s: float
    first_piece_s: float | None
    ended_s: float
    readings: tuple[Reading, ...] = ()
    confidence: Confidence | None = None
    engine_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the caller later said of an answer."""

    right: bool
    source: str = "caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The ledger line of one answered (or failed) step."""

    id: str
    at: float
    """Unix seconds at which the request came in."""
    caller: str
    route: str
    step_type: StepType
    plan_why: str
    attempts: tuple[Attempt, ...]
    state: Literal["answered", "broken_off", "exhausted", "cancelled"]
    first_byte_s: float | None
    latency_s: float
    stream: bool = False
    outcome: Outcome | None = None

    @property
    def tier(self) -> str | None:
        """The tier whose draft the caller saw; None when it saw none."""
        seen = ("released", "left", "broken_off")
        return next((a.tier for a in self.attempts if a.state in seen), None)

    @property
    def cost_nano(self) -> int | None:
        """Nano-dollars of every attempt together; None when any price is unknown."""
        costs = [a.cost_nano for a in self.attempts]
        return None if None in costs else sum(c for c in costs if c is not None)

    @property
    def usage(self) -> Usage:
        total = Usage()
        for attempt in self.attempts:
            total = total + attempt.usage
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The first thing a caller learns: whose draft is on its way."""

    id: str
    tier: str
    model: str
    rungs_tried: int
    step_type: StepType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The last thing a caller learns: what every rung together used and cost."""

    usage: Usage
    cost_nano: int | None
    model: str
