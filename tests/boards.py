"""What do boards and rules ask, and what of it does a real Prometheus show nothing of?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from rungwise.lab.boards.written import BOARDS
from rungwise.ledger.lines import Line
from tests.prometheus import OBSERVABILITY, Prometheus, selectors

__all__ = [
    "Shown",
    "agree",
    "asked_by_boards",
    "asked_by_docs",
    "asked_by_rules",
    "asked_of_engines",
    "shown_since",
    "unshown",
]

DOCS = (OBSERVABILITY.parents[1] / "docs" / "observing.md").read_text(encoding="utf-8")
NEAR = 0.25
"""Prometheus extends what it saw to the edges of the time that is asked for."""
OF_OTHERS = ("rungwise_engine_seconds_total", "rungwise_engine_up{", "rungwise_engine_restarts_")
"""Of entries, and of what keeps an engine alive: an engine itself tells nothing of them."""


def panels(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in told["panels"]:
        yield from panel["panels"] if panel["type"] == "row" else [panel]


def filled(expr: str, shown: str = "1h") -> str:
    """As Grafana fills it in, with every choice at All."""
    told = expr.replace("$__rate_interval", "1m").replace("$__range", shown)
    return re.sub(r"\$\w+", ".*", told)


def asked_by_boards() -> Iterator[tuple[str, str]]:
    """By board and panel."""
    for name in BOARDS:
        file = OBSERVABILITY / "grafana" / "dashboards" / f"{name}.json"
        for panel in panels(json.loads(file.read_text(encoding="utf-8"))):
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", filled(target["expr"])


def asked_by_docs() -> Iterator[tuple[str, str]]:
    """What docs/observing.md tells to ask for, of a ladder whose dearest rung is `top`."""
    row = r"^\| ([^|]+) \| `([^`]*rungwise_[^`]*)` \|$"
    for name, expr in re.findall(row, DOCS, re.MULTILINE):
        yield f"docs: {name}", expr.replace("tier3", "top")


def asked_of_engines() -> list[tuple[str, str]]:
    """Those of them that ask for nothing but what engines tell of themselves."""
    return [
        (where, expr)
        for where, expr in asked_by_boards()
        if (of := selectors(expr))
        and all(s.startswith("rungwise_engine_") and not s.startswith(OF_OTHERS) for s in of)
    ]


def rules() -> Iterator[dict[str, Any]]:
    for file in sorted((OBSERVABILITY / "rules").glob("*.yml")):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def asked_by_rules() -> Iterator[tuple[str, str]]:
    """What is derived has a value; of an alert, each series that it looks at."""
    for rule in rules():
        if "record" in rule:
            yield rule["record"], rule["expr"]
        for selector in selectors(rule["expr"]):
            yield rule.get("alert", rule.get("record")), selector


async def unshown(seen: Prometheus, asked: Iterable[tuple[str, str]]) -> list[str]:
    """The expressions that show nothing, or of which a series shows nothing."""
    whole, found = list(asked), []
    parts = [(where, selector) for where, expr in whole for selector in selectors(expr)]
    for where, expr in dict.fromkeys((*whole, *parts)):
        try:
            samples = await seen.ask(expr)
        except ValueError as error:
            found.append(f"{where}: {error}")
            continue
        if not samples or all(sample.value != sample.value for sample in samples):
            found.append(f"{where}: {expr}")
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """What the first board shows of some time."""

    head: Mapping[str, float]
    """The figures at its top that come of entries."""
    shares: Mapping[str, float]
    """Of the answers, by tier."""


async def shown_since(seen: Prometheus, began: float) -> Shown:
    """Of the time from that Unix second until now."""
    time = f"{1000 * (await seen.number('time()') - began):.0f}ms"
    head = {title: await seen.number(filled(expr, time)) for title, expr in _head()}
    share = next(expr for where, expr in asked_by_boards() if "Share of each tier" in where)
    shares = await seen.ask(share.replace("[1m]", f"[{time}]"))
    return Shown(head, {sample.labels["tier"]: sample.value for sample in shares})


def agree(shown: Shown, before: Line, after: Line, *, near: float = 1e-3) -> None:
    """Whether the ledger says the same of what came in between: each series was there before, or
    what is lost of it is no more than `near`."""
    answered, cost = after.answered - before.answered, (after.cost_nano - before.cost_nano) / 1e9
    head = shown.head
    assert head["Steps"] == pytest.approx(answered, rel=NEAR)
    assert head["Known cost"] == pytest.approx(cost, rel=NEAR)
    # of the same scrapes, so that shares are as exact as their parts
    assert head["Cost of a thousand steps"] == pytest.approx(1000 * cost / answered, rel=near)
    escalated, steps = after.escalated - before.escalated, after.steps - before.steps
    assert head["Escalated"] == pytest.approx(escalated / steps, rel=near)
    given = {tier: count - before.answers.get(tier, 0) for tier, count in after.answers.items()}
    assert shown.shares == pytest.approx(
        {tier: count / answered for tier, count in given.items()}, rel=near
    )


def _head() -> Iterator[tuple[str, str]]:
    file = OBSERVABILITY / "grafana" / "dashboards" / "overview.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    for panel in list(panels(told))[:6]:
        if panel["title"] not in ("Right", "Alarms on"):
            yield panel["title"], panel["targets"][0]["expr"]
