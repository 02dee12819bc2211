"""What one entry adds to each tally, and that tallies of parts add up to the tally of all."""

from collections.abc import Iterable
from dataclasses import replace
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.days import day_of
from rungwise.ledger.buckets import bucket_of
from rungwise.ledger.tally import Row, Tallies, outcome_rows, tally
from rungwise.types import Attempt, AttemptState, Baseline, Entry, Outcome, Usage
from tests.ledger.steps import entries
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED

GROUP = (0, "auto", "planning", "anonymous")
PRICED = replace(ENTRY, attempts=(ATTEMPT, JUDGED, replace(BARE, cost_nano=100)))


def test_a_step_counts_once_under_the_rung_that_answered() -> None:
    (row,) = tally([PRICED]).step_tally
    #               steps, answered, labelled, right, escalated, spilled, recalled, cost, unpriced,
    #               of the labelled: cost, right
    assert row == (*GROUP, "t2", 1, 1, 0, 0, 1, 0, 0, 1234 + 70 + 100, 0, 0, 0)
    assert all(type(cell) in (int, str) for cell in row), "Postgres takes no truth for a number"


def test_a_step_with_an_unknown_price_is_unpriced_and_adds_no_cost() -> None:
    (row,) = tally([replace(ENTRY, outcome=Outcome(right=True))]).step_tally
    assert row == (*GROUP, "t2", 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0)


def test_a_rung_counts_under_the_model_it_is_called_by_whatever_its_upstream_says() -> None:
    ids = [replace(ENTRY, attempts=(replace(ATTEMPT, model=f"m-{n}"), BARE)) for n in range(3)]
    tallies = tally(ids, {"t1": "m"})
    assert [row[4:8] for row in tallies.rung_tally] == [
        ("t1", "m", "draft", 3),
        ("t2", "n", "draft", 3),
    ]


def test_a_lost_attempt_counts_as_it_is_told_so_that_any_server_can_strike_it_out() -> None:
    lost = replace(ENTRY, attempts=(replace(ATTEMPT, state="lost", model="unknown"),))
    assert tally([lost], {"t1": "m"}) == tally([lost])


def test_only_drafts_that_could_have_been_refused_count_as_judged() -> None:
    given = replace(BARE, tier="t1", state="released", threshold=None)

    def judged(rungs: tuple[str, ...], draft: Attempt = given) -> tuple[Row, ...]:
        return tally([replace(ENTRY, attempts=(draft,), rungs=rungs)]).judged_tally

    assert judged(("t1",)) == (), "the last rung of a plan, a pinned one"
    assert judged(("t1", "t2")) == ((0, "t1", 1, 0),), "a bar of 0 asks for no number"
    assert judged((), replace(given, threshold=0.8)) == ((0, "t1", 1, 0),), "of an older entry"
    assert judged((), replace(given, state="abandoned")) == ((0, "t1", 1, 1),)
    assert judged(("t1", "t2"), replace(given, state="failed")) == ()
    assert judged(("t1", "t2"), replace(given, role="judge", state="asked")) == ()


def test_a_model_s_id_is_counted_as_it_is_written() -> None:
    odd = replace(ENTRY, attempts=(replace(ATTEMPT, model="m\0" + 999 * "x"),))
    (row,) = tally([odd]).rung_tally
    assert row[5] == "m\ufffd" + 198 * "x"


@pytest.mark.parametrize(("state", "place"), [("spilled", 10), ("recalled", 11)])
def test_steps_that_spilled_or_were_recalled_are_told_apart(
    state: AttemptState, place: int
) -> None:
    entry = replace(PRICED, attempts=(replace(BARE, state=state, cost_nano=0), PRICED.attempts[2]))
    tallies = tally([entry])
    assert tallies.step_tally[0][place] == 1 and sum(tallies.step_tally[0][9:12]) == 1
    assert sum(int(str(row[7])) for row in tallies.rung_tally) == 1, "that rung was not asked"


def test_nobody_answered_counts_under_no_tier() -> None:
    entry = replace(ENTRY, state="exhausted", attempts=(ATTEMPT,), baselines=())
    tallies = tally([entry])
    assert tallies.step_tally == ((*GROUP, "", 1, 0, 0, 0, 1, 0, 0, 1234, 0, 0, 0),)
    assert tallies.time_tally == tallies.baseline_tally == ()


def test_each_attempt_counts_under_its_rung_model_and_role() -> None:
    drafted, judged, answered = tally([PRICED]).rung_tally
    saved = 2000 - 1234
    assert drafted == (
        *(*GROUP, "t1", "m", "draft", 1, 0, 1, 0),
        *(10, 5, 0, 0, 3, 0, 3, 1, 1234, 0, saved, 0.0625, 12.5),
    )
    assert judged == (
        *(*GROUP, "t3", "o", "judge", 1, 0, 0, 0),
        *(20, 0, 0, 0, 1, 0, 0, 0, 70, 0, 0, 0.0, 0.0),
    )
    assert answered[:11] == (*GROUP, "t2", "n", "draft", 1, 1, 0, 0)


def test_a_judge_that_was_abandoned_is_no_doubted_draft() -> None:
    entry = replace(PRICED, attempts=(replace(JUDGED, state="abandoned"), PRICED.attempts[2]))
    tallies = tally([entry])
    assert tallies.step_tally[0][9] == 0 and tallies.rung_tally[0][9] == 0


