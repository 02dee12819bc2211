"""What does either official client make of a failure: which exception, which retries, which bill?

And does an upstream stop when its client is gone?
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from rungwise.tiers.scripted import ScriptedTier, pause, say
from tests.doubles.protocols import ANTHROPIC, CHAT, PROTOCOLS, Protocol, Says
from tests.doubles.upstream import Answer, Upstream
from tests.sdks import CLIENTS, Client, Clients, clients

pytestmark = pytest.mark.anyio

EVERY_PROTOCOL = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: p.name)
EVERY_CLIENT = pytest.mark.parametrize("client", CLIENTS)

HI: dict[str, dict[str, Any]] = {
    "openai": {"messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 64},
    "anthropic": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 64},
}
UNGUARDED = ", guards: {retries: 0, breaker_failures: 0}"
PRICED = ", price: {input: 1, output: 10, cache_read: 1, cache_write_5m: 1}"
YES = Says(text="Yes.")
PATIENCE_S = 20.0


def refusal(status: int, message: str, **headers: str) -> Answer:
    body = json.dumps({"error": {"type": "t", "message": message}}).encode()
    return Answer(body, status=status, type="application/json", headers=headers)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong, and what each client's own exception is for it."""

    openai: type[Exception]
    code: str
    anthropic: type[Exception]
    type: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    config: str = ""
    upstream: Answer | None = None
    model: str = "auto"
    again: bool = False
    """It is the second request that fails."""


FAULTS = {
    "an unknown field": Fault(
        asked={"extra_body": {"nonsense": 1}},
        openai=openai.BadRequestError,
        code="unknown_parameter",
        anthropic=anthropic.BadRequestError,
        type="invalid_request_error",
    ),
    "an unknown model": Fault(
        model="nobody",
        openai=openai.NotFoundError,
        code="model_not_found",
        anthropic=anthropic.NotFoundError,
        type="not_found_error",
    ),
    "no known key": Fault(
        config="access: {stored_keys: true}",
        openai=openai.AuthenticationError,
        code="invalid_api_key",
        anthropic=anthropic.AuthenticationError,
        type="authentication_error",
    ),
    "a page of another site": Fault(
        asked={"extra_headers": {"origin": "https://example.com"}},
        openai=openai.PermissionDeniedError,
        code="foreign_origin",
        anthropic=anthropic.PermissionDeniedError,
        type="permission_error",
    ),
    "more than it may cost": Fault(
        asked={"extra_headers": {"x-rungwise-max-usd": "0.000001"}},
        openai=openai.APIStatusError,
        code="budget_exceeded",
        anthropic=anthropic.PaymentRequiredError,
        type="billing_error",
    ),
    "too many requests": Fault(
        config="access: {limits: {requests_per_minute: 1}}",
        again=True,
        openai=openai.RateLimitError,
        code="rate_limit_exceeded",
        anthropic=anthropic.RateLimitError,
        type="rate_limit_error",
    ),
    "too large a body": Fault(
        asked={"extra_body": {"metadata": {"user_id": "x" * 4096}}},
        config="server: {max_body_mib: 0.002}",
        openai=openai.APIStatusError,
        code="request_too_large",
        anthropic=anthropic.RequestTooLargeError,
        type="request_too_large",
    ),
    "an upstream that finds fault with the request": Fault(
        upstream=refusal(400, "no such thing"),
        openai=openai.BadRequestError,
        code="rejected",
        anthropic=anthropic.BadRequestError,
        type="invalid_request_error",
    ),
    "an upstream whose context is too short": Fault(
        upstream=refusal(400, "prompt is too long: 300000 tokens > 200000 maximum"),
        openai=openai.BadRequestError,
        code="context_length_exceeded",
        anthropic=anthropic.BadRequestError,
        type="invalid_request_error",
    ),
    "an upstream with too much to do": Fault(
        upstream=refusal(429, "slow down", **{"retry-after": "7"}),
        openai=openai.InternalServerError,
        code="ladder_exhausted",
        anthropic=anthropic.ServiceUnavailableError,
        type="overloaded_error",
    ),
    "an upstream that refuses our key": Fault(
        upstream=refusal(401, "the key sk-of-the-owner is wrong"),
        openai=openai.InternalServerError,
        code="ladder_exhausted",
        anthropic=anthropic.ServiceUnavailableError,
        type="overloaded_error",
    ),
}


HERE = [(name, CHAT) for name, fault in FAULTS.items() if fault.upstream is None]
THERE = [(name, p) for name, fault in FAULTS.items() if fault.upstream for p in (CHAT, ANTHROPIC)]


