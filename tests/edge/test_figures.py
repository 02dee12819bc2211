"""What do the paths of figures answer, to whom, and to bad questions?"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.edge.places import place_of, shown_place
from rungwise.errors import CallerError
from rungwise.ledger.lines import Report
from rungwise.ledger.listing import Place
from rungwise.ledger.report import read_report
from rungwise.ledger.shown import as_json
from rungwise.ledger.sql import SqlLedger
from rungwise.store import tables
from rungwise.store.sql import Store
from rungwise.store.statements import insert_rows
from rungwise.types import Baseline, Outcome
from tests.edge.doubles import client
from tests.edge.looking import NOW, OWNER, STEP, TEAM, looked_at, opened, steps, write

pytestmark = pytest.mark.anyio

SLOT = int(NOW // 300)


async def got(store: Store, path: str, key: dict[str, str] = OWNER, status: int = 200) -> Any:
    async with client(looked_at(store)) as http:
        answer = await http.get(path, headers=key)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_answers_are_listed_newest_first_and_page_by_page(tmp_path: Path) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, steps(120))
        seen: list[str] = []
        path = "/v1/answers?limit=50"
        while True:
            told = await got(store, path)
            seen += [row["id"] for row in told["data"]]
            if told["next"] is None:
                break
            path = f"/v1/answers?limit=50&before={told['next']}"
    assert seen == [f"req_{n:05}" for n in reversed(range(120))]


async def test_a_listed_answer_is_told_in_short(tmp_path: Path) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [replace(STEP, outcome=Outcome(right=True), task="t-1")])
        (row,) = (await got(store, "/v1/answers"))["data"]
    assert row == {
        "id": "req_1",
        "object": "answer",
        "at": NOW - 10,
        "caller": "team",
        "route": "auto",
        "step_type": "planning",
        "state": "answered",
        "tier": "tier1",
        "model": "demo-bottom",
        "stream": False,
        "latency_ms": 1000.0,
        "first_byte_ms": 500.0,
        "cost_usd": 0.0000015,
        "tried": [{"tier": "tier1", "state": "released", "confidence": 0.97, "threshold": 0.9}],
        "outcome": {"right": True, "source": "caller"},
        "task": "t-1",
        "audits": None,
    }


async def test_a_key_that_does_not_see_all_sees_its_own_alone(tmp_path: Path) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [STEP, replace(STEP, id="req_2", caller="other")])
        own = await got(store, "/v1/answers", TEAM)
        assert (own["of"], [row["id"] for row in own["data"]]) == ("team", ["req_1"])
        assert (await got(store, "/v1/answers?key=team", TEAM))["data"] == own["data"]
        refused = await got(store, "/v1/answers?key=other", TEAM, 403)
        assert refused["error"]["code"] == "sees_own_only"
        every = await got(store, "/v1/answers")
        assert every["of"] is None and len(every["data"]) == 2
        await got(store, "/v1/answers/req_2", TEAM, 404)
        assert (await got(store, "/v1/answers/req_2"))["caller"] == "other"


async def test_an_audit_is_listed_on_wish_and_told_to_the_owner_alone(tmp_path: Path) -> None:
    audit = replace(STEP, id="req_2", state="audited", audits="req_1", plan_why="agreed: so")
    said = ("req_1", "audit", NOW, "team", True, None, None, False, None, True)
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [STEP, audit])
        await store.write(lambda c: insert_rows(c, tables.outcome, [said]))
        for wanted, ids in (("none", ["req_1"]), ("only", ["req_2"]), ("any", ["req_2", "req_1"])):
            told = await got(store, f"/v1/answers?audits={wanted}")
            assert [row["id"] for row in told["data"]] == ids
        (found,) = (await got(store, "/v1/answers/req_1"))["audited_by"]
        assert (found["id"], found["agreed"], len(found["attempts"])) == ("req_2", True, 1)
        own = await got(store, "/v1/answers/req_1", TEAM)
        assert own["audited_by"] == [] and own["outcomes"][0]["source"] == "audit"
        await got(store, "/v1/answers/req_2", TEAM, 404)


@pytest.mark.parametrize("wanted", ["only", "any"])
async def test_audits_of_ones_own_answers_are_the_owners_to_list(
    tmp_path: Path, wanted: str
) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [STEP, replace(STEP, id="req_2", state="audited", audits="req_1")])
        refused = await got(store, f"/v1/answers?audits={wanted}", TEAM, 403)
        own = await got(store, "/v1/answers?audits=none", TEAM)
    assert (refused["error"]["code"], refused["error"]["param"]) == ("sees_own_only", "audits")
    assert [row["id"] for row in own["data"]] == ["req_1"]


async def test_each_audit_tells_its_own_finding(tmp_path: Path) -> None:
    found = {"req_2": "agreed: both say the same", "req_3": "failed: tier2 gave no answer"}
    found |= {"req_4": "disagreed: they differ", "req_5": "undecided: one of the two declined"}
    audits = [
        replace(STEP, id=id, state="audited", audits="req_1", plan_why=why)
        for id, why in found.items()
    ]
    said = ("req_1", "audit", NOW, "team", False, None, None, False, None, True)
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [STEP, *audits])
        await store.write(lambda c: insert_rows(c, tables.outcome, [said]))
        told = (await got(store, "/v1/answers/req_1"))["audited_by"]
    agreed = {audit["id"]: audit["agreed"] for audit in told}
    assert agreed == {"req_2": True, "req_3": None, "req_4": False, "req_5": None}


async def test_only_the_groups_that_are_told_are_shaped_and_never_on_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaped: list[tuple[int, bool]] = []

    def noted(told: Report) -> dict[str, object]:
        shaped.append((len(told.lines), threading.current_thread() is threading.main_thread()))
        return as_json(told)

    monkeypatch.setattr("rungwise.ledger.shown.as_json", noted)
    async with opened(Store(tmp_path / "l.db")) as store:
        ledger = SqlLedger(store)
        for number in range(5):
            await ledger.record(replace(STEP, id=str(number), caller=f"k{number}"))
        told = await got(store, "/v1/figures?by=key&limit=2")
    assert (len(told["groups"]), told["left_out"], told["all"]["steps"]) == (2, 3, 5)
    assert shaped == [(2, False)]


async def test_figures_are_the_reports_own_and_of_ones_own_steps(tmp_path: Path) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        ledger = SqlLedger(store)
        for caller, route in (("team", "auto"), ("team", "tier2"), ("other", "auto")):
            await ledger.record(replace(STEP, id=f"{caller}{route}", caller=caller, route=route))
        told = await got(store, "/v1/figures?days=1&by=route")
        left = await got(store, "/v1/figures?limit=1&by=key,route&since=2025-11-01")
        before = await got(store, "/v1/figures?until=2025-11-25")
        own = await got(store, "/v1/figures?by=key", TEAM)
        by_route = await got(store, "/v1/figures?by=route", TEAM)
        report = as_json(read_report(tmp_path / "l.db", ("route",)))
    assert {name: told[name] for name in report} == report
    assert (told["object"], told["of"], told["since"]) == ("figures", None, "2025-11-26")
    assert [(line["route"], line["steps"]) for line in told["groups"]] == [
        ("auto", 2),
        ("tier2", 1),
    ]
    assert (len(left["groups"]), left["left_out"], left["since"]) == (1, 2, "2025-11-01")
    assert before["groups"] == [] and before["all"]["steps"] == 0
    (line,) = own["groups"]
    assert (own["of"], line["key"], line["steps"]) == ("team", "team", 2)
    assert own["all"]["steps"] == 2 and own["all"]["p95_ms"] is not None
    assert own["idle"] == own["audits"] == [] and own["audited"] is None
    assert by_route["groups"][0]["p95_ms"] is None is not by_route["all"]["p95_ms"]


async def test_a_step_that_was_recorded_is_in_the_series_at_once(tmp_path: Path) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        ledger = SqlLedger(store)
        await ledger.record(STEP)
        await ledger.label("req_1", Outcome(right=True))
        for window in ("3h", "1d", "2w"):
            told = await got(store, f"/v1/series?window={window}")
            last = {name: told[name][-1] for name in ("steps", "answered", "labelled", "right")}
            assert set(last.values()) == {1} and told["routes"] == ["auto"]
            assert told["answers"]["tier1"][-1] == 1 and 800 < told["p50_ms"][-1] < 1200


async def test_series_sum_the_slots_of_every_stretch(tmp_path: Path) -> None:
    rows = [
        (SLOT, "auto", "team", "tier1", 3, 2, 1, 2, 1, 5_000_000_000, 0, 7),
        (SLOT, "tier2", "other", "tier2", 1, 1, 0, 0, 0, 1_000_000_000, 1, 0),
        (SLOT - 35, "auto", "team", "", 1, 0, 0, 0, 0, 0, 0, 0),
        (SLOT - 36, "auto", "team", "tier1", 9, 9, 9, 9, 9, 9, 9, 9),
    ]
    async with opened(Store(tmp_path / "l.db")) as store:
        await store.write(lambda c: insert_rows(c, tables.slot_tally, rows))
        await store.write(
            lambda c: insert_rows(
                c, tables.slot_latency, [(SLOT, "auto", 58, 9), (SLOT, "a", 64, 1)]
            )
        )
        told = await got(store, "/v1/series")
        assert len(told["at"]) == len(told["p95_ms"]) == 36 and told["slot_s"] == 300
        assert told["at"][-1] == SLOT * 300
        assert (told["steps"][0], told["steps"][-1], sum(told["steps"])) == (1, 4, 5)
        assert told["answers"] == {"tier1": [0] * 35 + [2], "tier2": [0] * 35 + [1]}
        assert told["cost_usd"][-1] == 6.0 and told["abandoned_tokens"][-1] == 7
        assert told["p50_ms"][0] is None
        assert 700 < told["p50_ms"][-1] < 900 < 2800 < told["p95_ms"][-1] < 3400
        only = await got(store, "/v1/series?window=1d&route=tier2")
        assert sum(only["steps"]) == 1 and only["p50_ms"][-1] is None
        own = await got(store, "/v1/series?window=2w", TEAM)
        assert (len(own["at"]), own["slot_s"], sum(own["steps"])) == (336, 3600, 13)
        assert set(own["p50_ms"]) == {None}


async def test_a_stretch_in_which_nothing_has_a_price_has_no_cost(tmp_path: Path) -> None:
    costs = {0: (2, 0, 2), 1: (2, 7_000_000_000, 1), 2: (2, 0, 0)}
    rows = [
        (SLOT - ago, "auto", "team", "tier1", steps, steps, 0, 0, 0, nano, unpriced, 0)
        for ago, (steps, nano, unpriced) in costs.items()
    ]
    async with opened(Store(tmp_path / "l.db")) as store:
        await store.write(lambda c: insert_rows(c, tables.slot_tally, rows))
        told = await got(store, "/v1/series")
    assert told["cost_usd"] == [0.0] * 34 + [7.0, None]
    assert told["unpriced"] == [0] * 34 + [1, 2]


async def test_figures_of_steps_without_a_price_tell_no_money(tmp_path: Path) -> None:
    attempts = tuple(replace(one, cost_nano=None) for one in STEP.attempts)
    unpriced = replace(STEP, attempts=attempts, baselines=(Baseline(tier="t3", nano=None),))
    async with opened(Store(tmp_path / "l.db")) as store:
        await SqlLedger(store).record(unpriced)
        (line,) = (await got(store, "/v1/figures"))["groups"]
    assert (line["cost_usd"], line["unpriced"], line["rungs"][0]["cost_usd"]) == (None, 1, None)
    none = {"would_have_cost_usd": None, "did_cost_usd": None, "saved": None}
    assert line["against"] == {"t3": {"answers": 0, **none}}


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("figures?by=colour", "by"),
        ("figures?by=route,route", "by"),
        ("figures?days=0", "days"),
        ("figures?days=-1", "days"),
        ("figures?days=1e3", "days"),
        ("figures?days=²", "days"),
        ("figures?days=99999999999999999999", "days"),
        ("figures?days=7&since=2026-11-01", "days"),
        ("figures?since=yesterday", "since"),
        ("figures?until=2026-13-01", "until"),
        ("figures?limit=0", "limit"),
        ("figures?colour=red", "colour"),
        ("figures?by=route&by=key", "by"),
        ("series?window=1y", "window"),
        ("series?route=" + "x" * 201, "route"),
        ("series?route=%00", "route"),
        ("answers?limit=201", "limit"),
        ("answers?limit=fifty", "limit"),
        ("answers?before=req_1", "before"),
        ("answers?before=%ff%fe", "before"),
        ("answers?before=bmFuLHJlcV8x", "before"),  # nan,req_1
        ("answers?state=gone", "state"),
        ("answers?step_type=cooking", "step_type"),
        ("answers?outcome=maybe", "outcome"),
        ("answers?audits=1", "audits"),
        ("answers?task=%0a", "task"),
        ("alarms?limit=x", "limit"),
        ("gpus?x=1", "x"),
        ("ladder?x=1", "x"),
        ("calibrations?x=1", "x"),
    ],
)
async def test_a_bad_parameter_is_named_with_its_value_and_what_it_may_be(
    tmp_path: Path, path: str, param: str
) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        error = (await got(store, f"/v1/{path}", status=400))["error"]
    assert (error["param"], error["code"]) == (param, "bad_parameter")
    assert param in error["message"] and len(error["message"]) < 400


@pytest.mark.parametrize(
    "name", ["' or 1=1 --", "<script>", "%", "_", "ü", "\U0001f600", "a\ufffdb"]
)
async def test_hostile_names_find_nothing(tmp_path: Path, name: str) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [STEP])
        async with client(looked_at(store)) as http:
            for parameter in ("route", "tier", "key", "task"):
                answer = await http.get("/v1/answers", params={parameter: name}, headers=OWNER)
                assert answer.status_code == 200 and answer.json()["data"] == []


PATHS = ("figures", "series", "answers", "answers/req_1", "calibrations")


@pytest.mark.parametrize("path", PATHS)
async def test_a_store_that_is_gone_is_a_503(tmp_path: Path, path: str) -> None:
    told = await got(Store(tmp_path / "never started"), f"/v1/{path}", status=503)
    assert told["error"]["code"] == "store_error"


async def test_a_store_that_another_writes_to_is_read_all_the_same(tmp_path: Path) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [STEP])
        other = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
        other.execute("begin immediate")
        try:
            told = await asyncio.gather(*(got(store, f"/v1/{path}") for path in PATHS))
        finally:
            other.close()
    assert len(told[2]["data"]) == 1


@given(
    st.builds(
        Place,
        at=st.floats(allow_nan=False, allow_infinity=False),
        id=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=100),
    )
)
def test_a_place_is_read_as_it_was_told(place: Place) -> None:
    assert place_of(shown_place(place)) == place


@given(st.text(max_size=200))
def test_any_other_cursor_is_refused_or_is_a_place(told: str) -> None:
    try:
        place_of(told)
    except CallerError as error:
        assert error.param == "before"


async def test_half_a_surrogate_pair_never_gets_into_what_is_told(tmp_path: Path) -> None:
    odd = "odd\ud800"
    attempts = tuple(replace(one, model=odd, reason=odd) for one in STEP.attempts)
    entry = replace(STEP, task=odd, plan_why=odd, conversation=odd, attempts=attempts)
    async with opened(Store(tmp_path / "l.db")) as store:
        await SqlLedger(store).record(entry)
        (row,) = (await got(store, "/v1/answers"))["data"]
        whole = await got(store, "/v1/answers/req_1")
        (group,) = (await got(store, "/v1/figures"))["groups"]
    assert row["task"] == row["model"] == whole["plan"] == whole["attempts"][0]["reason"] == "odd?"
    assert group["rungs"][0]["model"] == "odd?"
