"""Money that nobody knows is told as such, and never as 0: in JSON, in CSV and in the table."""

import csv
import io
from typing import Any

from rungwise.ledger.lines import Against, Audits, Line, Looked, Report, Rung, Tasks
from rungwise.ledger.shown import as_csv, as_json, as_table

NANO = 1_000_000


def rung(attempts: int, unpriced: int) -> Rung:
    cost = (attempts - unpriced) * NANO
    return Rung(
        tier="t1", model="m", attempts=attempts, released=attempts, prompt_tokens=100,
        cached_tokens=50, completion_tokens=10, abandoned_tokens=0, cost_nano=cost,
        unpriced=unpriced, saved_nano=cost, engine_s=0.0, joules=0.0,
    )  # fmt: skip


def report(steps: int, unpriced: int, **more: Any) -> Report:
    """Of one route, each step of which is one attempt; and as many audits, as well known."""
    cost = (steps - unpriced) * NANO
    given: dict[str, Any] = {"steps": steps, "answered": steps, "unpriced": unpriced}
    given |= {"cost_nano": cost, "rungs": (rung(steps, unpriced),), **more}
    looked = Looked(
        tier="t1", model="m", role="audit", attempts=steps, prompt_tokens=0, completion_tokens=0,
        cost_nano=cost, unpriced=unpriced,
    )  # fmt: skip
    line = Line(key=("auto",), **given)
    audits = Audits(rungs=(looked,))
    return Report(by=("route",), all=Line(key=(), **given), lines=(line,), idle=(), audits=audits)


def sums(told: Report) -> list[object]:
    """Every sum of money of a report, but for its baselines'."""
    shown: Any = as_json(told)
    groups = (shown["all"], *shown["groups"], *shown["all"]["rungs"])
    money = [line[name] for line in groups for name in ("cost_usd", "cache_saved_usd")]
    return [*money, shown["audits"][0]["cost_usd"], shown["audited"]["cost_usd"]]


def test_where_nothing_has_a_price_no_sum_is_known() -> None:
    assert set(sums(report(5, 5))) == {None}


def test_where_some_have_a_price_their_sum_is_told_and_how_many_it_lacks() -> None:
    told = report(5, 3)
    assert set(sums(told)) == {0.002}
    shown: Any = as_json(told)
    assert shown["all"]["unpriced"] == shown["audited"]["unpriced"] == 3


def test_what_cost_nothing_and_where_nothing_was_asked_is_0() -> None:
    shown: Any = as_json(report(5, 0, cost_nano=0))
    assert shown["all"]["cost_usd"] == 0.0
    assert set(sums(report(0, 0))) == {0.0}


def test_a_baseline_without_a_compared_answer_has_no_sums() -> None:
    against = {"t2": Against(), "t3": Against(answers=2, nano=4 * NANO, cost_nano=NANO)}
    against["free"] = Against(answers=2, cost_nano=NANO)
    shown: Any = as_json(report(5, 3, against=against))
    told = {tier: tuple(one.values()) for tier, one in shown["all"]["against"].items()}
    assert told == {
        "t2": (0, None, None, None),
        "t3": (2, 0.004, 0.001, 0.75),
        "free": (2, 0.0, 0.001, None),
    }
    table = as_table(report(5, 3, against=against))
    assert "against all-t2: unknown, for no answer has a price both there and here" in table
    assert "against all-free: 0.0010000 USD instead of 0.0000000 for 2 answers" in table
    assert "against all-t3: 75% saved, 0.0010000 USD instead of 0.0040000" in table


def test_a_csv_leaves_empty_and_a_table_dashes_what_nobody_knows() -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv(report(5, 5))))
    assert row["cost_usd"] == row["cache_saved_usd"] == "" and row["unpriced"] == "5"
    table = as_table(report(5, 5))
    assert table.count("- (5 ?)") == 3, "of the route, of all, and of the rung"
    assert "for - USD (5 ?)" in table
    assert "0.0000" not in table
    some = as_table(report(5, 3))
    assert "0.002000 (3 ?)" in some and "for 0.0020000 USD (3 ?)" in some


def test_a_task_with_a_step_of_unknown_price_costs_what_nobody_knows() -> None:
    told: Any = as_json(report(10, 1, tasks=Tasks(tasks=1, unpriced=1)))["all"]
    assert told["cost_per_task_usd"] is None and told["cost_per_step_usd"] == 0.001
