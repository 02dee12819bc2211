"""What does a tier write? Pieces of a draft, what they used, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rungwise.types.asked import Thought, ToolCall

__all__ = [
    "LEAST_LOGPROB",
    "Choice",
    "Done",
    "Draft",
    "FinishReason",
    "Piece",
    "TokenAlternative",
    "TokenLogprob",
    "ToolCallDelta",
    "Usage",
]

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]

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
    thought: Thought | None = None
    """A thought is whole, with its seal; its text came as `reasoning` before."""
    likeliest: tuple[tuple[float, ...], ...] = ()
    """For each of `logprobs` the natural-log probabilities of the likeliest tokens at its place,
    highest first, as many as were asked for; empty where none were."""


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
    def uncached(self) -> Usage:
        """The same tokens, had no rung cached any prompt."""
        return replace(
            self, input=self.prompt_tokens, cache_read=0, cache_write_5m=0, cache_write_1h=0
        )

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
    """Seconds of the local engine's busy time that fell to it; None for hosted tiers."""
    joules: float | None = None
    """The GPUs' measured energy in these seconds; None where nothing measures it."""
    billed_as: str | None = None
    """The model id that the upstream's response gave; prices go by it."""
    fingerprint: str | None = None
    """What it said of that which serves the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    finish: FinishReason | None = None
    thoughts: tuple[Thought, ...] = ()

    @property
    def declined(self) -> bool:
        """The API itself says that it declined: there is no answer to be sure of."""
        return bool(self.refusal) or self.finish == "content_filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one tier wrote, by choice."""

    choices: tuple[Choice, ...]
