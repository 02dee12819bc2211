"""How is a report written? As a table, as JSON, as CSV."""

from __future__ import annotations

import csv
import io

from rungwise.ledger.columns import columns, dollars, named, names, usd
from rungwise.ledger.lines import (
    Against,
    Audits,
    Doubts,
    Idle,
    Line,
    Looked,
    Report,
    Rung,
    Tasks,
    Times,
)

__all__ = ["as_csv", "as_json", "as_table"]


def as_json(told: Report) -> dict[str, object]:
    """Costs in US dollars, times in milliseconds; null is "not known", as a sum is of which nothing
    has a price. Else `unpriced` counts what it does not hold."""
    return {
        "by": list(told.by),
        "all": _line(told, told.all),
        "groups": [_line(told, line) for line in told.lines],
        "idle": [_idle(idle) for idle in told.idle],
        "audits": [_looked(rung) for rung in told.audits.rungs],
        "audited": _audited(told.audits),
    }


def _line(told: Report, line: Line) -> dict[str, object]:
    return {
        **named(told.by, line.key),
        "steps": line.steps,
        "answered": line.answered,
        "labelled": line.labelled,
        "right": line.right,
        "accuracy": line.accuracy,
        "accuracy_interval": list(line.accuracy_interval) if line.accuracy_interval else None,
        **_times("", line.times),
        **_times("first_byte_", line.first_bytes),
        "cost_usd": usd(line.known_nano),
        "unpriced": line.unpriced,
        "cost_per_step_usd": usd(line.cost_per_step_nano),
        "cost_per_right_usd": usd(line.cost_per_right_nano),
        **_tasks(line.tasks),
        "share": dict(line.share),
        "escalated": line.escalated,
        "escalation_rate": line.escalation_rate,
        "doubts": [_doubts(doubts) for doubts in line.doubts],
        "spilled": line.spilled,
        "recalled": line.recalled,
        "abandoned_tokens": line.abandoned_tokens,
        "cached_share": line.cached_share,
        "cache_saved_usd": usd(line.known_saved_nano),
        "against": {tier: _against(against) for tier, against in line.against.items()},
        "rungs": [_rung(rung) for rung in line.rungs],
    }


def _times(of: str, times: Times) -> dict[str, object]:
    told = {"p50": times.p50_s, "p95": times.p95_s, "p99": times.p99_s}
    return {f"{of}{name}_ms": _ms(seconds) for name, seconds in told.items()}


def _tasks(tasks: Tasks | None) -> dict[str, object]:
    """Null throughout where the steps of one task may stand in several groups."""
    interval = None if tasks is None else tasks.accuracy_interval
    return {
        "tasks": None if tasks is None else tasks.tasks,
        "tasks_labelled": None if tasks is None else tasks.labelled,
        "tasks_right": None if tasks is None else tasks.right,
        "task_accuracy": None if tasks is None else tasks.accuracy,
        "task_accuracy_interval": None if interval is None else list(interval),
        "cost_per_task_usd": None if tasks is None else usd(tasks.cost_nano_each),
        "cost_per_right_task_usd": None if tasks is None else usd(tasks.cost_per_right_nano),
    }


def _doubts(doubts: Doubts) -> dict[str, object]:
    return {
        "tier": doubts.tier,
        "why": doubts.why,
        "drafts": doubts.drafts,
        "tokens": doubts.tokens,
    }


def _looked(rung: Looked) -> dict[str, object]:
    return {
        "tier": rung.tier,
        "model": rung.model,
        "role": rung.role,
        "attempts": rung.attempts,
        "prompt_tokens": rung.prompt_tokens,
        "completion_tokens": rung.completion_tokens,
        "cost_usd": usd(rung.known_nano),
        "unpriced": rung.unpriced,
    }


def _audited(audits: Audits) -> dict[str, object]:
    return {
        "asked": audits.asked,
        "audited": audits.audited,
        "agreed": audits.agreed,
        "agreed_share": audits.agreed_share,
        "agreed_interval": list(audits.agreed_interval) if audits.agreed_interval else None,
        "cost_usd": usd(audits.known_nano),
        "unpriced": audits.unpriced,
    }


