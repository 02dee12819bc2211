"""Where does a step start, and how far up may it climb?"""

from __future__ import annotations

from pydantic import Field

from rungwise.config.section import Section
from rungwise.types import StepType


class RouteConfig(Section):
    """Where one step type starts and how far up it may climb; unset is the whole ladder."""

    start: str | None = None
    ceiling: str | None = None
    headstart_s: float | None = Field(
        default=None,
        ge=0,
        description="a draft held for longer than this gets company: the next rung starts beside "
        "it, and the loser is closed and billed; unset: never",
    )


class RoutingConfig(Section):
    default_step_type: StepType = StepType.OPEN_CHAT
    hurry: bool = Field(
        default=False,
        description="callers may send x-rungwise-hurry: true, which pays for two rungs at once",
    )
    step_types: dict[StepType, RouteConfig] = Field(default_factory=dict)
