"""What can go wrong, and whose fault is it?

    RungwiseError
    ├── CallerError            the request cannot be answered as it stands      -> 4xx
    │   ├── UnknownModel       no tier, alias or model of that name             -> 404
    │   ├── UnknownAnswer      no answer of that id, or another caller's        -> 404
    │   ├── NotAuthorised      no key, or not this one                          -> 401
    │   ├── NotAllowed         this key may not ask for that                    -> 403
    │   ├── OverBudget         a cap of this key, or the request's own, is spent -> 402
    │   ├── TooFast            this key asks too often, or too much at once     -> 429
    │   ├── RepeatOpen         asked before under this key, and not answered yet -> 409
    │   ├── RepeatSpent        asked before under this key, billed and then lost -> 409
    │   ├── RepeatDiffers      another request had this Idempotency-Key          -> 422
    │   └── TooLarge           the body is over the configured size             -> 413
    ├── TierError              one rung failed; the cascade may climb
    ├── LadderExhausted        every planned rung failed; carries the attempts  -> 503
    ├── ConfigError            found before serving; names place and mend       -> exit 2
    └── StoreError             the ledger cannot be read or written

HTTP statuses are given in `edge/faults.py` and nowhere else.
"""

from __future__ import annotations

from rungwise.types import Attempt, TierFault


class RungwiseError(Exception):
    """Base of everything rungwise raises on purpose."""


class CallerError(RungwiseError):
    """The caller can mend this. `param` names the field, as the OpenAI protocol does."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code


class UnknownModel(CallerError):
    """No tier, alias or configured model has that name."""


class UnknownAnswer(CallerError):
    """No answer of this caller has that id."""


class NotAuthorised(CallerError):
    """No key was sent, or one that this server does not know."""


class NotAllowed(CallerError):
    """The caller's key does not reach so far."""


class OverBudget(CallerError):
    """The worst case of every rung is more than a cap still allows."""


class TooFast(CallerError):
    """The caller's rate or concurrency limit; `retry_after_s` is when the next may come."""

    def __init__(self, message: str, *, retry_after_s: float, code: str) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class RepeatOpen(CallerError):
    """The first request under this Idempotency-Key is still being answered."""


class RepeatSpent(CallerError):
    """The first request under this Idempotency-Key was billed, and its answer is not there."""


class RepeatDiffers(CallerError):
    """Another request was made under this Idempotency-Key."""


class TooLarge(CallerError):
    """The body is over the configured size."""


CALLER_FAULTS: frozenset[TierFault] = frozenset(("rejected", "too_long"))
"""The request's own: no other rung of the same kind would take it either."""


class TierError(RungwiseError):
    """One rung failed. `fault` is the kind the upstream gave, `caller_fault` whether the request
    itself was refused, so that no other rung of the same kind would take it either."""

    def __init__(
        self, tier: str, fault: TierFault, message: str, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{tier}: {fault}: {message}")
        self.tier, self.fault, self.message = tier, fault, message
        self.retry_after_s = retry_after_s

    @property
    def caller_fault(self) -> bool:
        return self.fault in CALLER_FAULTS


class LadderExhausted(RungwiseError):
    """Every planned rung failed."""

    def __init__(self, attempts: tuple[Attempt, ...], *faults: TierError) -> None:
        """`faults` are those of the failed drafts, in order; one at the least."""
        tried = ", ".join(f"{a.tier} ({a.reason})" for a in attempts if a.role == "draft")
        super().__init__(f"no rung could answer; tried {tried}")
        self.attempts, self.faults = attempts, faults

    @property
    def last(self) -> TierError:
        return self.faults[-1]


class ConfigError(RungwiseError):
    """The configuration cannot be served. One line: place, what is wrong, what to do."""


class StoreError(RungwiseError):
    """The ledger could not be read or written."""
