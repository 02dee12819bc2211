"""What may be said of an answer over HTTP, what is refused, and what is it told?"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI

from rungwise.access.static import StaticKeyring
from rungwise.config import OutcomesConfig, ServerConfig
from rungwise.edge.app import make_app
from rungwise.edge.body import BodyLimits
from rungwise.edge.door import OUTCOMES
from rungwise.edge.outcomes import MOST, Hears, OutcomeRoutes
from rungwise.ledger.sql import SqliteLedger, SqlLedger
from rungwise.types import Caller, Outcome
from tests.edge.doubles import NoLedger, ScriptedCascade, client, ladder, rendered, serving
from tests.ledger.test_sql import BARE, ENTRY

pytestmark = pytest.mark.anyio

STEP = replace(ENTRY, attempts=(replace(BARE, cost_nano=100),), task="t-1")
CONFIG = OutcomesConfig(right_reward=0.7, labels={"good": True, "bad": False})


class OneKey(StaticKeyring):
    """Knows one caller, whatever the key."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(["k"])
        self._caller = caller

    def identify(self, secret: str | None) -> Caller:
        super().identify("k")
        return self._caller


def app_of(ledger: Hears, caller: Caller | None = None, config: OutcomesConfig = CONFIG) -> FastAPI:
    limits = BodyLimits(most_bytes=2**20, stall_s=5.0)
    routes = OutcomeRoutes(ledger, config, limits=limits, unix=lambda: 1000.0)
    served = make_app(
        cascade=ScriptedCascade(),
        ladder=ladder(),
        ledger=NoLedger(),
        keyring=StaticKeyring(()) if caller is None else OneKey(caller),
        config=ServerConfig(),
        render_metrics=lambda: rendered(b"", "text/plain"),
        new_id=lambda: "req_x",
    )
    served.router.routes[:] = [
        r for r in served.router.routes if getattr(r, "path", "") != OUTCOMES
    ]
    served.add_route(OUTCOMES, routes.say, methods=["POST"])
    return served


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    ledger = SqliteLedger(tmp_path / "l.db")
    await ledger.start()
    for number in range(1, 4):
        await ledger.record(replace(STEP, id=f"req_{number}", task=f"t-{number}"))
    yield ledger
    await ledger.stop()


async def say(served: FastAPI, **body: Any) -> httpx.Response:
    async with client(served) as http:
        return await http.post(OUTCOMES, json=body)


async def refused(served: FastAPI, **body: Any) -> dict[str, Any]:
    response = await say(served, **body)
    assert response.status_code == 400, response.text
    told: dict[str, Any] = response.json()["error"]
    assert told["type"] == "invalid_request_error"
    return told


