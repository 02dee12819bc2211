"""Which doors connect the rooms? The Protocols that parts and third parties fulfil."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from rungwise.types import (
    Attempt,
    AttemptRole,
    Bid,
    Caller,
    Chat,
    Confidence,
    Done,
    Draft,
    Entry,
    Grant,
    Onward,
    Outcome,
    Piece,
    Plan,
    Reading,
    Remembered,
    StepType,
    Verdict,
)

__all__ = [
    "Cache",
    "Drafting",
    "Gate",
    "Judgement",
    "Keyring",
    "Ledger",
    "Onlooker",
    "Pace",
    "Probe",
    "Purse",
    "Repeats",
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

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        """Begin one draft. `read` asks for the tokens' log-probabilities where the tier has them,
        `likeliest` for those of so many likeliest tokens at each place beside them.

        Iterating raises only TierError (and what asyncio raises to cancel).
        """
        ...

    def cost_nano(self, done: Done) -> int | None:
        """Nano-dollars for what was spent; None when the price is unknown."""
        ...

    def most_nano(self, chat: Chat) -> int | None:
        """Nano-dollars that one draft of this chat can be billed at most; None when a price, or a
        limit for the answer, is unknown. A rung of this machine bills nobody: 0."""
        ...

    def lacks(self, chat: Chat) -> str | None:
        """What this rung cannot do that the chat needs, in a few words (SHORT_CONTEXT at their
        head where it is too long); None where it can try.
        Pure and fast; a rung whose abilities are not known lacks nothing."""
        ...

    def saturation(self) -> str | None:
        """Why it should rather not be asked just now, in a few words; None where it may be.
        At once."""
        ...


class Router(Protocol):
    def plan(self, chat: Chat) -> Plan:
        """Which rungs may draft, and why. Pure and fast.

        Raises CallerError for a wish that no rung can grant, and nothing else: without evidence
        it plans the safe rung and says so.
        """
        ...

    def onward(self, plan: Plan, chat: Chat, refused: Sequence[Attempt]) -> Onward:
        """Which of the rungs above the last refused draft to ask, and why. Pure and fast, raises
        nothing; at least one of them remains where there are any."""
        ...


class Signal(Protocol):
    """One number read from a draft while it is written; a fresh one for every draft."""

    @property
    def name(self) -> str: ...

    def feed(self, logprob: float, likeliest: Sequence[float]) -> None:
        """One more token, in nats, and the likeliest ones at its place. O(1)."""

    def value(self) -> float | None:
        """The reading so far; None where there is nothing to read."""
        ...

    def best(self) -> float | None:
        """The surest value it can still reach, whatever is written next; None is "any"."""
        ...


class Probe(Protocol):
    """Paid evidence on a finished draft: a further question to a rung. Does nothing itself."""

    @property
    def name(self) -> AttemptRole:
        """Also the name of its reading."""
        ...

    @property
    def tier(self) -> str | None:
        """The rung that is asked; None is the one that drafted."""
        ...

    @property
    def deadline_s(self) -> float: ...

    def question(self, chat: Chat, draft: Draft) -> Chat | None:
        """What to ask; None where this draft leaves nothing to ask about."""
        ...

    def read(self, chat: Chat, draft: Draft, answer: Sequence[Piece]) -> float | None:
        """How much the answer speaks for the draft, 0 to 1; None where it cannot be read."""
        ...


class Gate(Protocol):
    """Judges one tier's drafts. Holds no state between drafts."""

    @property
    def likeliest(self) -> int | None:
        """How many likeliest tokens to ask for beside each token; None: nothing is read."""
        ...

    def hopeless(self, plan: Plan) -> str | None:
        """Why no draft under this plan could ever be accepted; None where one might be."""
        ...

    def open(self, chat: Chat, plan: Plan) -> Judgement:
        """Begin to judge one draft. Only where there is hope."""
        ...

    def watch(self, chat: Chat, plan: Plan) -> Judgement | None:
        """Begin to read a draft that is released unjudged, for the ledger; None: it is not read."""
        ...

    def probes(self, step_type: StepType) -> Sequence[Probe]:
        """The paid evidence that is wanted on a draft which nothing else speaks against."""
        ...


class Judgement(Protocol):
    """The gate's view of one draft."""

    def feed(self, piece: Piece) -> Verdict | None:
        """An early verdict, or None to go on holding. O(1) per token. After a verdict it only
        reads on."""

    def close(self, draft: Draft) -> Verdict:
        """The verdict on the finished draft, before any paid evidence."""
        ...

    def weigh(self, probe: AttemptRole, value: float | None) -> Verdict:
        """The verdict with a probe's reading; None is a probe that gave none."""
        ...

    @property
    def settled(self) -> bool:
        """Whether no evidence could change the verdict of `close` any more."""
        ...

    @property
    def readings(self) -> Sequence[Reading]: ...

    @property
    def confidence(self) -> Confidence | None: ...

    @property
    def threshold(self) -> float | None: ...


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

    async def label(self, entry_id: str, outcome: Outcome) -> Entry | None:
        """Add what was said of it: the entry with the outcome that is believed now; None when
        there is no such entry. Raises StoreError."""
        ...

    async def find(self, entry_id: str) -> Entry | None:
        """The entry of that id. Raises StoreError."""
        ...


class Cache(Protocol):
    """Answers that may be given again. A cache that fails forgets, and says so in the log."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def recall(self, chat: Chat) -> Remembered | None:
        """The answer to just this, asked by this chat's tenant and young enough."""
        ...

    async def remember(self, chat: Chat, answer: Remembered) -> None:
        """Keep an accepted answer, where this chat's answers are kept at all."""
        ...


class Onlooker(Protocol):
    def see(self, chat: Chat, given: Sequence[Piece], entry: Entry) -> None:
        """One step after it was written down: what was asked, what the caller saw, what became
        of it. At once, and never raises; nobody waits for what it makes of that."""


class Purse(Protocol):
    """May this be paid for? What is set aside is settled by the entry's way into the ledger."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def reserve(
        self, id: str, caller: Caller, bids: Sequence[Bid], *, most_nano: int | None
    ) -> Grant:
        """Set aside the worst case of as many of these rungs, from the first on, as the caller's
        caps and this request's own (`most_nano`) allow. Rungs of 0 need no money. Never raises:
        what cannot be written down is not granted.

        Bids of 0 alone leave nothing to settle; else the entry of this id settles it, whatever
        became of the answer.
        """
        ...


class Pace(Protocol):
    def permit(self, caller: Caller) -> AbstractContextManager[None]:
        """Let one request in for as long as it lasts. Raises TooFast before any work."""
        ...


class Repeats(Protocol):
    """What was asked under an Idempotency-Key before?"""

    async def begin(self, chat: Chat, id: str) -> Remembered | None:
        """Claim the chat's key (`wish.once`) for the answer `id`; what it was answered with when
        it was.

        Raises RepeatDiffers for another chat under the same key, RepeatOpen while the first is
        being answered, RepeatSpent where the first was billed but has no whole answer.
        """
        ...

    async def end(self, chat: Chat, answer: Remembered | None, *, billed: bool) -> None:
        """Keep the answer; without one, and not billed, the key is free again."""
        ...


class Keyring(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def identify(self, secret: str | None) -> Caller:
        """Whose key this is. Raises NotAuthorised."""
        ...
