"""How is a replay told? As lines, and as JSON."""

from __future__ import annotations

from rungwise.lab.replaying.replay import Replayed, Side

__all__ = ["as_json", "as_lines", "left_out"]

NANO = 1e9


def as_json(told: Replayed) -> dict[str, object]:
    """Costs in US dollars, times in milliseconds; null is "not known"."""
    expected = told.foreseen_right / told.foreseen if told.foreseen else None
    return {
        "steps": told.walked,
        "before": _side(told.before),
        "after": {
            **_side(told.after),
            "expected_accuracy": expected,
            "expected_labelled": told.foreseen,
            "unanswered": told.unanswered,
            "untimed": told.after.untimed,
        },
        "saved": _saved(told),
        "rests_on": {
            "recorded_steps": told.recorded,
            "estimated_steps": told.walked - told.recorded,
            "recorded_usd": told.recorded_nano / NANO,
            "estimated_usd": told.estimated_nano / NANO,
        },
        "narrowed_steps": told.narrowed,
        "learnt_from": {"days": told.learnt and list(told.learnt), "steps": told.of_learnt},
        "left_out": {
            "not_answered": told.not_answered,
            "without_sketch": told.without_sketch,
            "unpriced": told.unpriced,
        },
    }


def _side(side: Side) -> dict[str, object]:
    return {
        "cost_usd": side.nano / NANO,
        "labelled": side.labelled,
        "accuracy": side.accuracy,
        "accuracy_interval": list(side.interval) if side.interval else None,
        "p50_ms": _ms(side.percentile(0.50)),
        "p95_ms": _ms(side.percentile(0.95)),
        "share": side.share,
    }


def _saved(told: Replayed) -> float | None:
    return 1 - told.after.nano / told.before.nano if told.before.nano else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def as_lines(told: Replayed) -> list[str]:
    rows = [
        ("", "before", "after"),
        *(
            (name, show(told.before), show(told.after))
            for name, show in (
                ("cost, USD", lambda side: f"{side.nano / NANO:.6f}"),
                ("accuracy", _accuracy),
                ("p50, ms", lambda side: _time(side.percentile(0.50))),
                ("p95, ms", lambda side: _time(side.percentile(0.95))),
                ("share per rung", _shares),
            )
        ),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    lines = [f"{a.ljust(widths[0])}  {b.ljust(widths[1])}  {c}".rstrip() for a, b, c in rows]
    return [*lines, "", *_rests(told), *left_out(told)]


def _accuracy(side: Side) -> str:
    if side.accuracy is None or side.interval is None:
        return "-"
    low, high = side.interval
    return f"{side.accuracy:.3f} [{low:.3f}, {high:.3f}] n={side.labelled}"


def _shares(side: Side) -> str:
    return " ".join(f"{tier} {share:.1%}" for tier, share in side.share.items()) or "-"


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f}"


def _rests(told: Replayed) -> list[str]:
    """How much of it is known."""
    total = told.recorded_nano + told.estimated_nano
    estimated = told.estimated_nano / total if total else 0.0
    saved = _saved(told)
    lines = [
        f"of {told.walked} steps {told.recorded} rest on recorded drafts alone, "
        f"{told.walked - told.recorded} on estimates too; of the cost "
        f"{told.recorded_nano / NANO:.6f} USD are recorded, {told.estimated_nano / NANO:.6f} "
        f"estimated ({estimated:.1%})"
    ]
    if saved is not None:
        lines.insert(0, f"saved: {saved:.1%}")
    if told.foreseen:
        lines.append(
            f"accuracy after is of the {told.after.labelled} labelled steps that would have got "
            f"the same draft; {told.foreseen_right / told.foreseen:.3f} is expected of "
            f"{told.foreseen} labelled ones"
        )
    if told.unanswered >= 0.5:
        lines.append(
            f"about {told.unanswered:.0f} steps would have got no answer: all rungs failed"
        )
    if told.after.untimed:
        lines.append(
            f"latency after is without {told.after.untimed:.0f} answers of rungs that never drafted"
        )
    if told.learnt is not None and told.of_learnt:
        first, last = told.learnt
        lines.append(
            f"warning: {told.of_learnt} of {told.walked} steps are of the days that the predictor "
            f"was learnt from ({first} to {last}): it foresees these better than it will others; "
            "learn with `train-router --until DAY`, and replay `--since` the next day"
        )
    if told.narrowed:
        lines.append(
            f"in {told.narrowed} steps a limit of the live plan was kept: the caller's wish, its "
            "rights or what its chat needed are not in the ledger"
        )
    return lines


def left_out(told: Replayed) -> list[str]:
    """Steps that neither side counts, and why."""
    reasons = (
        (told.not_answered, "were not answered"),
        (told.without_sketch, "have no sketch (routing.keep_sketches), so nothing is foreseen"),
        (told.unpriced, "have an unknown cost, before or after"),
    )
    return [f"left out: {count} steps that {why}" for count, why in reasons if count]
