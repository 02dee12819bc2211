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
        "tasks": line.tasks,
        "starts_same": line.same,
        "starts_lower": line.lower,
        "starts_higher": line.higher,
        "live_cost_usd": line.live_nano / 1e9,
        "shadow_cost_usd": line.nano / 1e9,
        "saved": line.saved,
        "recorded": line.recorded,
        "recorded_usd": line.recorded_nano / 1e9,
        "estimated": line.estimated,
        "estimated_usd": line.estimated_nano / 1e9,
        "unknown": line.unknown,
        "recorded_share": line.recorded_share,
        "labelled": line.labelled,
        "live_accuracy": line.accuracy,
        "live_accuracy_interval": _interval(line.accuracy_interval),
        "shadow_labelled": line.recorded_labelled,
        "shadow_accuracy": line.shadow_accuracy,
        "shadow_accuracy_interval": _interval(line.shadow_interval),
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
    "tasks",
    "same",
    "lower",
    "higher",
    "live USD",
    "shadow USD",
    "recorded",
    "live right [95 %]",
    "shadow right [95 %]",
)


def _row(line: ShadowLine, group: tuple[str, ...]) -> tuple[str, ...]:
    share = line.recorded_share
    return (
        *group,
        line.router,
        str(line.tasks),
        str(line.same),
        str(line.lower),
        str(line.higher),
        dollars(line.live_nano),
        dollars(line.nano),
        "-" if share is None else f"{share:.0%}",
        _accuracy(line.accuracy, line.accuracy_interval, line.labelled),
        _accuracy(line.shadow_accuracy, line.shadow_interval, line.recorded_labelled),
    )


def _accuracy(share: float | None, interval: tuple[float, float] | None, counted: int) -> str:
    if share is None or interval is None:
        return "-"
    return f"{share:.3f} [{interval[0]:.2f}, {interval[1]:.2f}] n={counted}"


def _told(line: ShadowLine) -> str:
    if line.saved is None:
        return f"{line.router}: of none of these steps its cost can be told"
    return (
        f"{line.router}: {line.saved:.0%} saved, {dollars(line.nano)} USD instead of "
        f"{dollars(line.live_nano)}; {dollars(line.recorded_nano)} of it recorded, for "
        f"{line.recorded} steps that it would have led to the draft that was given, "
        f"{dollars(line.estimated_nano)} estimated, for {line.estimated}; of {line.unknown} steps "
        "nothing can be told. Its share right is that of the recorded ones alone"
    )
