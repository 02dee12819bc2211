"""What do the routes answer, in full: status, headers, body?"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest
from fastapi import FastAPI

from rungwise.edge.closing import closing_of
from rungwise.errors import CallerError, LadderExhausted, StoreError, TierError
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Caller, StepType
from tests.edge.doubles import ASK, HELLO, NoLedger, ScriptedCascade, app, client, ladder, serving

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
LOOKS = ("/healthz", "/metrics", "/v1/models")


def is_fault(answer: Any, status: int, code: str | None) -> bool:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"] == "req_1"
    assert answer.headers["content-type"] == "application/json"
    return bool(answer.status_code == status and error["code"] == code)


async def test_an_answer_with_its_headers() -> None:
    cascade = ScriptedCascade()
    async with client(app(cascade)) as http:
        own = {"x-request-id": "mine", "x-rungwise-step-type": "planning"}
        answer = await http.post(CHAT, json=ASK, headers=own)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == "hello"
    assert answer.json()["created"] == 1700000000
    told = {k: v for k, v in answer.headers.items() if k.startswith("x-")}
    assert told == {
        "x-request-id": "req_1",
        "x-rungwise-tier": "tier1",
        "x-rungwise-model": "demo-bottom",
        "x-rungwise-rungs-tried": "1",
        "x-rungwise-step-type": "open_chat",
    }
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert cascade.ids == ["req_1"]
    assert cascade.chats[0].wish.step_type is StepType.PLANNING
    assert cascade.closed.is_set()


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON ;a=b"]
)
async def test_json_is_read(kind: str) -> None:
    async with client(app()) as http:
        headers = {"content-type": kind}
        answer = await http.post(CHAT, content=b'{"model":"auto","messages":[]}', headers=headers)
    assert is_fault(answer, 400, None) and answer.json()["error"]["param"] == "messages"


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", None],
)
async def test_what_a_web_page_may_send_unasked_is_not_read(kind: str | None) -> None:
    cascade = ScriptedCascade()
    async with client(app(cascade, keys=["k1"])) as http:
        headers = {"content-type": kind} if kind else {}
        content = json.dumps(ASK).encode()
        answer = await http.post(
            CHAT, content=content, headers={**headers, "authorization": "Bearer k1"}
        )
    assert is_fault(answer, 415, "unsupported_media_type")
    assert "-H 'content-type: application/json'" in answer.json()["error"]["message"]
    assert not cascade.chats


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (CallerError("no local rung", code="x"), 400, "x"),
        (LadderExhausted((), TierError("tier2", "overloaded", "busy")), 503, "ladder_exhausted"),
        (StoreError("disk full"), 503, "store_error"),
        (OSError("odd"), 500, "internal"),
    ],
)
async def test_a_failure_before_the_release_has_its_true_status(
    error: Exception, status: int, code: str, stream: bool
) -> None:
    cascade = ScriptedCascade([error])
    async with client(app(cascade)) as http:
        answer = await http.post(CHAT, json={**ASK, "stream": stream})
    assert is_fault(answer, status, code)
    assert "x-rungwise-tier" not in answer.headers


async def test_a_whole_answer_that_broke_off_is_an_error() -> None:
    cascade = ScriptedCascade([*HELLO[:2], TierError("tier1", "broken", "half a stream")])
    async with client(app(cascade)) as http:
        answer = await http.post(CHAT, json=ASK)
    assert is_fault(answer, 502, "broken")


async def test_a_cascade_that_never_settles_is_an_error() -> None:
    async with client(app(ScriptedCascade(HELLO[:-1]))) as http:
        assert is_fault(await http.post(CHAT, json=ASK), 500, "internal")


async def test_retry_after_reaches_the_client() -> None:
    fault = TierError("tier2", "rate_limited", "slow", retry_after_s=3)
    async with client(app(ScriptedCascade([LadderExhausted((), fault)]))) as http:
        assert (await http.post(CHAT, json=ASK)).headers["retry-after"] == "3"


# ---- the door --------------------------------------------------------------------------------


FIGURES = [f"/v1/{name}" for name in ("figures", "series", "answers", "answers/req_1")]
OWNERS = [f"/v1/{name}" for name in ("alarms", "calibrations", "gpus", "ladder")]
OTHERS = ["/v1/models", "/metrics", "/nowhere", "/docs", "/openapi.json", *FIGURES, *OWNERS]


@pytest.mark.parametrize("path", OTHERS)
async def test_every_other_route_needs_a_key(path: str) -> None:
    async with client(app(keys=["k1", "k2"])) as http:
        answer = await http.get(path)
        assert is_fault(answer, 401, "missing_api_key")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert is_fault(await http.get(path, headers={"x-api-key": "k3"}), 401, "invalid_api_key")
        assert (await http.post(CHAT, json=ASK)).status_code == 401
        assert (await http.delete(CHAT)).status_code == 401


async def test_health_needs_none() -> None:
    async with client(app(keys=["k1"])) as http:
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.get("/healthz/")).status_code == 401


FOREIGN = [
    {"host": "evil.example"},
    {"host": "evil.example:8080"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "192.168.0.7:8080"},
    {"host": "[2001:db8::1]"},
    {"host": "["},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "file://localhost"},
    {"host": "localhost", "origin": "http://localhost.evil.example"},
]
OUR_OWN = [
    {},
    {"host": "localhost:8080"},
    {"host": "127.0.0.2"},
    {"host": "[::1]:8080"},
    {"host": "localhost", "origin": "http://localhost:3000"},
    {"origin": "https://127.0.0.1"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_without_keys_no_web_page_of_others_is_answered(headers: dict[str, str]) -> None:
    cascade = ScriptedCascade()
    async with client(app(cascade)) as http:
        answer = await http.post(CHAT, json=ASK, headers=headers)
        assert is_fault(answer, 403, "foreign_origin")
        assert (await http.get("/metrics", headers=headers)).status_code == 403
        assert (await http.get("/healthz", headers=headers)).status_code == 200
    assert not cascade.chats


@pytest.mark.parametrize("headers", OUR_OWN)
async def test_without_keys_this_machine_is_answered(headers: dict[str, str]) -> None:
    async with client(app()) as http:
        assert (await http.post(CHAT, json=ASK, headers=headers)).status_code == 200


async def test_with_keys_any_host_and_origin_will_do() -> None:
    async with client(app(keys=["k1"])) as http:
        for headers in FOREIGN[:-1]:
            known = {**headers, "x-api-key": "k1"}
            assert (await http.post(CHAT, json=ASK, headers=known)).status_code == 200


@pytest.mark.parametrize("headers", [{"authorization": "Bearer k2"}, {"x-api-key": "k2"}])
async def test_the_caller_is_told_to_the_cascade(headers: dict[str, str]) -> None:
    cascade = ScriptedCascade()
    async with client(app(cascade, keys=["k1", "k2"])) as http:
        assert (await http.post(CHAT, json=ASK, headers=headers)).status_code == 200
    assert cascade.callers == [Caller(name="key2", sees_all=True)]


async def test_what_is_not_there() -> None:
    async with client(app()) as http:
        for path in ("/", "/nowhere", "/docs", "/redoc", "/openapi.json", f"{CHAT}/"):
            assert is_fault(await http.get(path), 404, "unknown_route"), path
        answer = await http.get(CHAT)
        assert is_fault(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"
        answer = await http.post("/v1/models")
        assert is_fault(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


# ---- models ----------------------------------------------------------------------------------


async def test_models_lists_aliases_tiers_and_models() -> None:
    async with client(app()) as http:
        listed = (await http.get("/v1/models")).json()
    assert listed["object"] == "list"
    ids = [model["id"] for model in listed["data"]]
    aliases = ["auto", *(f"auto:{step_type.value}" for step_type in StepType)]
    assert ids == [*aliases, "tier1", "tier2", "demo-bottom", "org/mid"]
    assert listed["data"][-1] == {
        "id": "org/mid",
        "object": "model",
        "created": 1700000000,
        "owned_by": "rungwise",
        "rungwise": {"kind": "model", "tier": "tier2", "description": "always tier tier2"},
    }
    kinds = {model["rungwise"]["kind"] for model in listed["data"]}
    assert kinds == {"alias", "tier", "model"}


@pytest.mark.parametrize("id", ["auto", "auto:planning", "tier1", "org/mid"])
async def test_one_model(id: str) -> None:
    async with client(app()) as http:
        assert (await http.get(f"/v1/models/{id}")).json()["id"] == id
        assert is_fault(await http.get("/v1/models/gpt-9"), 404, "model_not_found")


async def test_where_names_clash_the_alias_then_the_tier_then_the_lower_rung_has_it() -> None:
    rungs = [
        ScriptedTier("tier1", model="auto"),
        ScriptedTier("tier2", model="tier1"),
        ScriptedTier("tier3", model="same"),
        ScriptedTier("tier4", model="same"),
    ]
    async with client(app(rungs=rungs)) as http:
        told = {m["id"]: m["rungwise"] for m in (await http.get("/v1/models")).json()["data"]}
    assert told["auto"]["kind"] == "alias" and told["tier1"]["kind"] == "tier"
    assert told["same"]["tier"] == "tier3"


# ---- ops -------------------------------------------------------------------------------------


async def test_health_and_metrics() -> None:
    async with client(app()) as http:
        assert (await http.get("/healthz")).json() == {"alive": True}
        metrics = await http.get("/metrics")
    assert metrics.text == "rungwise_up 1\n"
    assert metrics.headers["content-type"] == "text/plain; version=1.0.0"


async def test_ready_while_one_rung_can_answer() -> None:
    low, high = rungs = ladder()
    async with client(app(rungs=rungs)) as http:
        told = await http.get("/readyz")
        assert told.status_code == 200
        assert told.json() == {
            "ready": True,
            "tiers": ["tier1", "tier2"],
            "starting": {},
            "missing": {},
        }
        low.ill = "tier1: the engine is dead"
        told = await http.get("/readyz")
        assert told.status_code == 200
        assert told.json()["missing"] == {"tier1": "tier1: the engine is dead"}
        high.ill = "tier2: KEY is not set"
        told = await http.get("/readyz")
        assert told.status_code == 503
        assert told.json() == {
            "ready": False,
            "tiers": [],
            "starting": {},
            "missing": {"tier1": low.ill, "tier2": high.ill},
        }


async def test_while_it_drains_it_is_not_ready_and_begins_no_answer_in_either_protocol() -> None:
    cascade = ScriptedCascade()
    served = app(cascade)
    closing_of(served).begin(30.0)
    async with client(served) as http:
        ready = await http.get("/readyz")
        assert ready.status_code == 503
        left_s = ready.json().pop("left_s")
        assert ready.json() == {"ready": False, "draining": True, "open": 0, "left_s": left_s}
        told = await http.post(CHAT, json=ASK)
        assert is_fault(told, 503, "draining")
        assert (told.headers["retry-after"], told.headers["connection"]) == ("30", "close")
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            told = await http.post(path, json=ASK)
            assert (told.status_code, told.headers["retry-after"]) == (503, "30")
            assert told.json()["error"]["type"] == "overloaded_error"
        assert [(await http.get(path)).status_code for path in LOOKS] == [200, 200, 200]
    assert cascade.ids == []


async def test_a_rung_that_does_not_say_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(ScriptedTier):
        async def health(self) -> str | None:
            await asyncio.Event().wait()
            return None

    monkeypatch.setattr("rungwise.edge.ops.PATIENCE_S", 0.01)
    async with client(app(rungs=[Mute("tier1"), ScriptedTier("tier2")])) as http:
        told = (await http.get("/readyz")).json()
    assert told["tiers"] == ["tier2"] and "no word" in told["missing"]["tier1"]


async def living(served: FastAPI) -> None:
    async with served.router.lifespan_context(served):
        pass


async def test_ledger_and_ladder_start_and_stop_with_the_app() -> None:
    ledger, (low, high) = NoLedger(), ladder()
    served = app(ledger=ledger, rungs=(low, high))
    async with served.router.lifespan_context(served):
        assert ledger.life == ["start"] and low.running and high.running
    assert ledger.life == ["start", "stop"] and not low.running and not high.running


async def test_a_rung_that_cannot_start_does_not_stop_the_others() -> None:
    low, high = ladder()
    low.start_fault = TierError("tier1", "unavailable", "no GPU")
    served = app(rungs=(low, high))
    async with served.router.lifespan_context(served):
        assert high.running and not low.running


async def test_without_its_ledger_nothing_starts() -> None:
    class Broken(NoLedger):
        async def start(self) -> None:
            raise StoreError("read-only disk")

    low, high = ladder()
    with pytest.raises(StoreError):
        await living(app(ledger=Broken(), rungs=(low, high)))
    assert not low.running


# ---- the official client ---------------------------------------------------------------------


async def test_the_official_client_understands_errors_and_answers() -> None:
    async with (
        serving(app(keys=["k1"])) as port,
        openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="k1", max_retries=0
        ) as sdk,
    ):
        completion = await sdk.chat.completions.create(**ASK)
        assert completion.choices[0].message.content == "hello"
        assert completion.model_extra is not None
        assert completion.model_extra["rungwise"]["tier"] == "tier1"
        assert "auto" in [m.id async for m in sdk.models.list()]
        with pytest.raises(openai.NotFoundError) as missing:
            await sdk.chat.completions.create(**{**ASK, "model": "gpt-9"})
        assert missing.value.code == "model_not_found" and missing.value.param == "model"
        assert missing.value.request_id == "req_1"
        with pytest.raises(openai.BadRequestError):
            await sdk.chat.completions.create(**ASK, n=0)
        with pytest.raises(openai.AuthenticationError):
            await sdk.with_options(api_key="k2").chat.completions.create(**ASK)