async def test_an_outcome_is_heard_and_told_what_became_of_it(ledger: SqlLedger) -> None:
    served = app_of(ledger)
    response = await say(served, answer="req_1", right=True)
    told = {"id": "req_1", "object": "outcome", "of": "answer", "right": True, "source": "caller"}
    assert response.status_code == 200
    assert response.json() == {**told, "counted": True, "changed": True}
    assert (await say(served, answer="req_1", right=True)).json()["changed"] is False
    found = await ledger.find("req_1")
    assert found is not None and found.outcome == Outcome(right=True)


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ({"right": False}, False),
        ({"reward": 0.7}, True),
        ({"reward": 0.69}, False),
        ({"reward": 1}, True),
        ({"label": "good"}, True),
        ({"label": "bad", "reward": 0.1, "right": False, "corrected": "4"}, False),
        ({"label": "so-so", "right": True}, True),
        ({"corrected": "it is 4"}, False),
        ({"right": True, "source": "checker"}, True),
    ],
)
async def test_whatever_is_said_comes_to_right_or_wrong(
    ledger: SqlLedger, body: dict[str, Any], right: bool
) -> None:
    response = await say(app_of(ledger), answer="req_1", **body)
    assert response.status_code == 200 and response.json()["right"] is right


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"right": True, "corrected": "4"}, "corrected", "right says right, corrected says wrong"),
        ({"right": True, "reward": 0.2}, "reward", "right says right, reward says wrong"),
        ({"right": False, "label": "good"}, "label", "right says wrong, label says right"),
        ({"reward": 0.9, "label": "bad"}, "label", "reward says right, label says wrong"),
        ({"reward": 0.9, "corrected": "4"}, "corrected", "reward says right"),
        ({}, "right", "nothing says whether it was right"),
        ({"label": "so-so"}, "right", "bad, good"),
        ({"right": 1}, "right", "boolean"),
        ({"right": "yes"}, "right", "boolean"),
        ({"reward": 1.01}, "reward", "less than or equal to 1"),
        ({"reward": -0.1}, "reward", "greater than or equal to 0"),
        ({"reward": True}, "reward", "number"),
        ({"right": True, "label": "x" * 81}, "label", "1 to 80"),
        ({"right": True, "label": "a\nb"}, "label", "printable"),
        ({"right": True, "label": ""}, "label", "1 to 80"),
        ({"corrected": "x" * 65_537}, "corrected", "65,536"),
        ({"right": True, "source": "audit"}, "source", "'caller' or 'checker'"),
        ({"right": True, "source": "golden"}, "source", "'caller' or 'checker'"),
        ({"right": True, "user": "me"}, "user", "unknown field"),
        ({"right": True, "task": "t-1"}, "answer", "one answer, or one task"),
        ({"right": True, "answer": ""}, "answer", "1 to 255"),
        ({"right": True, "answer": "a\0"}, "answer", "printable"),
        ({"right": True, "answer": 7}, "answer", "string"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_field_and_changes_nothing(
    ledger: SqlLedger, body: dict[str, Any], param: str, words: str
) -> None:
    told = await refused(app_of(ledger), **{"answer": "req_1", **body})
    assert told["param"] == param and words in told["message"]
    found = await ledger.find("req_1")
    assert found is not None and found.outcome is None


async def test_an_unknown_answer_or_task_and_another_callers_are_not_found(
    ledger: SqlLedger,
) -> None:
    other = app_of(ledger, Caller(name="other"))
    for served, body, what in (
        (app_of(ledger), {"answer": "req_9"}, "answer"),
        (app_of(ledger), {"task": "t-9"}, "task"),
        (other, {"answer": "req_1"}, "answer"),
        (other, {"task": "t-1"}, "task"),
    ):
        response = await say(served, right=True, **body)
        assert response.status_code == 404
        assert response.json()["error"] | {"message": ""} == {
            "message": "",
            "type": "invalid_request_error",
            "param": what,
            "code": f"{what}_not_found",
        }


async def test_a_key_that_sees_all_cannot_change_what_is_said_of_anothers_answer(
    ledger: SqlLedger,
) -> None:
    await say(app_of(ledger), answer="req_1", right=True)
    served = app_of(ledger, Caller(name="scraper", sees_all=True))
    for source in ("caller", "checker"):
        response = await say(served, answer="req_1", right=False, source=source)
        assert response.status_code == 404
    found = await ledger.find("req_1")
    assert found is not None and found.outcome == Outcome(right=True)


async def test_a_key_whose_word_does_not_count_is_told_so(ledger: SqlLedger) -> None:
    served = app_of(ledger, Caller(name="anonymous", outcomes_count=False))
    told = (await say(served, answer="req_1", right=True)).json()
    assert (told["counted"], told["changed"]) == (False, True)


async def test_a_task_is_spoken_of_by_the_name_its_steps_were_given(ledger: SqlLedger) -> None:
    told = (await say(app_of(ledger), task="t-2", right=False)).json()
    assert (told["id"], told["of"], told["right"]) == ("t-2", "task", False)


async def test_of_a_list_each_has_its_own_result_and_nothing_is_lost(ledger: SqlLedger) -> None:
    items: list[Any] = [
        {"answer": "req_1", "right": True},
        {"answer": "req_9", "right": True},
        {"answer": "req_2", "right": True, "corrected": "4"},
        {"answer": "req_2", "reward": "high"},
        {"task": "t-3", "reward": 0.9},
        {"answer": "req_1", "right": True},
        {},
    ]
    response = await say(app_of(ledger), outcomes=items)
    assert response.status_code == 200 and response.json()["object"] == "list"
    data = response.json()["data"]
    assert [told["object"] for told in data] == [
        *("outcome", "error", "error", "error", "outcome", "outcome", "error")
    ]
    assert [told["error"]["param"] for told in data if "error" in told] == [
        *("answer", "outcomes[2].corrected", "outcomes[3].reward", "outcomes[6].answer")
    ]
    assert data[5]["changed"] is False


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"outcomes": []}, "outcomes"),
        ({"outcomes": [{"answer": "req_1", "right": True}] * (MOST + 1)}, "outcomes"),
        ({"outcomes": [1]}, "outcomes[0]"),
        ({"outcomes": {}}, "outcomes"),
        ({"outcomes": [{"answer": "req_1", "right": True}], "right": True}, "right"),
    ],
)
async def test_a_list_that_is_none_is_refused(
    ledger: SqlLedger, body: dict[str, Any], param: str
) -> None:
    assert (await refused(app_of(ledger), **body))["param"] == param