def test_a_baseline_is_compared_only_where_both_prices_are_known() -> None:
    known, unknown = tally([PRICED]).baseline_tally
    assert known == (*GROUP, "t2", 1, 900, 0, 1404)
    assert unknown == (*GROUP, "t3", 1, 0, 1, 0)
    assert tally([ENTRY]).baseline_tally[0] == (*GROUP, "t2", 1, 0, 1, 0), (
        "its own price is unknown"
    )


def test_latencies_are_of_answered_steps() -> None:
    day, route, step_type, caller = GROUP
    assert tally([replace(PRICED, first_byte_s=None)]).time_tally == (
        (day, route, step_type, "", "t2", bucket_of(0.9), 1, 0),
        (day, "", "", caller, "t2", bucket_of(0.9), 1, 0),
    )


def test_days_are_utc() -> None:
    assert [day_of(at) for at in (0.0, 86399.999, 86400.0)] == [0, 0, 1]


def summed(rows: Iterable[Row], width: int) -> dict[Row, Row]:
    found: dict[Row, Row] = {}
    for row in rows:
        key, numbers = row[:width], row[width:]
        found[key] = tuple(map(add, found[key], numbers)) if key in found else numbers
    return found


@given(entries(), st.integers(0, 8))
def test_tallies_of_parts_add_up_to_the_tally_of_all(found: list[Entry], cut: int) -> None:
    whole, parts = tally(found), (tally(found[:cut]), tally(found[cut:]))
    for name, width in (
        ("step_tally", 5),
        ("rung_tally", 7),
        ("time_tally", 6),
        ("baseline_tally", 5),
        ("shadow_tally", 8),
        ("judged_tally", 2),
        ("task_tally", 3),
        ("doubt_tally", 6),
        ("slot_tally", 4),
        ("slot_latency", 3),
    ):
        rows = getattr(whole, name)
        assert len({row[:width] for row in rows}) == len(rows), "one row for each key"
        each = [row for part in parts for row in getattr(part, name)]
        assert summed(each, width) == summed(rows, width)


MOVED = (("step_tally", 5), ("shadow_tally", 8), ("slot_tally", 4), ("task_tally", 3))


@given(entries(most=1), st.booleans())
def test_what_is_said_later_leads_to_the_tally_of_the_entry_with_it(
    found: list[Entry], right: bool
) -> None:
    for entry in found:
        after = replace(entry, outcome=Outcome(right=right))
        before, changed = tally([entry]), outcome_rows(entry, Outcome(right=right))
        for name, width in MOVED:
            rows = [*getattr(before, name), *getattr(changed, name)]
            assert summed(rows, width) == summed(getattr(tally([after]), name), width)
        assert outcome_rows(after, Outcome(right=right)) == Tallies(), "said twice"


@given(entries())
def test_no_token_and_no_nano_dollar_is_missing_from_the_rungs(found: list[Entry]) -> None:
    rungs = tally(found).rung_tally
    attempts = [attempt for entry in found for attempt in entry.attempts]
    used = sum((attempt.usage for attempt in attempts), Usage())
    tokens = sum(sum(row[11:17]) for row in rungs)  # type: ignore[arg-type]
    assert tokens == used.prompt_tokens + used.completion_tokens
    assert sum(int(str(row[19])) for row in rungs) == sum(a.cost_nano or 0 for a in attempts)
    assert sum(int(str(row[20])) for row in rungs) == sum(a.cost_nano is None for a in attempts)


def test_a_baseline_that_costs_nothing_is_priced() -> None:
    entry = replace(PRICED, baselines=(Baseline(tier="t2", nano=0),))
    assert tally([entry]).baseline_tally == ((*GROUP, "t2", 1, 0, 0, 1404),)


def test_an_audit_is_no_step_and_counts_among_what_its_rungs_did_alone() -> None:
    attempts = (replace(BARE, role="audit", state="asked"), replace(JUDGED, role="comparison"))
    audit = replace(ENTRY, id="a", audits="req_1", state="audited", attempts=attempts, baselines=())
    found = dict(tally([audit]))
    assert list(found) == ["rung_tally"]
    assert [row[6] for row in found["rung_tally"]] == ["audit", "comparison"]


def test_why_a_draft_was_doubted_is_counted_with_the_tokens_it_had_written() -> None:
    assert tally([ENTRY]).doubt_tally == ((*GROUP, "t1", "confidence", 1, 3),)


def test_first_bytes_are_of_answered_steps_that_have_one() -> None:
    day, route, step_type, caller = GROUP
    began = [row for row in tally([PRICED]).time_tally if row[-1]]
    assert began == [
        (day, route, step_type, "", "t2", bucket_of(0.4), 0, 1),
        (day, "", "", caller, "t2", bucket_of(0.4), 0, 1),
    ]


def test_a_slot_is_five_minutes_and_a_label_is_counted_in_that_of_its_answer() -> None:
    late = replace(PRICED, at=3.5 * 300, outcome=Outcome(right=False, at=1e9))
    cost = 1234 + 70 + 100
    assert tally([late]).slot_tally == ((3, "auto", "anonymous", "t2", 1, 1, 1, 1, 0, cost, 0, 3),)
    assert tally([late]).slot_latency == ((3, "auto", bucket_of(0.9) // 12, 1),)


def test_a_step_without_a_task_is_one_of_its_own() -> None:
    cost = 1234 + 70 + 100
    right = replace(PRICED, outcome=Outcome(right=True))
    assert tally([PRICED, right]).task_tally == (
        (0, "auto", "anonymous", 2, 1, 1, 2 * cost, 0, cost, 1),
    )
    assert tally([replace(right, task="t")]).task_tally == (), "see ledger/tasks.py"