@pytest.mark.parametrize(("named", "protocol"), HERE + THERE, ids=str)
async def test_a_failure_is_the_clients_own_exception_for_it(
    tmp_path: Path, named: str, protocol: Protocol
) -> None:
    fault = FAULTS[named]
    async with Upstream(fault.upstream or protocol.answer(YES)) as upstream:
        rung = protocol.rung("top", upstream.url, UNGUARDED + PRICED)
        async with clients(tmp_path, rung, config=fault.config) as both:
            if fault.again:
                await both.ask("openai", HI["openai"])
            for client, stream in product(CLIENTS, (False, True)):
                error = await _failure(both, client, fault, stream)
                assert type(error) is (fault.openai if client == "openai" else fault.anthropic)
                if client == "openai":
                    assert isinstance(error, openai.APIStatusError) and error.code == fault.code
                else:
                    assert isinstance(error, anthropic.APIStatusError) and error.type == fault.type
                assert error.request_id and error.request_id.startswith("req_")
                assert "sk-of-the-owner" not in str(error)
                if fault.upstream is not None and "retry-after" in fault.upstream.headers:
                    assert 1 <= int(error.response.headers["retry-after"]) <= 7


async def _failure(both: Clients, client: Client, fault: Fault, stream: bool) -> Exception:
    asked = HI[client] | dict(fault.asked)
    with pytest.raises((openai.APIError, anthropic.APIError)) as caught:
        await both.ask(client, asked, stream=stream, model=fault.model)
    return caught.value


@EVERY_PROTOCOL
async def test_a_draft_that_breaks_off_is_an_error_and_not_an_end(
    tmp_path: Path, protocol: Protocol
) -> None:
    whole = protocol.says(Says(text="Yes.\nOr no."))
    cut = whole[: whole.index(b"Or no.")]
    async with Upstream(Answer(cut, then="cut")) as upstream:
        rung = protocol.rung("top", upstream.url, UNGUARDED)
        async with clients(tmp_path, rung) as both:
            for stream in (False, True):
                with pytest.raises(openai.APIError, match="top broke off: broken") as of_openai:
                    await both.ask("openai", HI["openai"], stream=stream)
                kind = openai.APIError if stream else openai.InternalServerError
                assert (type(of_openai.value), of_openai.value.code) == (kind, "broken")
                with pytest.raises(anthropic.APIStatusError, match="top broke off") as of_anthropic:
                    await both.ask("anthropic", HI["anthropic"], stream=stream)
                assert of_anthropic.value.type == "api_error"


async def test_a_stream_that_is_held_says_so_and_then_answers_or_fails(tmp_path: Path) -> None:
    """Its status has gone out by then, so the failure comes as an event."""
    doubtful = pause(0.15) + say("I guess so", logprob=-4.0)
    low = ScriptedTier("low", doubtful, model="small")
    gates = "gates: [{tier: low, calibration: window.json}]\nserver: {heartbeat_s: 0.03}"
    ill = refusal(500, "ill")
    async with Upstream(CHAT.answer(YES), CHAT.answer(YES), ill) as upstream:
        rung = CHAT.rung("top", upstream.url, UNGUARDED)
        async with clients(tmp_path, low, rung, config=gates) as both:
            for client in CLIENTS:
                assert (await both.ask(client, HI[client], stream=True)).text == "Yes."
            with pytest.raises(openai.APIError, match="no rung could answer") as of_openai:
                await both.ask("openai", HI["openai"], stream=True)
            assert type(of_openai.value) is openai.APIError
            assert of_openai.value.code == "ladder_exhausted"
            with pytest.raises(anthropic.APIStatusError, match="no rung could") as of_anthropic:
                await both.ask("anthropic", HI["anthropic"], stream=True)
            assert of_anthropic.value.type == "overloaded_error"


# ---- retries ---------------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients' own retries come at once, where the server names no time."""
    for sdk in ("openai", "anthropic"):
        monkeypatch.setattr(f"{sdk}._base_client.INITIAL_RETRY_DELAY", 0.01)
        monkeypatch.setattr(f"{sdk}._base_client.MAX_RETRY_DELAY", 0.02)


@EVERY_CLIENT
async def test_a_client_that_retries_gets_the_answer_once_the_upstream_is_well(
    tmp_path: Path, client: Client, hasty: None
) -> None:
    async with Upstream(refusal(500, "ill"), refusal(500, "ill"), CHAT.answer(YES)) as upstream:
        rung = CHAT.rung("top", upstream.url, UNGUARDED)
        async with clients(tmp_path, rung, retries=2) as both:
            assert (await both.ask(client, HI[client])).text == "Yes."
    assert len(upstream.requests) == 3