@pytest.mark.parametrize("keep", [False, True])
async def test_a_correction_is_kept_only_where_the_owner_wants_it(
    ledger: SqlLedger, tmp_path: Path, keep: bool
) -> None:
    served = app_of(ledger, config=OutcomesConfig(keep_corrections=keep))
    await say(served, answer="req_1", corrected="it is \x00 4")
    with closing(sqlite3.connect(tmp_path / "l.db")) as db:
        ((corrected, text),) = db.execute("select corrected, correction from outcome")
    assert corrected == 1 and (text == "it is \ufffd 4" if keep else text is None)


async def test_a_body_is_read_within_the_houses_limits(ledger: SqlLedger) -> None:
    async with client(app_of(ledger)) as http:
        as_text = await http.post(OUTCOMES, content=b"{}")
        assert as_text.status_code == 415
        huge = await http.post(OUTCOMES, json={"answer": "a", "corrected": "x" * 2**21})
        assert huge.status_code == 413
        broken = await http.post(
            OUTCOMES, content=b'{"answer": NaN', headers={"content-type": "application/json"}
        )
        assert broken.status_code == 400 and broken.json()["error"]["code"] == "invalid_json"
        assert (await http.get(OUTCOMES)).status_code == 405


async def test_a_ledger_that_is_gone_is_a_503_of_its_own_kind(tmp_path: Path) -> None:
    response = await say(app_of(SqliteLedger(tmp_path / "l.db")), answer="req_1", right=True)
    assert response.status_code == 503 and response.json()["error"]["code"] == "store_error"


async def test_during_a_drain_outcomes_are_still_taken(ledger: SqlLedger) -> None:
    served = app_of(ledger)
    served.state.closing.begin(10.0)
    assert (await say(served, answer="req_1", right=True)).status_code == 200
    assert served.state.closing.open == 0


async def test_ten_thousand_outcomes_at_once_are_all_taken(ledger: SqlLedger) -> None:
    ids = [f"req_{n + 10}" for n in range(2000)]
    await asyncio.gather(*(ledger.record(replace(STEP, id=id)) for id in ids))
    served = app_of(ledger)
    lists = [[{"answer": id, "right": True} for id in ids[n : n + 1000]] for n in (0, 1000)]
    async with client(served) as http:
        posts = [http.post(OUTCOMES, json={"outcomes": told}) for told in lists * 4]
        posts += [http.post(OUTCOMES, json={"answer": id, "right": True}) for id in ids]
        ends = await asyncio.gather(*posts)
    assert {response.status_code for response in ends} == {200}
    changed = sum(told["changed"] for end in ends[:8] for told in end.json()["data"])
    changed += sum(end.json()["changed"] for end in ends[8:])
    assert changed == 2000, "each is new once"


async def test_the_clients_of_the_readme_are_heard(ledger: SqlLedger) -> None:
    async with serving(app_of(ledger)) as port:
        url, id = f"http://127.0.0.1:{port}", "req_1"

        def by_httpx() -> dict[str, Any]:
            told = httpx.post(f"{url}/v1/outcomes", json={"answer": id, "right": True})
            found: dict[str, Any] = told.json()
            return found

        assert (await asyncio.to_thread(by_httpx))["changed"]
        sdk = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
        body = {"answer": id, "right": False}
        told: Any = await sdk.post("/outcomes", body=body, cast_to=object)
        assert told["changed"] and not told["right"]
        await sdk.close()
        curl = await asyncio.create_subprocess_exec(
            *("curl", "-s", f"{url}/v1/outcomes", "-H", "content-type: application/json"),
            *("-d", json.dumps({"task": "t-1", "reward": 0.9})),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await curl.communicate()
        assert json.loads(said)["of"] == "task"
