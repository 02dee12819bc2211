"""How is a report written? As a table, as JSON, as CSV."""

from __future__ import annotations

import csv
import io

from rungwise.ledger.columns import columns, dollars, named, names, usd
from rungwise.ledger.lines import Against, Idle, Line, Report, Rung

__all__ = ["as_csv", "as_json", "as_table"]


def as_json(told: Report) -> dict[str, object]:
    """Costs in US dollars, times in milliseconds; null is "not known"."""
    return {
        "by": list(told.by),
        "all": _line(told, told.all),
        "groups": [_line(told, line) for line in told.lines],
        "idle": [_idle(idle) for idle in told.idle],
    }


def _line(told: Report, line: Line) -> dict[str, object]:
    return {
        **named(told.by, line.key),
        "tasks": line.tasks,
        "answered": line.answered,
        "labelled": line.labelled,
        "accuracy": line.accuracy,
        "accuracy_interval": list(line.accuracy_interval) if line.accuracy_interval else None,
        "p50_ms": _ms(line.p50_s),
        "p95_ms": _ms(line.p95_s),
        "cost_usd": line.cost_nano / 1e9,
        "unpriced": line.unpriced,
        "cost_per_task_usd": usd(line.cost_per_task_nano),
        "cost_per_right_usd": usd(line.cost_per_right_nano),
        "share": dict(line.share),
        "escalation_rate": line.escalation_rate,
        "spilled": line.spilled,
        "recalled": line.recalled,
        "abandoned_tokens": line.abandoned_tokens,
        "cached_share": line.cached_share,
        "cache_saved_usd": line.saved_nano / 1e9,
        "against": {tier: _against(against) for tier, against in line.against.items()},
        "rungs": [_rung(rung) for rung in line.rungs],
    }


def _against(against: Against) -> dict[str, object]:
    return {
        "answers": against.answers,
        "would_have_cost_usd": against.nano / 1e9,
        "did_cost_usd": against.cost_nano / 1e9,
        "saved": against.saved,
    }


def _rung(rung: Rung) -> dict[str, object]:
    return {
        "tier": rung.tier,
        "model": rung.model,
        "attempts": rung.attempts,
        "released": rung.released,
        "prompt_tokens": rung.prompt_tokens,
        "cached_tokens": rung.cached_tokens,
        "completion_tokens": rung.completion_tokens,
        "abandoned_tokens": rung.abandoned_tokens,
        "cost_usd": rung.cost_nano / 1e9,
        "unpriced": rung.unpriced,
        "cache_saved_usd": rung.saved_nano / 1e9,
        "engine_s": rung.engine_s,
        "joules": rung.joules,
    }


def _idle(idle: Idle) -> dict[str, object]:
    return {
        "tier": idle.tier,
        "up_s": idle.up_s,
        "busy_s": idle.busy_s,
        "idle_joules": idle.joules,
        "idle_usd": None if idle.unpriced_s else idle.nano / 1e9,
    }


def as_csv(told: Report) -> str:
    """A line for each group, and one for each of its models with what that model did."""
    out = io.StringIO()
    fields = [name for name in _line(told, told.all) if name not in ("share", "against", "rungs")]
    fields = [name for name in fields if name not in told.by and name != "accuracy_interval"]
    tiers = sorted({tier for line in told.lines for tier in (*line.share, *line.against)})
    write = csv.writer(out, lineterminator="\n")
    write.writerow(
        [
            *told.by,
            *fields,
            *(f"share_{tier}" for tier in tiers),
            *(f"saved_against_{tier}" for tier in tiers),
        ]
    )
    for line in told.lines:
        shown = _line(told, line)
        saved = {tier: against.saved for tier, against in line.against.items()}
        values = [shown[name] for name in (*told.by, *fields)]
        values += [line.share.get(tier) for tier in tiers] + [saved.get(tier) for tier in tiers]
        write.writerow(["" if value is None else value for value in values])
    return out.getvalue()


def as_table(told: Report) -> str:
    """Fixed-width text; a dash is "not known"."""
    head = (*(name.replace("_", " ") for name in told.by), *_HEAD)
    rows = [head, *(_row(told, line, names(told.by, line.key)) for line in told.lines)]
    rows.append(_row(told, told.all, ("all", *("",) * (len(told.by) - 1))))
    parts = [columns(rows, left=len(told.by))]
    if any(line.rungs for line in told.lines):
        parts.append(columns([_RUNG_HEAD, *(_rung_row(rung) for rung in told.all.rungs)], left=2))
    parts += [_baseline(tier, against) for tier, against in sorted(told.all.against.items())]
    parts += [_idleness(idle) for idle in told.idle]
    return "\n\n".join(part for part in parts if part)


_HEAD = (
    "tasks",
    "accuracy [95 %]",
    "p50 ms",
    "p95 ms",
    "USD/task",
    "USD/right",
    "escalated",
    "cached",
    "share per rung",
)
_RUNG_HEAD = ("tier", "model", "asked", "given", "prompt", "cached", "written", "USD", "GPU s")


def _row(told: Report, line: Line, names: tuple[str, ...]) -> tuple[str, ...]:
    accuracy = "-"
    if line.accuracy is not None and line.accuracy_interval is not None:
        low, high = line.accuracy_interval
        accuracy = f"{line.accuracy:.3f} [{low:.2f}, {high:.2f}] n={line.labelled}"
    cost = dollars(line.cost_per_task_nano) + (f" ({line.unpriced} ?)" if line.unpriced else "")
    return (
        *names,
        str(line.tasks),
        accuracy,
        "-" if line.p50_s is None else f"{line.p50_s * 1000:.0f}",
        "-" if line.p95_s is None else f"{line.p95_s * 1000:.0f}",
        cost,
        dollars(line.cost_per_right_nano),
        f"{line.escalation_rate:.0%}",
        "-" if line.cached_share is None else f"{line.cached_share:.0%}",
        " ".join(f"{tier} {share:.0%}" for tier, share in line.share.items()) or "-",
    )


def _rung_row(rung: Rung) -> tuple[str, ...]:
    cost = f"{rung.cost_nano / 1e9:.6f}" + (f" ({rung.unpriced} ?)" if rung.unpriced else "")
    return (
        rung.tier,
        rung.model,
        str(rung.attempts),
        str(rung.released),
        str(rung.prompt_tokens),
        f"{rung.cached_tokens / rung.prompt_tokens:.0%}" if rung.prompt_tokens else "-",
        str(rung.completion_tokens),
        cost,
        f"{rung.engine_s:.1f}" if rung.engine_s else "-",
    )


def _baseline(tier: str, against: Against) -> str:
    if against.saved is None:
        return f"against all-{tier}: its price is unknown"
    return (
        f"against all-{tier}: {against.saved:.0%} saved, {dollars(against.cost_nano)} USD instead "
        f"of {dollars(against.nano)} for {against.answers} answers, had {tier} written the same "
        "tokens, cached where they were"
    )


def _idleness(idle: Idle) -> str:
    cost = "at an unknown price" if idle.unpriced_s else f"for {dollars(idle.nano)} USD"
    hours = (idle.up_s - idle.busy_s) / 3600
    return f"{idle.tier} was idle for {hours:.2f} of {idle.up_s / 3600:.2f} hours, {cost}"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
