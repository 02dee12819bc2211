"""How are the figures of a recorded ladder told? As lines for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rungwise.lab.routing.counted import AREAS, SHARES, SHOWN
from rungwise.lab.routing.curves import Ends, ends_of, hull
from rungwise.lab.routing.evaluate import SetFigures
from rungwise.lab.routing.resampling import Estimate

__all__ = ["as_json", "as_lines", "ends", "table_of_points", "table_of_policies", "told_of"]

NAMES = {
    "random": "random mixing",
    "oracle": "oracle (knows which are right)",
    "length": "router by prompt length",
    "router": "pure router",
    "cascade": "pure cascade",
    "pays": "ours: where it pays",
}
NESTED = ("share", "p50_over_s")
Table = list[list[str]]
"""A head, and rows of as many cells."""


def ends(found: SetFigures) -> Ends:
    columns = found.columns
    return ends_of(columns.cost, columns.right, np.ones(len(columns)))


# ---- for the terminal ----


def as_lines(found: SetFigures) -> list[str]:
    head, rest = told_of(found)
    tables = [_laid_out(table_of_policies(found)), _laid_out(table_of_points(found))]
    return [*head, "", *tables[0], "", *tables[1], "", *rest]


def told_of(found: SetFigures) -> tuple[list[str], list[str]]:
    """What was measured on, and what it says of ours."""
    columns, at = found.columns, ends(found)
    trained = "other folds of the same file" if found.learned_on is None else found.learned_on
    head = [
        f"{found.name}: {len(columns)} steps in {len(set(columns.groups))} groups; "
        f"{' < '.join(columns.tiers)}; learned on {trained}",
        f"the lowest rung alone is right in {at.low_right:.1%} at {_usd(at.low_cost)}, the highest "
        f"in {at.high_right:.1%} at {_usd(at.high_cost)} for 1,000 steps",
        *(f"note: {note}" for note in found.notes),
    ]
    areas = [
        f"{NAMES['pays']}, over {NAMES[other]}: {_points(found.figures[f'areas.{key}'])}"
        for key, other in AREAS.items()
        if f"areas.{key}" in found.figures
    ]
    return head, [*areas, *_least(found), *_waiting(found)]


def _least(found: SetFigures) -> Iterator[str]:
    """Where on the axis ours lies lowest against another curve."""
    for key, other in AREAS.items():
        levels = [(level, found.figures.get(f"levels.{key}.{level:g}")) for level in SHOWN]
        told = [(level, e) for level, e in levels if e is not None]
        if told:
            level, least = min(told, key=lambda pair: pair[1].value)
            yield f"  lowest against {NAMES[other]} at {level:.0%} of the axis: {_points(least)}"


def _waiting(found: SetFigures) -> Iterator[str]:
    """Ours against each rung alone, in medians; nothing where latencies were not recorded."""
    if not found.columns.timed:
        return
    for name in found.points:
        if name.startswith("pays@"):
            told = []
            for tier in found.columns.tiers[1:]:
                over = found.figures[f"points.{name}.p50_over_s.{tier}"]
                span = f"[{over.low * 1e3:+.0f}, {over.high * 1e3:+.0f}]"
                told.append(f"{over.value * 1e3:+.0f} {span} ms against {tier} alone")
            yield f"  median wait, {_point(name)}: {', '.join(told)}"


def table_of_policies(found: SetFigures) -> Table:
    """With the least and the greatest APGR of a round where there are several."""
    several = len(found.rounds) > 1
    rows = [["policy", "APGR", *(["by dealing"] if several else []), "CPT(50)", "CPT(80)", "by"]]
    for name in found.policies:
        apgr, *others = (_told(found.figures[f"policies.{name}.{key}"]) for key in SHARES)
        rounds = found.figures[f"policies.{name}.apgr"].rounds
        spread = [f"{min(rounds):.3f} to {max(rounds):.3f}"] if several else []
        by = "calls" if name in found.by_calls else "cost"
        rows.append([NAMES[name], apgr, *spread, *others, by])
    return rows


def table_of_points(found: SetFigures) -> Table:
    """With intervals for what is right and what it costs; the file has them for all."""
    timed, tiers = found.columns.timed, found.columns.tiers
    head = ["setting", "right", "$ for 1,000", "$ for 1,000 right"]
    rows = [[*head, *(["p50 ms", "p95 ms"] if timed else []), "answered by"]]
    for name in found.points:

        def figure(key: str, name: str = name) -> Estimate:
            return found.figures[f"points.{name}.{key}"]

        row = [_point(name), _percent(figure("accuracy"))]
        row += [_thousand(figure("cost_usd")), f"{figure('cost_per_right_usd').value * 1e3:.4g}"]
        if timed:
            row += [f"{figure(f'latency_{key}_s').value * 1e3:.0f}" for key in ("p50", "p95")]
        shares = [f"{figure(f'share.{tier}').value:.0%}" for tier in tiers]
        rows.append([*row, " / ".join(shares)])
    return rows


def _point(name: str) -> str:
    policy, _, share = name.partition("@")
    if not share:
        return f"{name.removeprefix('single.')} alone"
    return f"{NAMES[policy]}, for {float(share):.0%} of the gap"


def _laid_out(table: Table) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _told(e: Estimate) -> str:
    return "never" if np.isnan(e.value) else e.told(".3f")


def _points(e: Estimate) -> str:
    return f"{e.value * 100:+.2f} [{e.low * 100:+.2f}, {e.high * 100:+.2f}] points of right answers"


def _percent(e: Estimate) -> str:
    return f"{e.value:.1%} [{e.low * 100:.1f}, {e.high * 100:.1f}]"


def _thousand(e: Estimate) -> str:
    return f"{e.value * 1e3:.4g} [{e.low * 1e3:.4g}, {e.high * 1e3:.4g}]"


def _usd(value: float) -> str:
    return f"${value * 1e3:.4g}"


# ---- for a file ----


def as_json(sets: Sequence[SetFigures]) -> dict[str, object]:
    """`sets.<name>`, with a number and its `<key>_interval` for every figure."""
    return {"sets": {found.name: _set(found) for found in sets}}


def _set(found: SetFigures) -> dict[str, object]:
    columns, at = found.columns, ends(found)
    figures = found.figures
    return {
        "steps": len(columns),
        "groups": len(set(columns.groups)),
        "tiers": list(columns.tiers),
        "learned_on": found.learned_on,
        "rounds": len(found.rounds),
        "notes": list(found.notes),
        "axis_usd": [at.low_cost, at.high_cost],
        "single": {
            name: _figures(found, f"points.single.{name}.", nested=NESTED) for name in columns.tiers
        },
        "hull": [columns.tiers[k] for k in _hull(found)],
        "policies": {name: _policy(found, name) for name in found.policies},
        "areas": _figures(found, "areas."),
        "levels": {
            key: [
                {"cost_share": round(level, 4), **figures[path].fields("right")}
                for level in SHOWN
                if (path := f"levels.{key}.{level:g}") in figures
            ]
            for key in AREAS
            if f"areas.{key}" in figures
        },
    }


def _hull(found: SetFigures) -> list[int]:
    columns = found.columns
    chain: list[int] = hull(columns.cost.mean(axis=0), columns.right.mean(axis=0)).tolist()
    return chain


def _policy(found: SetFigures, name: str) -> dict[str, object]:
    at, figures = ends(found), found.figures
    span = at.high_cost - at.low_cost
    told = (figures[f"policies.{name}.{key}"].fields_of_rounds(key) for key in SHARES)
    return {
        **{key: value for fields in told for key, value in fields.items()},
        "by": "calls" if name in found.by_calls else "cost",
        "curve": [
            {
                "cost_share": round(level, 4),
                "cost_usd": at.low_cost + level * span,
                **figures[f"curves.{name}.{level:g}"].fields("right"),
            }
            for level in SHOWN
        ],
        "settings": [{"setting": s, "cost_usd": c, "right": r} for s, c, r in found.settings(name)],
        "points": {
            point.partition("@")[2]: _figures(found, f"points.{point}.", nested=NESTED)
            for point in found.points
            if point.startswith(f"{name}@")
        },
    }


def _figures(found: SetFigures, head: str, nested: Sequence[str] = ()) -> dict[str, object]:
    """Every figure under this path; those of each of `nested` in an object of their own."""
    told: dict[str, object] = {}
    inner: dict[str, dict[str, object]] = {name: {} for name in nested}
    for path, figure in found.figures.items():
        if path.startswith(head):
            key = path.removeprefix(head)
            name, _, rest = key.partition(".")
            if name in inner:
                inner[name] |= figure.fields(rest)
            else:
                told |= figure.fields(key)
    return told | inner
