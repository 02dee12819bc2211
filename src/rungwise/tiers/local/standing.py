"""What does a box cost that stands there, busy or idle? A local rung's time and energy, priced."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Standing", "price_nano"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a local rung has stood since it first started; every number only grows."""

    up_s: float
    """Seconds in which its engine was ready for drafts."""
    busy_s: float
    """Those of them in which it held a draft: what the drafts' shares sum to."""
    idle_joules: float
    idle_nano: int | None
    """What the others cost, in nano-dollars; None is "price unknown"."""


def price_nano(
    gpu_s: float,
    joules: float | None,
    *,
    usd_per_gpu_hour: float | None,
    usd_per_kwh: float | None,
) -> int | None:
    """Nano-dollars for so many GPU seconds, and for their energy where it is measured and priced;
    None without a price of the hour. A kilowatt hour is 3.6e6 joules."""
    if usd_per_gpu_hour is None:
        return None
    usd = usd_per_gpu_hour * gpu_s / 3600
    if joules is not None and usd_per_kwh is not None:
        usd += joules / 3.6e6 * usd_per_kwh
    return round(usd * 1e9)
