"""How are groups, money and columns of figures written?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rungwise.days import EPOCH
from rungwise.ledger.lines import Group, Key

__all__ = ["columns", "dollars", "named", "names", "usd"]


def columns(rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Fixed-width text; the first `left` columns and the last begin at their left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    last = len(widths) - 1
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < left or i == last else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def named(by: Sequence[Group], key: Key) -> dict[str, object]:
    return dict(zip(by, names(by, key), strict=False))


def names(by: Sequence[Group], key: Key) -> tuple[str, ...]:
    """A group's values; a day as its date."""
    return tuple(
        (EPOCH + timedelta(days=int(value))).isoformat() if name == "day" else value
        for name, value in zip(by, key, strict=False)
    )


def dollars(nano: float | None) -> str:
    return "-" if nano is None else f"{nano / 1e9:.7f}"


def usd(nano: float | None) -> float | None:
    return None if nano is None else nano / 1e9
