"""What does the cascade make of it? Readings, verdicts, attempts, entries, what callers hear."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from rungwise.types.asked import StepType
from rungwise.types.said import Outcome
from rungwise.types.written import Piece, Usage

__all__ = [
    "SHORT_CONTEXT",
    "STOPPED_EARLY",
    "Accept",
    "Attempt",
    "AttemptRole",
    "AttemptState",
    "Bar",
    "Baseline",
    "Bid",
    "Confidence",
    "Entry",
    "EntryState",
    "Escalate",
    "Forecast",
    "Grant",
    "Onward",
    "Plan",
    "Quote",
    "Reading",
    "Released",
    "Remembered",
    "Settled",
    "Shadow",
    "TierFault",
    "Verdict",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One signal's raw number on a draft."""

    signal: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """P(this draft is acceptable), and which calibration said so."""

    probability: float
    calibration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    reason: str


Verdict: TypeAlias = Accept | Escalate


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """P(this rung's draft would be acceptable), before anything was drafted."""

    tier: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """How sure a draft of this rung must be for giving it out to pay, or for its step type."""

    tier: str
    confidence: float
    waives: bool = False
    """Whether it stands in place of the calibrated threshold. Else both are asked for."""
    least: float = 0.0
    """What the owner's table asks of it whatever pays: no more than `confidence`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What another router would have done, had it been asked. Nothing of it was done."""

    router: str
    rungs: tuple[str, ...]
    why: str
    bars: tuple[Bar, ...] = ()

    def bar(self, rung: str) -> Bar | None:
        return next((bar for bar in self.bars if bar.tier == rung), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which rungs may draft, lowest first, and why. Never empty."""

    rungs: tuple[str, ...]
    step_type: StepType
    why: str
    reach: tuple[str, ...] = ()
    """Every rung that may be shown this request, to draft or to grade a draft."""
    headstart_s: float | None = None
    """How long a draft may be held before the next rung starts beside it; None is for ever."""
    otherwise: tuple[str, ...] = ()
    """Where it starts elsewhere than the owner's table: the rungs that the table gives. What stands
    above the first of them is paid for like a climb; where that cannot be, they are asked."""
    bars: tuple[Bar, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    shadow: Shadow | None = None
    conversation: str | None = None
    """What its steps have in common: a digest of its beginning, or of the caller's own name."""
    sketch: bytes | None = None
    """What a predictor saw of the chat, where it is to be kept for training."""

    def shows(self, rung: str) -> bool:
        """Whether this rung may see the request."""
        return rung in self.rungs or rung in self.reach

    @property
    def usual(self) -> str:
        """The rung that it would start at without evidence."""
        return (self.otherwise or self.rungs)[0]

    @property
    def usual_bars(self) -> tuple[Bar, ...]:
        """Those that it would have without evidence: they stand in place of no threshold."""
        return tuple(
            replace(bar, confidence=bar.least, waives=False) for bar in self.bars if bar.least > 0
        )

    def bar(self, rung: str) -> Bar | None:
        return next((bar for bar in self.bars if bar.tier == rung), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """Where to go on after a refused draft: rungs of the plan above it, and the bars there."""

    rungs: tuple[str, ...]
    bars: tuple[Bar, ...] | None = None
    """None: as planned."""
    why: str = ""
    """Empty where it goes on as planned."""


TierFault: TypeAlias = Literal[
    "unavailable",  # not started, dead, refused connection
    "timeout",  # our own deadline
    "rate_limited",  # the upstream said 429
    "overloaded",  # 503, 529
    "rejected",  # the upstream found fault with the request: 400, 404, 413, 422
    "unauthorised",  # the upstream refused our key: 401, 403
    "broken",  # 5xx, half a stream, bytes that are not the protocol
    "too_long",  # prompt and answer do not fit the context
    "saturated",  # it has too much to do already
]
"""How a rung can fail."""

AttemptRole: TypeAlias = Literal[
    "draft",
    "self_check",
    "agreement",
    "judge",
    "audit",  # a higher rung's answer to what a lower one has answered already
    "comparison",  # which of the two is better
]
"""What a rung was asked for: an answer, more evidence on a finished draft, or, once the caller had
its answer, whether that was right."""

AttemptState: TypeAlias = Literal[
    "released",  # given to the caller, to its end
    "left",  # released, and then the caller went away, or the server stopped
    "broken_off",  # released, and then the rung failed
    "abandoned",  # doubtful: the caller saw nothing of it
    "failed",  # the rung failed before anything was released
    "cancelled",  # the same, before anything was released
    "outrun",  # a head start that was not needed: the rung below was accepted
    "asked",  # gave evidence on a draft; nobody sees what it wrote
    "spilled",  # not asked: it had too much to do, and the next rung took the step
    "recalled",  # remembered: given again without being drafted again
    "lost",  # this server died over it: what it cost is the worst case, not a count
]


SHORT_CONTEXT = "has a context of"
"""How it is told that a chat is too long for a rung: clients' libraries act on that."""

STOPPED_EARLY = "stopped early"
"""How the reason of a draft begins that was not written to its end."""

EntryState: TypeAlias = Literal[
    "answered",
    "broken_off",
    "exhausted",
    "cancelled",
    "lost",
    "audited",  # no step of a caller: another rung's look at one
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One rung's part in an answer. Times are seconds since the request came in."""

    tier: str
    model: str
    state: AttemptState
    reason: str
    fault: TierFault | None = None
    """How the rung failed, where it did."""
    usage: Usage
    cost_nano: int | None
    """Nano-dollars; None is "price unknown", never zero."""
    started_s: float
    first_piece_s: float | None
    ended_s: float
    readings: tuple[Reading, ...] = ()
    confidence: Confidence | None = None
    engine_s: float | None = None
    role: AttemptRole = "draft"
    threshold: float | None = None
    """The confidence that was asked of it, where it was judged by one."""
    joules: float | None = None
    billed_as: str | None = None
    """The model id that the upstream gave, where it gave one; prices go by it."""
    fingerprint: str | None = None
    """What the upstream said of that which serves the model (OpenAI's `system_fingerprint`)."""
    uncached_nano: int | None = None
    """What it would have cost had nothing of its prompt been cached; None is unknown, as for a
    local rung, whose price is its time."""

    @property
    def doubted(self) -> bool:
        """Whether it is a draft that was abandoned."""
        return self.state == "abandoned" and self.role == "draft"

    @property
    def estimated(self) -> bool:
        """Whether its cost goes by an own count, because the tier told none."""
        return self.usage.estimated


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """One rung's worst case: what its draft, and the evidence on it, can cost at most.

    `nano` is None where a price is unknown, and 0 for a rung of this machine: nothing is paid out.
    """

    tier: str
    nano: int | None
    escalation: bool
    """Whether it stands above the rung where its plan would start without evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """How many of a plan's rungs may be paid for, from the first on, and what stops the others."""

    rungs: int
    short: str = ""
    lost: bool = False
    """Nothing can be written down just now: it is no cap that stops them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a dry run tells: the plan, and what it can cost. Nothing was called."""

    plan: Plan
    bids: tuple[Bid, ...]
    least_nano: int | None
    """The first rung's draft accepted, one token long, its prompt wholly cached."""

    @property
    def most_nano(self) -> int | None:
        """All rungs drafted in vain but the last; None where a price is unknown."""
        costs = [bid.nano for bid in self.bids]
        return None if None in costs else sum(cost for cost in costs if cost is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An answer that may be given again: who wrote it, and its pieces in order."""

    id: str
    tier: str
    model: str
    step_type: StepType
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the answer would have cost, had this hosted rung alone written it: its price for the
    tokens of the draft that was given, cached where they were. None is "price unknown"."""

    tier: str
    nano: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The ledger line of one answered (or failed) step."""

    id: str
    at: float
    """Unix seconds at which the request came in."""
    caller: str
    route: str
    step_type: StepType
    plan_why: str
    attempts: tuple[Attempt, ...]
    state: EntryState
    first_byte_s: float | None
    latency_s: float
    stream: bool = False
    outcome: Outcome | None = None
    baselines: tuple[Baseline, ...] = ()
    """Of an answered entry, one for each hosted rung of the ladder."""
    rungs: tuple[str, ...] = ()
    """The rungs of its plan."""
    usual: str | None = None
    """The rung that it would have started at without evidence; None where nobody wrote it down."""
    forecasts: tuple[Forecast, ...] = ()
    shadow: Shadow | None = None
    conversation: str | None = None
    sketch: bytes | None = field(default=None, repr=False)
    """See Plan, for all of these."""
    task: str | None = None
    """See Chat."""
    audits: str | None = None
    """The entry whose answer was looked at here; None for a step of a caller's own."""

    @property
    def seen(self) -> Attempt | None:
        """The attempt whose draft the caller saw; None when it saw none."""
        for attempt in self.attempts:  # every answer is asked this several times
            if attempt.state in ("released", "left", "broken_off", "recalled"):
                return attempt
        return None

    @property
    def doubted(self) -> bool:
        """Whether at least one draft was abandoned."""
        return any(attempt.doubted for attempt in self.attempts)

    @property
    def tier(self) -> str | None:
        """The tier whose draft the caller saw; None when it saw none."""
        return self.seen.tier if self.seen is not None else None

    @property
    def cost_nano(self) -> int | None:
        """Nano-dollars of every attempt together; None when any price is unknown."""
        cost = 0
        for attempt in self.attempts:
            if attempt.cost_nano is None:
                return None
            cost += attempt.cost_nano
        return cost

    @property
    def usage(self) -> Usage:
        total = Usage()
        for attempt in self.attempts:
            total = total + attempt.usage
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The first thing a caller learns: whose draft is on its way."""

    id: str
    tier: str
    model: str
    rungs_tried: int
    step_type: StepType
    recalled: bool = False
    """Remembered, not drafted: it cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The last thing a caller learns: what every rung together used and cost."""

    usage: Usage
    cost_nano: int | None
    attempts: tuple[Attempt, ...]
