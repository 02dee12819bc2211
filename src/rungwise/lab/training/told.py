"""How does a router's report read, in a terminal and as JSON?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rungwise.lab.training.report import Pair, RouterReport, Rung

__all__ = ["as_json", "as_lines", "verdict"]


def as_lines(report: RouterReport) -> list[str]:
    return [
        *_counts(report),
        "",
        *_rungs(report),
        "",
        *_pairs(report),
        *_learning(report),
        "",
        *_told(report),
    ]


def verdict(pair: Pair) -> str:
    """Whether there were enough labels, in plain words."""
    name = f"{pair.weak} < {pair.strong}"
    if pair.lack is not None:
        return f"{name}: it cannot be told whether this predictor helps: {pair.lack}"
    if pair.helps:
        return f"{name}: enough: this predictor recovers more than prompt length, and than chance"
    unshown = next(other for other, gain in pair.gain.items() if not gain.low > 0)
    gain = pair.gain[unshown]
    if gain.high < 0:
        return f"{name}: this predictor is worse than {_article(unshown)}; do not promote it"
    told = (
        f"{name}: the interval of the gain over {_article(unshown)} holds 0: it is not shown that "
        "this predictor helps; "
    )
    if pair.needed is None:
        return told + "nor is there a gain for which it would make sense to name a number of labels"
    return told + f"about {pair.needed} more labels would be needed, should the gain stay as it is"


def _article(policy: str) -> str:
    return {"random": "chance"}.get(policy, policy)


def _counts(report: RouterReport) -> Iterator[str]:
    tiers = [rung.tier for rung in report.rungs]
    yield f"{report.examples} steps in {report.groups} groups; labels by step type"
    rows = [[name, *(str(counts[t]) for t in tiers)] for name, counts in report.counts.items()]
    yield from _table(["", *tiers], *rows)
    soft = [f"{rung.soft} of {rung.tier}" for rung in report.rungs if rung.soft]
    if soft:
        yield f"soft labels (a calibrated confidence) among them: {', '.join(soft)}"


def _rungs(report: RouterReport) -> Iterator[str]:
    yield "P(right) by rung, on steps that it was not fitted on, against what was said of them"
    rows = []
    for rung in report.rungs:
        told = (rung.right, rung.auroc, rung.brier, rung.brier_of_the_mean)
        rows.append([rung.tier, str(rung.said), *map(_number, told), _error(rung)])
    yield from _table(
        ["", "said", "right", "AUROC", "Brier", "of the mean", "calibration error"], *rows
    )


def _error(rung: Rung) -> str:
    if rung.error is None or rung.error_interval is None:
        return "-"
    low, high = rung.error_interval
    return f"{rung.error:.3f} [{low:.3f}, {high:.3f}]"


def _pairs(report: RouterReport) -> Iterator[str]:
    yield "the upper rung's lead that is recovered, by what the steps are ranked by"
    for pair in report.pairs:
        yield f"{pair.weak} < {pair.strong}: {pair.steps} steps in {pair.groups} groups"
        if not pair.policies:
            continue
        rows = [
            [
                _named(name, pair),
                found["apgr"].told(),
                found["cpt50"].told(".0%"),
                found["cpt80"].told(".0%"),
            ]
            for name, found in pair.policies.items()
        ]
        yield from _table(["", "APGR", "CPT(50)", "CPT(80)"], *rows)
        for name, gain in pair.gain.items():
            yield f"  gain over {_article(name)}: {gain.told('+.3f')}"


def _named(policy: str, pair: Pair) -> str:
    if policy != "prompt length":
        return policy
    return f"{policy} ({'long' if pair.longer_up else 'short'} ones up)"


def _learning(report: RouterReport) -> Iterator[str]:
    if not report.learning:
        return
    yield ""
    yield "APGR by how many of the steps that were not held back were learnt from"
    for point in report.learning:
        cells = ", ".join(f"{pair} {found.told()}" for pair, found in point.apgr.items())
        yield f"  {point.share:.0%}, {point.examples} steps: {cells or 'cannot be told'}"


def _told(report: RouterReport) -> Iterator[str]:
    yield from (f"note: {note}" for note in report.notes)
    yield from map(verdict, report.pairs)


def _table(*rows: Sequence[str]) -> Iterator[str]:
    """Each column as wide as its longest cell; names to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        told = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join([f"  {name:<{widths[0]}}", *told])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def as_json(report: RouterReport) -> dict[str, object]:
    return {
        "examples": report.examples,
        "groups": report.groups,
        "enough": report.enough,
        "labels": {name: dict(counts) for name, counts in report.counts.items()},
        "rungs": {rung.tier: _rung(rung) for rung in report.rungs},
        "pairs": [_pair(pair) for pair in report.pairs],
        "learning": [
            {
                "share": point.share,
                "examples": point.examples,
                "apgr": {pair: found.as_json() for pair, found in point.apgr.items()},
            }
            for point in report.learning
        ],
        "notes": list(report.notes),
    }


def _rung(rung: Rung) -> dict[str, object]:
    error = rung.error_interval
    return {
        "said": rung.said,
        "soft": rung.soft,
        "right": rung.right,
        "auroc": rung.auroc,
        "brier": rung.brier,
        "brier_of_the_mean": rung.brier_of_the_mean,
        "ece": rung.error,
        "ece_interval": None if error is None else list(error),
    }


def _pair(pair: Pair) -> dict[str, object]:
    return {
        "weak": pair.weak,
        "strong": pair.strong,
        "steps": pair.steps,
        "groups": pair.groups,
        "helps": pair.helps,
        "needed": pair.needed,
        "verdict": verdict(pair),
        "longer_up": pair.longer_up,
        "policies": {
            name: {figure: found.as_json() for figure, found in figures.items()}
            for name, figures in pair.policies.items()
        },
        "gain": {name: gain.as_json() for name, gain in pair.gain.items()},
    }
