"""How is a shadow's report written? As a table, as JSON, as CSV."""

from __future__ import annotations

import csv
import io

from rungwise.ledger.columns import columns, dollars, named, names
from rungwise.ledger.shadows import ShadowLine, ShadowReport

__all__ = ["as_csv", "as_json", "as_table"]


def as_json(told: ShadowReport) -> dict[str, object]:
    """Costs in US dollars; null is "not known"."""
    return {
        "by": list(told.by),
        "all": [_line(told, line) for line in told.all],
        "groups": [_line(told, line) for line in told.lines],
    }


def _line(told: ShadowReport, line: ShadowLine) -> dict[str, object]:
    return {
        **named(told.by, line.key),
        "router": line.router,
        "steps": line.steps,
        "starts_same": line.same,
        "starts_lower": line.lower,
        "starts_higher": line.higher,
        "recorded": line.recorded,
        "recorded_share": line.recorded_share,
        "recorded_live_usd": line.recorded_live_nano / 1e9,
        "recorded_shadow_usd": line.recorded_nano / 1e9,
        "recorded_saved": line.recorded_saved,
        "estimated": line.estimated,
        "estimated_live_usd": line.estimated_live_nano / 1e9,
        "estimated_shadow_usd": line.estimated_nano / 1e9,
        "estimated_saved": line.estimated_saved,
        "unknown": line.unknown,
        "recorded_labelled": line.recorded_labelled,
        "recorded_accuracy": line.accuracy,
        "recorded_accuracy_interval": _interval(line.accuracy_interval),
    }


def _interval(found: tuple[float, float] | None) -> list[float] | None:
    return None if found is None else list(found)


def as_csv(told: ShadowReport) -> str:
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    rows = [_line(told, line) for line in told.lines]
    blank = _line(told, ShadowLine(key=(), router=""))
    fields = [*told.by, *(name for name in blank if not name.endswith("_interval"))]
    write.writerow(fields)
    for row in rows:
        write.writerow(["" if row[name] is None else row[name] for name in fields])
    return out.getvalue()


def as_table(told: ShadowReport) -> str:
    """Fixed-width text; a dash is "not known"."""
    head = (*(name.replace("_", " ") for name in told.by), *_HEAD)
    rows = [head, *(_row(line, names(told.by, line.key)) for line in told.lines)]
    rows += [_row(line, ("all", *("",) * (len(told.by) - 1))) for line in told.all]
    return "\n\n".join([columns(rows, left=len(told.by) + 1), *map(_told, told.all)])


_HEAD = (
    "router",
    "steps",
    "same",
    "lower",
    "higher",
    "recorded",
    "live USD",
    "shadow USD",
    "estimated",
    "live USD",
    "shadow USD",
    "unknown",
    "both right, recorded [95 %]",
)


def _row(line: ShadowLine, group: tuple[str, ...]) -> tuple[str, ...]:
    return (
        *group,
        line.router,
        str(line.steps),
        str(line.same),
        str(line.lower),
        str(line.higher),
        str(line.recorded),
        dollars(line.recorded_live_nano),
        dollars(line.recorded_nano),
        str(line.estimated),
        dollars(line.estimated_live_nano),
        dollars(line.estimated_nano),
        str(line.unknown),
        _accuracy(line),
    )


def _accuracy(line: ShadowLine) -> str:
    share, interval = line.accuracy, line.accuracy_interval
    if share is None or interval is None:
        return "-"
    return f"{share:.3f} [{interval[0]:.2f}, {interval[1]:.2f}] n={line.recorded_labelled}"


def _told(line: ShadowLine) -> str:
    here, there = line.recorded_live_nano, line.estimated_live_nano
    recorded = _saved(line.recorded, "recorded", here, line.recorded_nano, line.recorded_saved)
    estimated = _saved(
        line.estimated, "estimated", there, line.estimated_nano, line.estimated_saved
    )
    return (
        f"{line.router}: {recorded}; {estimated}; of {line.unknown} steps nothing can be told. In "
        "recorded steps it would have given out the very draft that was given: accuracy is the "
        "same. Of the others it is not known"
    )


def _saved(steps: int, basis: str, live: int, nano: int, saved: float | None) -> str:
    if saved is None:
        return f"{steps} steps {basis}"
    costs = f"{dollars(nano)} USD instead of {dollars(live)}"
    return f"{steps} steps {basis}, {saved:.0%} saved, {costs}"
