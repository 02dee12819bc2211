"""What do tokens and GPU hours cost, who says so, and since when?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from rungwise.config.section import Section

__all__ = ["BoxConfig", "LongContextConfig", "PriceConfig", "PricesConfig", "RatesConfig"]


class RatesConfig(Section):
    """US dollars per million tokens. A rate that is left out is unknown, not zero."""

    input: float | None = Field(default=None, ge=0)
    output: float | None = Field(default=None, ge=0)
    cache_read: float | None = Field(default=None, ge=0)
    cache_write_5m: float | None = Field(default=None, ge=0)
    cache_write_1h: float | None = Field(default=None, ge=0)


class LongContextConfig(RatesConfig):
    """The rates of a whole request whose prompt is longer than `over` tokens; what is left out
    here is priced as in a short one."""

    over: int = Field(ge=1)


class PriceConfig(RatesConfig):
    """One model's price."""

    long_context: tuple[LongContextConfig, ...] = ()
    as_of: date | None = Field(
        default=None, description="the date of the price list; `rungwise doctor` names old ones"
    )

    @field_validator("long_context")
    @classmethod
    def _bounds_differ(cls, told: tuple[LongContextConfig, ...]) -> tuple[LongContextConfig, ...]:
        bounds = [band.over for band in told]
        if len(set(bounds)) < len(bounds):
            raise ValueError("two prices for prompts over the same number of tokens; keep one")
        return told


class PricesConfig(Section):
    """Where prices come from. A tier's own `price` wins over `models`, and these over the book."""

    book: Literal["genai-prices", "none"] = Field(
        default="genai-prices", description="the price list that comes with the package"
    )
    models: dict[str, PriceConfig] = Field(
        default_factory=dict, description="by the model id that the upstream's response gives"
    )
    unknown: Literal["allow", "refuse"] = Field(
        default="allow",
        description="refuse: a rung whose price is unknown is not asked; allow: its cost is null",
    )


class BoxConfig(Section):
    """This machine: what its work costs, beside `usd_per_gpu_hour` of each local tier, and where
    its engines leave what is good to know later."""

    state: Path = Field(
        default=Path("~/.cache/rungwise"),
        description="the folder of the engines' logs, and of how long their starts took",
    )

    usd_per_kwh: float | None = Field(
        default=None, ge=0, description="priced by NVML's energy counters; unset: not counted"
    )
    decode_weight: float = Field(
        default=8.0,
        gt=0,
        description="how much more engine time a written token takes than a prompt token that was "
        "not cached: how busy time is shared among requests",
    )
