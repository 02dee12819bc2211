"""Whose fault is it, when vLLM says no?"""

from __future__ import annotations

from typing import Any

from rungwise.errors import TierError
from rungwise.tiers.local.vllm_compat import Vllm
from rungwise.tiers.local.vllm_routes import Aborted, StreamedError
from rungwise.types import TierFault

__all__ = ["chain_of", "fault_of", "one_line", "refusal"]

_NESTS = "maximum recursion depth"
_TOO_LONG = ("context length", "model length", "max_model_len", "maximum input length")


def fault_of(
    tier: str, error: Exception, vllm: Vllm, serving: Any, *, constrained: bool = False
) -> TierError:
    """The TierError for whatever came out of vLLM; `constrained` as in vllm_request."""
    if isinstance(error, TierError):
        return error
    causes = chain_of(error)
    if any(isinstance(e, (vllm.EngineDeadError, Aborted)) for e in causes):
        return TierError(tier, "unavailable", "the engine stopped")
    if any(isinstance(e, RecursionError) for e in causes):
        return TierError(tier, "rejected", "the request nests too deeply for this engine")
    if isinstance(error, StreamedError):
        return refusal(tier, error.code, error.message, constrained=constrained)
    # vLLM's own table of exceptions and statuses, the one its server uses
    said = serving.create_error_response(error).error
    message = said.message or type(error).__name__
    return refusal(tier, int(said.code), message, constrained=constrained)


def refusal(tier: str, status: int, message: str, *, constrained: bool = False) -> TierError:
    """An engine that lives and yet fails on a constrained request could not make a grammar of the
    schema: what one cannot, such as `\\p{L}`, another rung may."""
    fault: TierFault = "broken"
    if status in (429, 503):
        fault = "overloaded"
    elif any(words in message for words in _TOO_LONG) and status < 500:
        fault = "too_long"
    elif status < 500 or status == 501 or _NESTS in message:
        fault = "rejected"
    elif constrained:
        fault, message = "rejected", f"this engine cannot hold an answer to the schema: {message}"
    return TierError(tier, fault, one_line(message))


def one_line(message: object) -> str:
    """The first words of a message that may be a page."""
    return " ".join(str(message).split())[:400]


def chain_of(error: BaseException) -> list[BaseException]:
    """The error, and what it came from, the first cause last."""
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in chain:
        chain.append(step)
        step = step.__cause__ or step.__context__
    return chain
