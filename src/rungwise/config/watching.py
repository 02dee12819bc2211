"""What is watched once answers are out? Outcomes, audits, drift, traces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from pydantic import Field, field_validator

from rungwise.config.section import Seconds, Section, has_scheme_and_host
from rungwise.types import AlarmKind, StepType


class OutcomesConfig(Section):
    """What callers say of their answers, and how much it may steer."""

    right_reward: float = Field(
        default=0.5, ge=0, le=1, description="a reward of this or more says right"
    )
    labels: Mapping[str, bool] = Field(
        default={}, description="words of the callers that say right (true) or wrong (false)"
    )
    most_per_day: int = Field(
        default=10_000,
        ge=0,
        description="of one key that count; further ones are kept and steer nothing",
    )
    most_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="of a step type's labels that may be one key's, where there are several keys, "
        "when thresholds or predictors are fitted and drift is weighed",
    )
    keep_corrections: bool = Field(
        default=False, description="keep the corrected answers that callers send: they are texts"
    )


class AuditsConfig(Section):
    """Answers of lower rungs that a higher one answers too, after the caller has its own."""

    share: float = Field(
        default=0.0, ge=0, le=1, description="of accepted drafts, drawn at random; 0: none"
    )
    tier: str | None = Field(default=None, description="who answers too; unset: the last rung")
    judge: str | None = Field(
        default=None,
        description="who compares the two where no program can; unset: the same rung",
    )
    usd_per_day: float = Field(
        default=1.0, ge=0, description="all audits of a day (UTC) together; their worst case counts"
    )
    concurrent: int = Field(default=2, ge=1, description="at once; what comes beyond is let go")
    step_types: tuple[StepType, ...] | None = Field(default=None, description="unset: all")
    deadline_s: Seconds = Field(default=120.0, gt=0, description="for one audit")


class GoldenConfig(Section):
    """Steps of the owner with known answers, asked again and again."""

    path: Path = Field(description="lines of JSON: messages, step_type, and what is right")
    every_s: float = Field(default=86_400.0, ge=60, le=31 * 86_400)
    route: str = Field(default="auto", description="what stands in `model`")


class DriftConfig(Section):
    """What is no longer as it was, and how sure that must be."""

    kinds: tuple[AlarmKind, ...] = Field(
        default=get_args(AlarmKind), description="which alarms there are"
    )
    false_alarm_every: int = Field(
        default=10_000,
        ge=100,
        description="observations of one detector between two false alarms, on average at least",
    )
    calm: int = Field(
        default=500,
        ge=50,
        description="a detector's first observations, which say what is usual",
    )
    fall: float = Field(
        default=0.05, gt=0, lt=1, description="of accuracy, or of a share, that is worth an alarm"
    )
    slower: float = Field(
        default=1.5, gt=1, description="times the usual p95 latency that are worth an alarm"
    )
    demote: bool = Field(
        default=False,
        description="while a rung's accuracy or calibration alarms, its drafts are not believed",
    )
    golden: GoldenConfig | None = None

    @field_validator("kinds")
    @classmethod
    def _once(cls, kinds: tuple[AlarmKind, ...]) -> tuple[AlarmKind, ...]:
        if len(set(kinds)) != len(kinds):
            raise ValueError("names a kind twice")
        return kinds


class TracesConfig(Section):
    """OpenTelemetry, by OTLP over HTTP. Off without an endpoint."""

    endpoint: str | None = Field(
        default=None, description="such as http://127.0.0.1:4318/v1/traces; unset: no traces"
    )
    share: float = Field(
        default=1.0, ge=0, le=1, description="of answers; those that a caller traces follow its own"
    )
    prompts: bool = Field(default=False, description="put prompts and answers into the traces")

    @field_validator("endpoint")
    @classmethod
    def _an_address(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and not has_scheme_and_host(endpoint):
            raise ValueError("must be an address such as http://127.0.0.1:4318/v1/traces")
        return endpoint