@EVERY_CLIENT
async def test_a_failure_that_cost_nothing_does_not_use_up_its_key(
    tmp_path: Path, client: Client, hasty: None
) -> None:
    asked = HI[client] | {"extra_headers": {"Idempotency-Key": "k"}}
    async with Upstream(refusal(500, "ill"), CHAT.answer(YES)) as upstream:
        rung = CHAT.rung("top", upstream.url, UNGUARDED + PRICED)
        async with clients(tmp_path, rung, retries=2) as both:
            assert (await both.ask(client, asked)).text == "Yes."
            assert (await both.ask(client, asked)).text == "Yes."
    assert len(upstream.requests) == 2


@EVERY_CLIENT
async def test_a_client_that_retries_under_one_key_is_billed_once(
    tmp_path: Path, client: Client, hasty: None
) -> None:
    """It waits no longer and asks again; the upstream may bill the first, and is not asked anew."""
    asked = HI[client] | {"extra_headers": {"Idempotency-Key": "k"}}
    async with Upstream(Answer(silent=True)) as upstream:
        rung = CHAT.rung("top", upstream.url, UNGUARDED + PRICED)
        async with clients(tmp_path, rung, retries=2, timeout=0.5) as both:
            with pytest.raises((openai.ConflictError, anthropic.ConflictError)) as caught:
                await both.ask(client, asked)
            assert len(upstream.requests) == 1
            if isinstance(caught.value, anthropic.ConflictError):
                assert caught.value.type == "conflict_error"


@EVERY_CLIENT
async def test_the_same_answer_comes_again_under_its_key_for_nothing(
    tmp_path: Path, client: Client
) -> None:
    asked = HI[client] | {"extra_headers": {"Idempotency-Key": "k"}}
    async with (
        Upstream(CHAT.answer(YES)) as upstream,
        clients(tmp_path, CHAT.rung("top", upstream.url, PRICED)) as both,
    ):
        first, *others = [await both.ask(client, asked, stream=s) for s in (False, False, True)]
    assert len(upstream.requests) == 1
    for again in others:
        assert (again.raw.id, again.text) == (first.raw.id, "Yes.")


@EVERY_CLIENT
async def test_another_question_under_the_same_key_is_refused(
    tmp_path: Path, client: Client
) -> None:
    asked = HI[client] | {"extra_headers": {"Idempotency-Key": "k"}}
    other = asked | {"messages": [{"role": "user", "content": "And?"}]}
    refused = (openai.UnprocessableEntityError, anthropic.UnprocessableEntityError)
    async with (
        Upstream(CHAT.answer(YES)) as upstream,
        clients(tmp_path, CHAT.rung("top", upstream.url, PRICED)) as both,
    ):
        await both.ask(client, asked)
        with pytest.raises(refused):
            await both.ask(client, other)
        assert len(upstream.requests) == 1


# ---- clients that go away --------------------------------------------------------------------


@EVERY_PROTOCOL
async def test_an_upstream_stops_when_the_client_closes_its_stream(
    tmp_path: Path, protocol: Protocol
) -> None:
    whole = protocol.says(Says(text="Yes.\nOr no."))
    begun = whole[: whole.index(b"Or no.")].rpartition(b"\n\n")[0] + b"\n\n"
    async with (
        Upstream(Answer(begun, then="hang")) as upstream,
        clients(tmp_path, protocol.rung("top", upstream.url, UNGUARDED)) as both,
    ):
        for client in CLIENTS:
            upstream.gone.clear()
            await _leave_after_a_word(both, client)
            async with asyncio.timeout(PATIENCE_S):
                await upstream.gone.wait()


async def _leave_after_a_word(both: Clients, client: Client) -> None:
    asked = {"model": "auto", "stream": True, **HI[client]}
    stream: Any
    if client == "openai":
        stream = await both.openai.chat.completions.create(**asked)
    else:
        stream = await both.anthropic.messages.create(**asked)
    async for event in stream:
        if "Yes." in event.to_json():
            break
    await stream.close()


@EVERY_PROTOCOL
async def test_an_upstream_stops_when_the_client_waits_no_longer(
    tmp_path: Path, protocol: Protocol
) -> None:
    async with Upstream(Answer(silent=True)) as upstream:
        rung = protocol.rung("top", upstream.url, UNGUARDED)
        async with clients(tmp_path, rung, timeout=0.2) as both:
            for client in CLIENTS:
                upstream.gone.clear()
                with pytest.raises((openai.APITimeoutError, anthropic.APITimeoutError)):
                    await both.ask(client, HI[client])
                async with asyncio.timeout(PATIENCE_S):
                    await upstream.gone.wait()
