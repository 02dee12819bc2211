"""Which status and body does each failure get?"""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from rungwise.edge.faults import fault_of
from rungwise.edge.refusals import (
    Busy,
    Draining,
    Foreign,
    LongHead,
    NotHttp,
    SlowBody,
    SlowHead,
    Stopping,
    WrongKind,
)
from rungwise.errors import (
    CallerError,
    LadderExhausted,
    NotAuthorised,
    StoreError,
    TierError,
    TooLarge,
    UnknownAnswer,
    UnknownModel,
)
from rungwise.types import Attempt, TierFault, Usage


def failed(tier: str, fault: TierFault) -> Attempt:
    return replace(DOUBTFUL, tier=tier, state="failed", reason="key sk-123 is wrong", fault=fault)


DOUBTFUL = Attempt(
    tier="tier1",
    model="m",
    state="abandoned",
    reason="worst window, p=.18",
    usage=Usage(),
    cost_nano=0,
    started_s=0,
    first_piece_s=None,
    ended_s=1,
)


ASKED_IN_VAIN = replace(failed("tier3", "timeout"), role="judge")


def exhausted(
    *tried: Attempt, last: TierFault, retry_after_s: float | None = None
) -> LadderExhausted:
    fault = TierError("tier2", last, "upstream says so", retry_after_s=retry_after_s)
    return LadderExhausted(tried, fault)


class OverBudget(CallerError):
    """A kind of CallerError that the table does not name."""


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (CallerError("bad", param="n"), 400, None),
        (OverBudget("bad", param="n", code="budget"), 400, "budget"),
        (UnknownModel("bad", code="model_not_found"), 404, "model_not_found"),
        (UnknownAnswer("bad", code="answer_not_found"), 404, "answer_not_found"),
        (NotAuthorised("bad", code="invalid_api_key"), 401, "invalid_api_key"),
        (TooLarge("bad", code="request_too_large"), 413, "request_too_large"),
        (SlowBody("bad", code="request_timeout"), 408, "request_timeout"),
        (SlowHead("bad", code="request_timeout"), 408, "request_timeout"),
        (LongHead("bad", code="head_too_large"), 431, "head_too_large"),
        (NotHttp("bad", code="not_http"), 400, "not_http"),
        (Foreign("bad", code="foreign_origin"), 403, "foreign_origin"),
        (WrongKind("bad", code="unsupported_media_type"), 415, "unsupported_media_type"),
        (Busy("crowded"), 503, "too_many_connections"),
        (Draining(retry_after_s=3), 503, "draining"),
        (Stopping(), 503, "stopping"),
        (StoreError("disk"), 503, "store_error"),
        (TierError("tier1", "broken", "half"), 502, "broken"),
        (TierError("tier1", "rejected", "no"), 400, "rejected"),
        (TierError("tier1", "too_long", "no"), 400, "context_length_exceeded"),
        (ZeroDivisionError("secret"), 500, "internal"),
    ],
)
def test_the_table(error: Exception, status: int, code: str | None) -> None:
    fault = fault_of(error, "req_1")
    assert (fault.status, fault.code) == (status, code)
    told = json.loads(fault.body)
    assert set(told) == {"error"} and set(told["error"]) == {"message", "type", "param", "code"}
    assert told["error"]["param"] == getattr(error, "param", fault.param)
    kind = "invalid_request_error" if status < 500 else "server_error"
    assert told["error"]["type"] == kind


def test_an_unknown_key_is_asked_for_one() -> None:
    assert fault_of(NotAuthorised("who"), "req_1").headers == {"www-authenticate": "Bearer"}


def test_a_server_that_drains_says_when_it_will_be_gone_in_whole_seconds_and_not_at_once() -> None:
    for left_s, told in ((29.2, "30"), (1.0, "1"), (0.0, "1")):
        headers = fault_of(Draining(retry_after_s=left_s), "req_1").headers
        assert headers == {"retry-after": told, "connection": "close"}


def test_an_exhausted_ladder_tells_who_was_tried_but_not_what_upstreams_said() -> None:
    tried = (DOUBTFUL, ASKED_IN_VAIN, failed("tier2", "unauthorised"))
    fault = fault_of(exhausted(*tried, last="unauthorised"), "req_1")
    assert (fault.status, fault.code) == (503, "ladder_exhausted")
    assert fault.message == "no rung could answer: tier1 abandoned, tier2 unauthorised"


@pytest.mark.parametrize(
    ("seconds", "told"), [(None, None), (0.2, "1"), (7.1, "8"), (float("inf"), None)]
)
def test_retry_after(seconds: float | None, told: str | None) -> None:
    tried = failed("tier2", "rate_limited")
    error = exhausted(tried, last="rate_limited", retry_after_s=seconds)
    assert fault_of(error, "req_1").headers.get("retry-after") == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ((9, 7.1, None), "8"),
        ((3, None), "3"),
        ((None, float("inf"), float("nan"), 4), "4"),
        ((None, None), None),
    ],
)
def test_the_rung_that_may_answer_first_says_when_to_come_again(
    seconds: tuple[float | None, ...], told: str | None
) -> None:
    faults = [TierError("t", "unavailable", "down", retry_after_s=wait_s) for wait_s in seconds]
    error = LadderExhausted((failed("tier2", "unavailable"),), *faults)
    assert error.last is faults[-1]
    assert fault_of(error, "req_1").headers.get("retry-after") == told


@pytest.mark.parametrize(
    ("tried", "status"),
    [
        ((failed("tier1", "rejected"), failed("tier2", "rejected")), 400),
        ((failed("tier1", "too_long"), failed("tier2", "rejected")), 400),
        ((DOUBTFUL, failed("tier2", "rejected")), 400),
        ((failed("tier1", "broken"), failed("tier2", "rejected")), 503),
        ((DOUBTFUL, ASKED_IN_VAIN, failed("tier2", "rejected")), 400),
    ],
)
def test_what_every_rung_refuses_is_the_callers_fault(
    tried: tuple[Attempt, ...], status: int
) -> None:
    fault = fault_of(exhausted(*tried, last="rejected"), "req_1")
    assert fault.status == status
    assert ("upstream says so" in fault.message) == (status == 400)


def test_too_long_has_the_code_that_clients_know() -> None:
    fault = fault_of(exhausted(failed("tier1", "too_long"), last="too_long"), "req_1")
    assert (fault.status, fault.code) == (400, "context_length_exceeded")
    assert fault.param == "messages"


@pytest.mark.parametrize(
    ("fault", "said", "param"),
    [
        ("too_long", "max_completion_tokens=9 cannot be greater than max_model_len", "max_tokens"),
        ("too_long", "max_tokens: 9 > 8", "max_tokens"),
        ("rejected", "max_tokens is too large: 9", "max_tokens"),
        ("too_long", "your prompt contains 9 input tokens", "messages"),
        ("rejected", "no", None),
    ],
)
def test_the_field_that_an_upstream_names_is_the_one_at_fault(
    fault: TierFault, said: str, param: str | None
) -> None:
    last = TierError("tier2", fault, said)
    assert fault_of(LadderExhausted((failed("tier2", fault),), last), "req_1").param == param
    assert fault_of(last, "req_1").param == param


def test_the_unexpected_is_logged_with_the_id_and_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, logger="rungwise"):
        fault = fault_of(ZeroDivisionError("secret"), "req_7")
    assert "secret" not in fault.body and "req_7" in fault.body
    assert "req_7" in caplog.text and "ZeroDivisionError" in caplog.text
