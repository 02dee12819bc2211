"""Which series do boards ask for, over which time, of which routes and tiers?"""

from __future__ import annotations

from rungwise.lab.boards.panels import Step, Variable

__all__ = [
    "OF_ROUTE",
    "OF_STEP",
    "OF_TIER",
    "ROUTE",
    "STEP_TYPE",
    "TIER",
    "bad_above",
    "good_above",
    "grown",
    "quantile",
    "share",
    "share_now",
    "share_shown",
    "speed",
]

ROUTE = Variable(name="route", title="Route", metric="rungwise_answers_total", label="route")
STEP_TYPE = Variable(
    name="step_type", title="Step type", metric="rungwise_answers_total", label="step_type"
)
TIER = Variable(name="tier", title="Tier", metric="rungwise_tier_ready", label="tier")

OF_ROUTE = 'route=~"$route"'
OF_STEP = 'route=~"$route",step_type=~"$step_type"'
OF_TIER = 'tier=~"$tier"'


def speed(metric: str, matchers: str = "", by: str = "") -> str:
    """How fast a counter grows, a second."""
    return _summed(f"rate({_series(metric, matchers)}[$__rate_interval])", by)


def grown(metric: str, matchers: str = "", by: str = "") -> str:
    """By how much a counter grew over all of the time that is shown."""
    return _summed(f"increase({_series(metric, matchers)}[$__range])", by)


def share(part: str, whole: str) -> str:
    """Absent where there is no whole: of nothing there is no share."""
    return f"{part} / ({whole} > 0)"


def share_now(part: str, whole: str, by: str = "") -> str:
    """Of two counters, how fast the one grows by how fast the other does. Zero, not absent, where
    a part was never seen."""
    return _share(part, whole, by, "rate", "$__rate_interval")


def share_shown(part: str, whole: str, by: str = "") -> str:
    """The same over all of the time that is shown."""
    return _share(part, whole, by, "increase", "$__range")


def _share(part: str, whole: str, by: str, how: str, time: str) -> str:
    parts, wholes = f"{how}({part}[{time}])", f"{how}({whole}[{time}])"
    return share(_summed(f"{parts} or 0 * {wholes}", by), _summed(wholes, by))


def quantile(of: float, metric: str, matchers: str = "", by: str = "") -> str:
    """Of a histogram."""
    labels = f"le, {by}" if by else "le"
    rate = f"rate({_series(f'{metric}_bucket', matchers)}[$__rate_interval])"
    return f"histogram_quantile({of}, sum by ({labels}) ({rate}))"


def _series(metric: str, matchers: str) -> str:
    return f"{metric}{{{matchers}}}" if matchers else metric


def _summed(expr: str, by: str) -> str:
    return f"sum by ({by}) ({expr})" if by else f"sum({expr})"


def bad_above(warning: float, bad: float) -> tuple[Step, ...]:
    return (
        Step(value=None, colour="green"),
        Step(value=warning, colour="orange"),
        Step(value=bad, colour="red"),
    )


def good_above(warning: float, good: float) -> tuple[Step, ...]:
    return (
        Step(value=None, colour="red"),
        Step(value=warning, colour="orange"),
        Step(value=good, colour="green"),
    )
