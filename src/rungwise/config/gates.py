"""How is a rung's draft judged? What is read, what is asked, and what speaks against it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from rungwise.config.section import Section
from rungwise.types import StepType


class ProbeConfig(Section):
    """Paid evidence on a finished draft which nothing else speaks against."""

    step_types: tuple[StepType, ...] | None = Field(
        default=None, description="only for these; unset: for all"
    )
    deadline_s: float = Field(default=10.0, gt=0, description="late is the same as no answer")


class SelfCheckConfig(ProbeConfig):
    """The rung that drafted is asked whether its answer is right: one token, P(yes)."""


class AgreementConfig(ProbeConfig):
    """The rung drafts again a few times: how much alike they are to its answer."""

    samples: int = Field(default=3, ge=1, le=16)
    temperature: float = Field(default=0.8, gt=0, le=2)


class JudgeConfig(ProbeConfig):
    """Another rung grades the draft. Unless the calibration reads it, a bad grade escalates."""

    tier: str
    max_tokens: int = Field(
        default=4, ge=1, description="for the grade; a judge that thinks first needs hundreds"
    )
    unverified: Literal["escalate", "accept"] = Field(
        default="escalate", description="what to do with a draft when the judge fails or is late"
    )


class GateConfig(Section):
    """How one tier's drafts are judged."""

    tier: str
    hold: Literal["prefix", "whole", "none"] = Field(
        default="prefix",
        description="how long a stream of prose is held: until its beginning is sure enough, or "
        "whole; tools, schemas and answers that are not streamed are always held whole; none: "
        "nothing is judged",
    )
    accept: Literal["calibrated", "checked"] = Field(
        default="calibrated",
        description="calibrated: what the calibration says is sure enough; checked: everything "
        "that no check speaks against, without any promise of how often it is right",
    )
    calibration: Path | None = Field(
        default=None,
        description="file fitted by `rungwise calibrate`; unset: no draft is sure, so the rung "
        "is passed over unless it is pinned or the last",
    )
    signals: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="what is read; must be the calibration's own, and is only needed without one",
    )
    give_up: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="stop a draft whose chance of being accepted at its end is below this; "
        "0: only what cannot be accepted any more",
    )
    early: bool = Field(default=True, description="stop a doubtful draft before its end")
    refusal: Literal["return", "escalate"] = Field(
        default="return", description="what to do when the model declines on policy grounds"
    )
    hedging: bool = Field(default=True, description='"I am not sure" and the like escalate')
    truncation: Literal["escalate", "return"] = Field(
        default="escalate", description="what to do with a draft that hit its token limit"
    )
    repetition: bool = Field(default=True, description="text that goes round in circles escalates")
    language: bool = Field(
        default=True, description="an answer in another script or language than asked escalates"
    )
    format: bool = Field(default=True, description="an answer in another format escalates")
    read_pinned: bool = Field(
        default=False,
        description="read unjudged drafts too, for the ledger: outcomes of them can be calibrated "
        "on without the gate's own choice in between",
    )
    self_check: SelfCheckConfig | None = None
    agreement: AgreementConfig | None = None
    judge: JudgeConfig | None = None


class ChecksConfig(Section):
    """Which exact checks a finished draft must pass. Schemas and tool arguments always count."""

    arithmetic: bool = Field(default=True, description="sums that the answer states must be right")
    code: bool = Field(default=True, description="code blocks must parse in the language they name")
