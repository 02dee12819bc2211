"""What is a board made of? Rows of panels, each a question with PromQL that answers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

__all__ = [
    "Board",
    "Kind",
    "Lane",
    "Panel",
    "Query",
    "Row",
    "Step",
    "Variable",
    "gauge",
    "lines",
    "number",
    "stacked",
    "table",
]

Kind: TypeAlias = Literal["timeseries", "stat", "gauge", "table", "heatmap", "state-timeline"]
"""Grafana's own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One expression, and the legend of its series."""

    expr: str
    legend: str = "__auto"
    instant: bool = False
    """Its last value instead of its course."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From this value on a colour; None is the lowest."""

    value: float | None
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A column of a table: what the query's series are called there, and in what unit."""

    title: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """`unit` is Grafana's name of it; a width is of 24, a height in rows of about 30 pixels."""

    title: str
    told: str
    """Its description, behind the (i)."""
    queries: tuple[Query, ...]
    unit: str
    kind: Kind = "timeseries"
    width: int = 12
    height: int = 8
    stacked: bool = False
    least: float | None = None
    most: float | None = None
    decimals: int | None = None
    steps: tuple[Step, ...] = ()
    lanes: tuple[Lane, ...] = ()
    """Of a table, one for each query; rows join by their labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    title: str
    panels: tuple[Panel, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A choice at the board's head: every value that a label of a metric has."""

    name: str
    title: str
    metric: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    uid: str
    """Stands in addresses: it stays as it is."""
    title: str
    told: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]


# ---- the usual kinds -------------------------------------------------------------------------


def lines(
    title: str,
    told: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    most: float | None = None,
    steps: Sequence[Step] = (),
) -> Panel:
    """Courses over time, from zero on."""
    return Panel(
        title=title,
        told=told,
        queries=queries,
        unit=unit,
        width=width,
        least=0,
        most=most,
        steps=tuple(steps),
    )


def stacked(
    title: str, told: str, unit: str, *queries: Query, width: int = 12, most: float | None = None
) -> Panel:
    """Parts of a whole over time."""
    return replace(lines(title, told, unit, *queries, width=width, most=most), stacked=True)


def number(
    title: str,
    told: str,
    unit: str,
    *queries: Query,
    width: int = 4,
    steps: Sequence[Step] = (),
    decimals: int | None = None,
) -> Panel:
    """One large figure, or one for each series."""
    return Panel(
        title=title,
        told=told,
        queries=queries,
        unit=unit,
        kind="stat",
        width=width,
        height=4,
        steps=tuple(steps),
        decimals=decimals,
    )


def gauge(
    title: str,
    told: str,
    unit: str,
    *queries: Query,
    width: int = 6,
    most: float = 1,
    steps: Sequence[Step] = (),
) -> Panel:
    """A figure between two ends."""
    return Panel(
        title=title,
        told=told,
        queries=queries,
        unit=unit,
        kind="gauge",
        width=width,
        height=6,
        least=0,
        most=most,
        steps=tuple(steps),
    )


def table(title: str, told: str, *columns: tuple[Lane, Query], width: int = 24) -> Panel:
    """A line for each set of labels, a column for each query."""
    return Panel(
        title=title,
        told=told,
        queries=tuple(query for _, query in columns),
        unit="short",
        kind="table",
        width=width,
        lanes=tuple(lane for lane, _ in columns),
    )