def _against(against: Against) -> dict[str, object]:
    return {
        "answers": against.answers,
        "would_have_cost_usd": usd(against.nano if against.compared else None),
        "did_cost_usd": usd(against.cost_nano if against.compared else None),
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
        "cost_usd": usd(rung.known_nano),
        "unpriced": rung.unpriced,
        "cache_saved_usd": usd(rung.known_saved_nano),
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
    fields = [name for name in _line(told, told.all) if name not in (*told.by, *_NESTED)]
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


_NESTED = (
    "share",
    "against",
    "rungs",
    "doubts",
    "accuracy_interval",
    "task_accuracy_interval",
)


def as_table(told: Report) -> str:
    """Fixed-width text; a dash is "not known"."""
    head = (*(name.replace("_", " ") for name in told.by), *_HEAD)
    rows = [head, *(_row(told, line, names(told.by, line.key)) for line in told.lines)]
    rows.append(_row(told, told.all, ("all", *("",) * (len(told.by) - 1))))
    parts = [columns(rows, left=len(told.by))]
    if line := _tasked(told.all.tasks):
        parts.append(line)
    if told.all.doubts:
        parts.append(columns([_DOUBT_HEAD, *(_doubt_row(d) for d in told.all.doubts)], left=2))
    if any(line.rungs for line in told.lines):
        parts.append(columns([_RUNG_HEAD, *(_rung_row(rung) for rung in told.all.rungs)], left=2))
    parts += [_baseline(tier, against) for tier, against in sorted(told.all.against.items())]
    parts += [_idleness(idle) for idle in told.idle]
    parts += [_looks(told.audits)] if told.audits.rungs else []
    return "\n\n".join(part for part in parts if part)


_HEAD = (
    "steps",
    "tasks",
    "accuracy [95 %]",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "first p50",
    "p95",
    "USD/step",
    "USD/right",
    "escalated",
    "cached",
    "share per rung",
)
_RUNG_HEAD = (
    *("tier", "model", "asked", "given", "prompt", "cached", "written", "abandoned"),
    *("USD", "GPU s"),
)
_DOUBT_HEAD = ("doubted", "why", "drafts", "tokens")


def _row(told: Report, line: Line, names: tuple[str, ...]) -> tuple[str, ...]:
    times = (line.times.p50_s, line.times.p95_s, line.times.p99_s)
    first = (line.first_bytes.p50_s, line.first_bytes.p95_s)
    cost = dollars(line.cost_per_step_nano) + (f" ({line.unpriced} ?)" if line.unpriced else "")
    return (
        *names,
        str(line.steps),
        "-" if line.tasks is None else str(line.tasks.tasks),
        _accuracy(line.accuracy, line.accuracy_interval, line.labelled),
        *("-" if seconds is None else f"{seconds * 1000:.0f}" for seconds in (*times, *first)),
        cost,
        dollars(line.cost_per_right_nano),
        f"{line.escalation_rate:.0%}",
        "-" if line.cached_share is None else f"{line.cached_share:.0%}",
        " ".join(f"{tier} {share:.0%}" for tier, share in line.share.items()) or "-",
    )


def _accuracy(share: float | None, interval: tuple[float, float] | None, labels: int) -> str:
    if share is None or interval is None:
        return "-"
    low, high = interval
    return f"{share:.3f} [{low:.2f}, {high:.2f}] n={labels}"


def _tasked(tasks: Tasks | None) -> str:
    """Nothing where each step is a task of its own and nobody says more of it."""
    if tasks is None or not tasks.tasks:
        return ""
    accuracy = _accuracy(tasks.accuracy, tasks.accuracy_interval, tasks.labelled)
    return (
        f"{tasks.tasks} tasks: accuracy {accuracy}, {dollars(tasks.cost_nano_each)} USD each, "
        f"{dollars(tasks.cost_per_right_nano)} USD for each right one"
    )


def _doubt_row(doubts: Doubts) -> tuple[str, ...]:
    return (doubts.tier, doubts.why, str(doubts.drafts), str(doubts.tokens))


def _looks(audits: Audits) -> str:
    share = _accuracy(audits.agreed_share, audits.agreed_interval, audits.audited)
    unpriced = f" ({audits.unpriced} ?)" if audits.unpriced else ""
    return (
        f"{audits.asked} answers were audited, for {dollars(audits.known_nano)} USD{unpriced} "
        f"beside all others here: found right {share}"
    )


def _rung_row(rung: Rung) -> tuple[str, ...]:
    cost = "-" if rung.known_nano is None else f"{rung.known_nano / 1e9:.6f}"
    cost += f" ({rung.unpriced} ?)" if rung.unpriced else ""
    return (
        rung.tier,
        rung.model,
        str(rung.attempts),
        str(rung.released),
        str(rung.prompt_tokens),
        f"{rung.cached_tokens / rung.prompt_tokens:.0%}" if rung.prompt_tokens else "-",
        str(rung.completion_tokens),
        str(rung.abandoned_tokens),
        cost,
        f"{rung.engine_s:.1f}" if rung.engine_s else "-",
    )


def _baseline(tier: str, against: Against) -> str:
    if not against.compared:
        return f"against all-{tier}: unknown, for no answer has a price both there and here"
    saved = "" if against.saved is None else f"{against.saved:.0%} saved, "
    return (
        f"against all-{tier}: {saved}{dollars(against.cost_nano)} USD instead "
        f"of {dollars(against.nano)} for {against.answers} answers, had {tier} written the same "
        "tokens, cached where they were"
    )


def _idleness(idle: Idle) -> str:
    cost = "at an unknown price" if idle.unpriced_s else f"for {dollars(idle.nano)} USD"
    hours = (idle.up_s - idle.busy_s) / 3600
    return f"{idle.tier} was idle for {hours:.2f} of {idle.up_s / 3600:.2f} hours, {cost}"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
