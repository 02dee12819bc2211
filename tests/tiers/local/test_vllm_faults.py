"""Whose fault is it, when vLLM says no?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rungwise.errors import TierError
from rungwise.tiers.local.vllm_faults import fault_of, refusal
from rungwise.tiers.local.vllm_routes import Aborted, StreamedError
from rungwise.types import TierFault


class Dead(Exception):
    """As vLLM's EngineDeadError."""


VLLM: Any = SimpleNamespace(EngineDeadError=Dead)


class Serving:
    """vLLM's chat serving, as far as its table of errors."""

    def create_error_response(self, error: Exception) -> Any:
        code = 400 if isinstance(error, ValueError) else 500
        return SimpleNamespace(error=SimpleNamespace(code=code, message=str(error)))


def fault(error: Exception, *, constrained: bool = False) -> TierFault:
    found = fault_of("tier1", error, VLLM, Serving(), constrained=constrained)
    assert "\n" not in found.message and len(found.message) <= 400
    return found.fault


@pytest.mark.parametrize(
    ("status", "message", "constrained", "kind"),
    [
        (400, "no such role", False, "rejected"),
        (501, "not supported", False, "rejected"),
        (400, "maximum context length is 9", False, "too_long"),
        (429, "later", True, "overloaded"),
        (503, "later", True, "overloaded"),
        (500, "the engine failed on this request", False, "broken"),
        (500, "the engine failed on this request", True, "rejected"),
        (500, "maximum recursion depth exceeded", False, "rejected"),
    ],
)
def test_a_status_has_its_kind(
    status: int, message: str, constrained: bool, kind: TierFault
) -> None:
    assert refusal("tier1", status, message, constrained=constrained).fault == kind
    assert fault(StreamedError(status, message), constrained=constrained) == kind


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("error", [Dead(), Aborted("given up")])
def test_an_engine_that_is_gone_is_unavailable_whatever_was_asked(
    error: Exception, constrained: bool
) -> None:
    assert fault(error, constrained=constrained) == "unavailable"
    wrapped = RuntimeError("in between")
    wrapped.__cause__ = error
    assert fault(wrapped, constrained=constrained) == "unavailable"


def test_what_vllm_raises_goes_by_its_own_table() -> None:
    assert fault(ValueError("a\nb" * 400)) == "rejected"
    assert fault(KeyError("odd")) == "broken"
    assert fault(KeyError("odd"), constrained=True) == "rejected"


def test_what_nests_too_deeply_is_the_requests_fault() -> None:
    assert fault(RecursionError()) == "rejected"
    wrapped = RuntimeError("in a template")
    wrapped.__context__ = RecursionError()
    assert fault(wrapped) == "rejected"


def test_a_fault_of_the_tier_stays_as_it_is() -> None:
    own = TierError("tier1", "too_long", "no")
    assert fault_of("tier1", own, VLLM, Serving(), constrained=True) is own
