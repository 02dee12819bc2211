"""How does the demo print what it measured?"""

from __future__ import annotations

from rungwise.demo.figures import ROUTES, Cell, Figures, Local
from rungwise.ledger.shadows import ShadowLine

__all__ = ["shadowed", "summary", "table"]

_HEAD = (
    "route",
    "step type",
    "n",
    "accuracy [95 %]",
    "t1/t2/t3 %",
    "p50 ms",
    "p95 ms",
    "tokens",
    "cached %",
    "USD/1k steps",
    "of it local",
)


def table(measured: Figures) -> str:
    """The figures as fixed-width text, one block per route."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for name, route in measured.routes.items():
        if name == "auto":
            rows += [_row("", step_type, cell) for step_type, cell in route.by_step_type.items()]
        rows.append(_row(name, "all", route.overall))
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * sum(widths, 2 * len(widths)), *lines[1:]])


def _row(route: str, name: str, cell: Cell) -> tuple[str, ...]:
    low, high = cell.accuracy_interval
    cost, local = cell.cost_per_step_usd, cell.local_cost_per_step_usd
    return (
        route,
        name,
        str(cell.count),
        f"{cell.accuracy:.3f} [{low:.2f}, {high:.2f}]",
        "/".join(f"{cell.share[tier] * 100:.0f}" for tier in ROUTES[1:]),
        "-" if cell.p50_ms is None else f"{cell.p50_ms:.0f}",
        "-" if cell.p95_ms is None else f"{cell.p95_ms:.0f}",
        f"{cell.tokens_per_step:.0f}",
        "-" if cell.cached_share is None else f"{cell.cached_share * 100:.0f}",
        "unknown" if cost is None else f"{cost * 1000:.4f}",
        "unknown" if local is None else f"{local * 1000:.4f}",
    )


def summary(measured: Figures) -> str:
    """What auto lost and saved, and how to read it."""
    lines = []
    for tier, against in measured.against.items():
        low, high = against.accuracy_lost_interval
        line = (
            f"auto against all-{tier}: {-against.accuracy_lost * 100:+z.1f} points of accuracy "
            f"[{-high * 100:+z.1f}, {-low * 100:+z.1f}]"
        )
        if against.cost_saved_share is not None and against.cost_saved_interval is not None:
            low, high = against.cost_saved_interval
            line += f", {-against.cost_saved_share:+z.0%} cost [{-high:+z.0%}, {-low:+z.0%}]"
        lines.append(line)
    if (doubts := measured.doubts) is not None:
        lines.append(
            f"auto doubted a draft in {doubts.escalated} steps and dropped "
            f"{doubts.abandoned_tokens} tokens of such drafts"
        )
    if measured.local is not None:
        lines.append(_told(measured.local))
    lines.append(
        "tier2 and tier3 are stand-ins on this machine, billed at list prices of a mid and a "
        "frontier model.\nAll models are tiny and know only these steps."
    )
    return "\n".join(lines)


def _told(local: Local) -> str:
    cost = "at an unknown price" if local.cost_usd is None else f"{local.cost_usd:.6f} USD"
    line = f"tier1 is billed by its engine's busy time: {local.engine_s:.1f} s, {cost}"
    if local.joules is None:
        return f"{line}, by the configured price\nof the hour alone: no GPU counts its energy here"
    return f"{line}; its GPU counted {local.joules:.0f} J in them"


def shadowed(line: ShadowLine) -> str:
    """What the shadow's router would have made of auto's steps."""
    told = (
        f"in its shadow {line.router} planned auto's steps too: {line.same} start at the same "
        f"rung, {line.lower} lower, {line.higher} higher"
    )
    if line.recorded_saved is not None:
        told += (
            f";\n{line.recorded} lead to the very draft that was given, and would have cost "
            f"{-line.recorded_saved:+z.0%}"
        )
    if line.estimated_saved is not None:
        told += f";\nof {line.estimated} others that is an estimate: {-line.estimated_saved:+z.0%}"
    return told
