"""Where does a step start, how far up may it climb, and who decides that?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from rungwise.config.patterns import Pattern
from rungwise.config.section import Seconds, Section
from rungwise.types import StepType


class RouteConfig(Section):
    """A row of the table: where one step type starts, how far up it may climb, how sure a draft
    must be."""

    start: str | None = Field(
        default=None, description="unset: by the shipped table, low, middle or high on the ladder"
    )
    ceiling: str | None = None
    without: tuple[str, ...] = Field(
        default=(), description="rungs that are passed over: another model does this better"
    )
    least_confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="a judged draft must be at least so sure, whatever its calibration asks",
    )
    headstart_s: float | None = Field(
        default=None,
        ge=0,
        description="a draft held for longer than this gets company: the next rung starts beside "
        "it, and the loser is closed and billed; unset: never",
    )


class RuleConfig(Section):
    """What a step of this type looks like: everything that is given must be so."""

    step_type: StepType
    tools: tuple[str, ...] | None = Field(
        default=None, description="offers exactly these tools, in any order; []: none"
    )
    any_tool: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="offers at least one of these tools"
    )
    shape: str | None = Field(
        default=None, description="asks for a JSON schema of this name; `*`: for any JSON"
    )
    prompt: Pattern | None = Field(
        default=None, description="a regular expression found in the last turn"
    )
    system: Pattern | None = Field(
        default=None, description="a regular expression found in the system prompt"
    )
    route: str | None = Field(default=None, description="the name that stood in `model`")
    agent: str | None = Field(default=None, description="the x-rungwise-agent that asks")

    @model_validator(mode="after")
    def _says_something(self) -> RuleConfig:
        if not self.model_fields_set - {"step_type"}:
            raise ValueError("a rule needs something to look for besides its step_type")
        return self


class WorthConfig(Section):
    """What is gained: the objective of `policy: pays` and `policy: route`."""

    right_usd: float = Field(
        default=0.01, gt=0, le=1000, description="what a right answer is worth"
    )
    second_usd: float = Field(
        default=0.0, ge=0, le=1000, description="what a second of waiting costs"
    )


IDLE: Mapping[str, tuple[str, ...]] = {"cascade": ("worth", "promise"), "route": ("promise",)}
"""The keys that do nothing, by policy."""


class ChoiceConfig(Section):
    """Who chooses among the rungs that the table and the wish leave."""

    policy: Literal["cascade", "route", "pays"] = Field(
        default="cascade",
        description="cascade: every rung from the start upwards, each draft judged; route: the one "
        "rung that is foreseen to pay most, not judged; pays: before each rung, draft there, pass "
        "it over, or stop, whichever is foreseen to pay most",
    )
    difficulty: Path | None = Field(
        default=None, description="what `rungwise train-router` wrote and was promoted"
    )
    worth: WorthConfig = WorthConfig()
    promise: Literal["keep", "waive"] = Field(
        default="keep",
        description="keep: a draft must also reach its calibrated threshold; waive: it leaves "
        "where climbing does not pay, and no bound on the loss is promised",
    )

    @model_validator(mode="after")
    def _foresees(self) -> ChoiceConfig:
        if self.policy != "cascade" and self.difficulty is None:
            raise ValueError(
                f"policy: {self.policy} foresees nothing without `difficulty`; fit one with "
                "`rungwise train-router`"
            )
        for name in IDLE.get(self.policy, ()):
            if name in self.model_fields_set:
                raise ValueError(f"{name}: does nothing under policy: {self.policy}; remove it")
        return self


class AffinityConfig(Section):
    """How long a conversation is remembered, and what for."""

    enabled: bool = True
    for_s: Seconds = Field(
        default=1800.0, gt=0, description="a conversation that rests longer is forgotten"
    )
    conversations: int = Field(
        default=20_000, ge=1, le=10_000_000, description="at most so many, the oldest forgotten"
    )
    hard_for_turns: int = Field(
        default=2,
        ge=0,
        description="of policy cascade: after a climb, so many further turns start at the rung "
        "that answered; twice as many where the table's start climbs again",
    )
    rejections: bool = Field(
        default=True,
        description='"that is wrong, try again", and a tool loop without progress, start higher',
    )


class RoutingConfig(ChoiceConfig):
    default_step_type: StepType = StepType.OPEN_CHAT
    rules: tuple[RuleConfig, ...] = Field(
        default=(), description="the first that fits names the step type, where the caller did not"
    )
    classifier: Path | None = Field(
        default=None, description="a learned classifier of step types, asked where no rule fits"
    )
    hurry: bool = Field(
        default=False,
        description="callers may send x-rungwise-hurry: true, which pays for two rungs at once",
    )
    private_tags: tuple[str, ...] = Field(
        default=(), description="a chat with one of these tags stays on this machine"
    )
    step_types: dict[StepType, RouteConfig] = Field(default_factory=dict)
    affinity: AffinityConfig = AffinityConfig()
    shadow: ChoiceConfig | None = Field(
        default=None, description="plans too, beside the one that decides, for the record only"
    )
    keep_sketches: bool = Field(
        default=False,
        description="write what a predictor sees of each chat into the ledger, to train on: hashed "
        "words and pairs of neighbours, from which whoever has a dictionary can read much of a "
        "short text; none of chats that stay on this machine",
    )

    @field_validator("private_tags")
    @classmethod
    def _tags_are_words(cls, told: tuple[str, ...]) -> tuple[str, ...]:
        if any(not tag.strip() or tag != tag.strip() or "," in tag for tag in told):
            raise ValueError("a tag is a word without commas or spaces around it")
        return told
