"""Which doors connect the rooms? The Protocols that parts and third parties fulfil."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from rungwise.types import (
    Caller,
    Chat,
    Confidence,
    Done,
    Draft,
    Entry,
    Outcome,
    Piece,
    Plan,
    Reading,
    StepType,
    Verdict,
)

__all__ = [
    "Drafting",
    "Gate",
    "Judgement",
    "Keyring",
    "Ledger",
    "Router",
    "Signal",
    "Tier",
    "Verifier",
]


class Drafting(Protocol):
    """One draft while it is being written."""

    def __aiter__(self) -> AsyncIterator[Piece]: ...

    async def __anext__(self) -> Piece: ...

    async def aclose(self) -> None:
        """Stop the generation on the device, or close the hosted stream, before returning."""

    def spent(self) -> Done:
        """What this draft has used so far; final once the iteration ended or was closed."""
        ...


class Tier(Protocol):
    """A named level that can draft."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str:
        """The model's id, as callers see it."""
        ...

    @property
    def local(self) -> bool:
        """True when nothing that is sent to this tier leaves the box."""
        ...

    async def start(self) -> None:
        """Make ready to draft; may be called again after stop().

        Raises TierError where another start might succeed, and ConfigError where none can.
        """

    async def stop(self) -> None:
        """Let go of engine, connections and memory. Never raises; harmless when not started."""

    async def health(self) -> str | None:
        """None when ready to draft, else one line that says what is missing. Never raises."""

    def draft(self, chat: Chat, *, read: bool) -> Drafting:
        """Begin one draft. `read` asks for the tokens' log-probabilities where the tier has them.

        Iterating raises only TierError (and what asyncio raises to cancel).
        """
        ...

    def cost_nano(self, done: Done) -> int | None:
        """Nano-dollars for what was spent; None when the price is unknown."""
        ...


class Router(Protocol):
    def plan(self, chat: Chat) -> Plan:
        """Which rungs may draft, and why. Pure and fast.

        Raises CallerError for a wish that no rung can grant, and nothing else: without evidence
        it plans the safe rung and says so.
        """
        ...


class Signal(Protocol):
    """One number read from a draft while it is written; a fresh one for every draft."""

    @property
    def name(self) -> str: ...

    def feed(self, logprob: float) -> None:
        """One more token that decides, in nats. O(1)."""

    def value(self) -> float | None:
        """The reading so far; None where there is nothing to read."""
        ...

    def best(self) -> float | None:
        """The highest value it can still reach, whatever is written next; None is "any"."""
        ...


class Gate(Protocol):
    """Judges one tier's drafts. Holds no state between drafts."""

    @property
    def reads(self) -> bool:
        """Whether log-probabilities are wanted from the tier."""
        ...

    def hopeless(self, step_type: StepType) -> str | None:
        """Why no draft for this step type could ever be accepted; None where one might be."""
        ...

    def open(self, chat: Chat, plan: Plan) -> Judgement:
        """Begin to judge one draft. Only where there is hope."""
        ...


class Judgement(Protocol):
    """The gate's view of one draft while it is held."""

    def feed(self, piece: Piece) -> Verdict | None:
        """An early verdict, or None to go on holding. O(1) per token."""

    def close(self, draft: Draft) -> Verdict:
        """The verdict on the finished draft."""
        ...

    @property
    def readings(self) -> Sequence[Reading]: ...

    @property
    def confidence(self) -> Confidence | None: ...


class Verifier(Protocol):
    def check(self, chat: Chat, draft: Draft) -> Verdict:
        """Is the finished draft what was asked for? Never raises: a check that cannot be made
        is an Escalate that says so."""
        ...


class Ledger(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def record(self, entry: Entry) -> None:
        """Write one entry for good. Raises StoreError."""

    async def settle(self, entry_id: str, outcome: Outcome) -> bool:
        """Add what the caller said of it; False when there is no such entry."""
        ...


class Keyring(Protocol):
    def identify(self, secret: str | None) -> Caller:
        """Whose key this is. Raises NotAuthorised."""
        ...
