"""What is a caller told of an answer afterwards, and what never?"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from rungwise.access.free import FreePurse
from rungwise.access.static import StaticKeyring
from rungwise.build.routing import build_routing
from rungwise.cache.off import NoCache
from rungwise.cascade import Cascade
from rungwise.config import RoutingConfig, ServerConfig
from rungwise.edge.app import make_app
from rungwise.ledger.sql import SqliteLedger
from rungwise.store.sql import Store
from rungwise.story import Clock
from rungwise.tiers.scripted import ScriptedTier, fail, say
from rungwise.types import (
    Attempt,
    AttemptState,
    Confidence,
    Entry,
    Forecast,
    Outcome,
    Reading,
    Shadow,
    StepType,
    TierFault,
    Usage,
)
from rungwise.verify.checks import Checks
from tests.edge.doubles import ATTEMPT, NoLedger, app, client, rendered
from tests.edge.looking import OWNER, TEAM, looked_at, opened, write

pytestmark = pytest.mark.anyio

DOUBTED = replace(
    ATTEMPT,
    state="abandoned",
    reason="p 0.41 < 0.90",
    confidence=Confidence(probability=0.41, calibration="c"),
)
JUDGE = Attempt(
    tier="tier3",
    model="judge",
    state="failed",
    reason="no answer within 10 s",
    fault="timeout",
    usage=Usage(input=20, cache_write_5m=4, estimated=True),
    cost_nano=None,
    started_s=0.75,
    first_piece_s=None,
    ended_s=1.0,
    role="judge",
)
RELEASED = replace(ATTEMPT, tier="tier2", model="org/mid", started_s=1.0, ended_s=2.5)
ENTRY = Entry(
    id="req_7",
    at=1700000000.25,
    caller="anonymous",
    route="auto",
    step_type=StepType.PLANNING,
    plan_why="planning starts at tier1",
    attempts=(DOUBTED, JUDGE, RELEASED),
    state="answered",
    first_byte_s=1.5,
    latency_s=2.5,
    outcome=Outcome(right=True, source="checker"),
    rungs=("tier1", "tier2"),
    forecasts=(
        Forecast(tier="tier1", probability=0.625),
        Forecast(tier="tier2", probability=0.875),
    ),
    shadow=Shadow(router="pays", rungs=("tier2",), why="pays: tier2 (p .88)"),
    conversation="0123456789abcdef",
    sketch=b"sketch",
)


async def told_of(entry: Entry) -> dict[str, Any]:
    async with client(app(ledger=NoLedger(entry))) as http:
        answer = await http.get(f"/v1/answers/{entry.id}")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


async def test_an_answer_is_told_whole() -> None:
    told = await told_of(ENTRY)
    first, judge, last = told.pop("attempts")
    assert told == {
        "id": "req_7",
        "object": "answer",
        "at": 1700000000.25,
        "caller": "anonymous",
        "route": "auto",
        "step_type": "planning",
        "task": None,
        "audits": None,
        "plan": "planning starts at tier1",
        "rungs": ["tier1", "tier2"],
        "forecasts": {"tier1": 0.625, "tier2": 0.875},
        "shadow": {"router": "pays", "rungs": ["tier2"], "why": "pays: tier2 (p .88)"},
        "stream": False,
        "state": "answered",
        "tier": "tier2",
        "latency_ms": 2500.0,
        "first_byte_ms": 1500.0,
        "usage": {
            "input": 34,
            "cache_read": 6,
            "cache_write_5m": 4,
            "cache_write_1h": 0,
            "output": 10,
            "reasoning": 4,
            "estimated": True,
        },
        "cost_usd": None,
        "baselines_usd": {},
        "outcome": {"right": True, "source": "checker"},
        "outcomes": [
            {
                "source": "checker",
                "right": True,
                "at": None,
                "label": None,
                "reward": None,
                "corrected": False,
                "counted": True,
            }
        ],
        "audited_by": [],
    }
    assert first == {
        "role": "draft",
        "tier": "tier1",
        "model": "demo-bottom",
        "state": "abandoned",
        "reason": "p 0.41 < 0.90",
        "fault": None,
        "readings": {"mean_logprob": -0.5},
        "confidence": {"probability": 0.41, "calibration": "c"},
        "threshold": 0.9,
        "verdict": "escalated",
        "usage": {
            "input": 7,
            "cache_read": 3,
            "cache_write_5m": 0,
            "cache_write_1h": 0,
            "output": 5,
            "reasoning": 2,
            "estimated": False,
        },
        "cost_usd": 0.0000015,
        "started_ms": 250.0,
        "first_piece_ms": 500.0,
        "ended_ms": 1000.0,
        "engine_s": 0.75,
        "joules": None,
        "billed_as": None,
        "fingerprint": None,
        "cost_without_prompt_cache_usd": None,
    }
    assert (judge["role"], judge["fault"], judge["verdict"]) == ("judge", "timeout", None)
    assert judge["cost_usd"] is judge["first_piece_ms"] is judge["confidence"] is None
    assert (last["tier"], last["verdict"]) == ("tier2", "accepted")


@pytest.mark.parametrize("state", get_args(AttemptState))
async def test_the_verdict_follows_from_how_the_attempt_ended(state: AttemptState) -> None:
    told = await told_of(replace(ENTRY, attempts=(replace(ATTEMPT, state=state),)))
    accepted = state in ("released", "left", "broken_off")
    expected = "accepted" if accepted else "escalated" if state == "abandoned" else None
    assert told["attempts"][0]["verdict"] == expected


async def test_what_nobody_foresaw_is_empty_and_where_no_shadow_planned_it_is_null() -> None:
    told = await told_of(replace(ENTRY, rungs=(), forecasts=(), shadow=None))
    assert (told["rungs"], told["forecasts"], told["shadow"]) == ([], {}, None)


async def test_what_is_not_known_yet_is_null_and_not_zero() -> None:
    told = await told_of(replace(ENTRY, outcome=None, first_byte_s=None, state="exhausted"))
    assert told["outcome"] is told["first_byte_ms"] is None


@pytest.mark.parametrize("fault", get_args(TierFault))
async def test_what_an_upstream_says_of_the_owners_account_is_for_who_sees_all(
    tmp_path: Path, fault: TierFault
) -> None:
    refused = replace(JUDGE, fault=fault, reason="key sk-..xyz of org-1")
    entry = replace(ENTRY, caller="team", attempts=(refused,))
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [entry])
        async with client(looked_at(store)) as http:
            own = (await http.get("/v1/answers/req_7", headers=TEAM)).json()
            all = (await http.get("/v1/answers/req_7", headers=OWNER)).json()
    hidden = fault in ("unauthorised", "rate_limited")
    assert (own["attempts"][0]["reason"] is None) == hidden
    assert all["attempts"][0]["reason"] == "key sk-..xyz of org-1"
    assert own["attempts"][0]["fault"] == fault


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_reading_that_is_no_number_is_null(value: float) -> None:
    odd = replace(ATTEMPT, readings=(Reading(signal="entropy", value=value),))
    told = await told_of(replace(ENTRY, attempts=(odd,)))
    assert told["attempts"][0]["readings"] == {"entropy": None}


async def test_only_ones_own_answers_are_told(tmp_path: Path) -> None:
    async with opened(Store(tmp_path / "l.db")) as store:
        await write(store, [replace(ENTRY, caller="team")])
        async with client(looked_at(store)) as http:
            own = await http.get("/v1/answers/req_7", headers=TEAM)
            other = await http.get("/v1/answers/req_7", headers={"x-api-key": "others"})
            unknown = await http.get("/v1/answers/req_8", headers={"x-api-key": "others"})
            owner = await http.get("/v1/answers/req_7", headers=OWNER)
            nobody = await http.get("/v1/answers/req_7")
    assert own.status_code == owner.status_code == 200
    assert other.status_code == unknown.status_code == 404
    assert other.text == unknown.text.replace("req_8", "req_7")
    assert other.json()["error"] == {
        "message": "no answer 'req_7'",
        "type": "invalid_request_error",
        "param": "id",
        "code": "answer_not_found",
    }
    assert nobody.status_code == 401


@pytest.mark.parametrize("id", ["", "a/b", "%00", "%ff", "' or 1=1 --", "x" * 5000])
async def test_an_odd_id_is_not_found(tmp_path: Path, id: str) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    await ledger.start()
    async with client(app(ledger=ledger)) as http:
        answer = await http.get(f"/v1/answers/{id}")
    await ledger.stop()
    assert answer.status_code == 404 and set(answer.json()) == {"error"}


async def test_a_ledger_that_cannot_be_read_is_a_503(tmp_path: Path) -> None:
    async with client(app(ledger=SqliteLedger(tmp_path / "not started"))) as http:
        answer = await http.get("/v1/answers/req_7")
    assert answer.status_code == 503 and answer.json()["error"]["code"] == "store_error"


async def test_an_answer_can_be_asked_for_as_soon_as_it_ended_and_holds_no_text(
    tmp_path: Path,
) -> None:
    ladder = (ScriptedTier("t1", fail("overloaded")), ScriptedTier("t2", say("a secret answer")))
    ledger, seconds, ids = SqliteLedger(tmp_path / "l.db"), itertools.count(), itertools.count()
    served = make_app(
        cascade=Cascade(
            ladder=ladder,
            router=build_routing(RoutingConfig(), ladder, lambda: 0.0).router,
            gates={},
            verifier=Checks(),
            cache=NoCache(),
            purse=FreePurse(),
            ledger=ledger,
            clock=Clock(now=lambda: float(next(seconds)), unix=lambda: 1e9),
        ),
        ladder=ladder,
        ledger=ledger,
        keyring=StaticKeyring(()),
        config=ServerConfig(),
        render_metrics=lambda: rendered(b"", "text/plain"),
        new_id=lambda: f"req_{next(ids)}",
    )
    asked = {"model": "auto", "messages": [{"role": "user", "content": "a secret question"}]}
    async with served.router.lifespan_context(served), client(served) as http:
        for stream in (False, True):
            answer = await http.post("/v1/chat/completions", json={**asked, "stream": stream})
            assert answer.status_code == 200
            told = await http.get(f"/v1/answers/{answer.headers['x-request-id']}")
            assert told.json()["stream"] == stream and told.json()["tier"] == "t2"
            assert [a["state"] for a in told.json()["attempts"]] == ["failed", "released"]
            assert "secret" not in json.dumps(told.json())
