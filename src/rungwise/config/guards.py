"""What stands between the ladder and a hosted API? Retries, breaker, limits, equal models."""

from __future__ import annotations

from pydantic import Field

from rungwise.config.section import Seconds, Section


class GuardsConfig(Section):
    """Every guard of one upstream. What is not billed may be tried again; what is, climbs."""

    retries: int = Field(
        default=2, ge=0, le=10, description="further tries of a draft that was refused unbilled"
    )
    retry_wait_s: Seconds = Field(
        default=2.0,
        ge=0,
        description="waits between tries add up to no more than this; an upstream that asks for "
        "longer (Retry-After) is left to the next rung",
    )
    breaker_failures: int = Field(
        default=5, ge=0, description="faults in a row that open the breaker; 0: it never opens"
    )
    breaker_open_s: Seconds = Field(
        default=20.0,
        gt=0,
        description="an open breaker lets one draft try after this; a key that is refused, one of "
        "several, rests as long",
    )
    concurrent: int | None = Field(
        default=None,
        ge=1,
        description="drafts at one time; further ones go to the next rung, and wait on the last",
    )


class SpillConfig(Section):
    """When a local rung is too busy, and its steps go to the next; unset is never."""

    waiting: int | None = Field(
        default=None, ge=1, description="so many drafts more than the engine runs at once"
    )
    kv_use: float | None = Field(
        default=None, gt=0, le=1, description="share of the engine's KV cache that is in use"
    )
