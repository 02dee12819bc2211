"""Who may ask, how often, and for how much? Callers' keys and what they may spend."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rungwise.config.section import Seconds, Section
from rungwise.types import Window


class CapConfig(Section):
    usd: float = Field(ge=0)
    window: Window = "month"
    of: Literal["all", "escalation"] = Field(
        default="all", description="escalation: what rungs above the usual first one cost"
    )


class LimitsConfig(Section):
    """What holds for a key that was made without limits of its own, and where there are no keys."""

    requests_per_minute: int | None = Field(
        default=None, ge=1, description="a minute's worth may come at once; each server counts"
    )
    concurrent: int | None = Field(
        default=None, ge=1, description="requests that are open at once; each server counts"
    )
    caps: tuple[CapConfig, ...] = Field(
        default=(), description="counted from when they are set, over all servers of the ledger"
    )


class EscalationAlarmConfig(Section):
    """When a caller climbs so often that its owner should know."""

    share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="of a key's steps: refused on a rung, or started above their usual one; the "
        "alarm waits until it is surely higher (95 %); 1: never",
    )
    least: int = Field(default=50, ge=1, description="steps of a key before anything is said of it")
    window: int = Field(default=500, ge=1, le=100_000, description="a key's last steps that count")

    @model_validator(mode="after")
    def _fits(self) -> EscalationAlarmConfig:
        if self.least > self.window:
            raise ValueError(
                f"least ({self.least}) can never be reached in a window of {self.window}"
            )
        return self


class AccessConfig(Section):
    stored_keys: bool = Field(
        default=False, description="ask for keys that `rungwise keys create` made"
    )
    refresh_s: Seconds = Field(
        default=2.0, gt=0, description="a revoked key is refused at the latest after this"
    )
    limits: LimitsConfig = LimitsConfig()
    escalation_alarm: EscalationAlarmConfig = EscalationAlarmConfig()
