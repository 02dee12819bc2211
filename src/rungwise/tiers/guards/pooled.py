"""Who of several that are as good drafts? A tier of one upstream's keys, or of equal upstreams."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence

from rungwise.contracts import Tier
from rungwise.errors import TierError
from rungwise.tiers.drafting import Drafting
from rungwise.tiers.hosted.hiding import without
from rungwise.tiers.wrapping import Relay
from rungwise.types import Chat, Done, Piece, TierFault

__all__ = ["Pooled"]

OF_A_KEY: frozenset[TierFault] = frozenset(("rate_limited", "unauthorised"))
"""What another key of the same upstream can mend."""
MOST_REST_S = 3600.0
"""An upstream may ask for any time: after an hour it is asked whether it meant that."""


class Pooled:
    """Members that are as good as each other, behind the name and model of the first.

    With `by_key` they are one upstream with several keys: they take turns, and another is asked for
    a fault of the key. Else they are asked in order, the full ones last, and another for any fault
    but the request's own. Only while nothing came and nothing may be billed: what was set aside
    for the rung pays for one draft, so whatever may cost goes to the next rung, which has money of
    its own.

    A member that is rate-limited rests for as long as it says, at most an hour; one that is refused
    for `rest_s`.
    Members of different prices have different models: a draft is billed by who is called so.
    """

    def __init__(
        self,
        members: Sequence[Tier],
        *,
        by_key: bool,
        rest_s: float,
        deadline_s: float,
        secrets: Sequence[str] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.members, self._by_key = tuple(members), by_key
        self._rest_s, self._deadline_s, self._secrets = rest_s, deadline_s, tuple(secrets)
        self._now = now
        self._rests: dict[int, tuple[float, TierFault]] = {}
        """Which members rest, until when, and why."""
        self._turn = 0

    # ---- what they are together ----

    @property
    def name(self) -> str:
        return self.members[0].name

    @property
    def model(self) -> str:
        return self.members[0].model

    @property
    def local(self) -> bool:
        return all(member.local for member in self.members)

    async def start(self) -> None:
        """Raises what the first raised where not one could start."""
        faults = []
        for member in self.members:
            try:
                await member.start()
            except TierError as fault:
                faults.append(fault)
        if len(faults) == len(self.members):
            raise faults[0]

    async def stop(self) -> None:
        for member in self.members:
            await member.stop()

    async def health(self) -> str | None:
        told = [await member.health() for member in self.members]
        return None if None in told else "; ".join(line for line in told if line is not None)

    def cost_nano(self, done: Done) -> int | None:
        return self._called(done.model).cost_nano(done)

    def most_nano(self, chat: Chat) -> int | None:
        costs = [member.most_nano(chat) for member in self._able(chat)]
        return None if None in costs else max((c for c in costs if c is not None), default=0)

    def lacks(self, chat: Chat) -> str | None:
        lacks = [member.lacks(chat) for member in self.members]
        return None if None in lacks else lacks[0]

    def saturation(self) -> str | None:
        full = [member.saturation() for member in self.members]
        return None if None in full else full[0]

    def _called(self, model: str) -> Tier:
        return next((m for m in self.members if m.model == model), self.members[0])

    # ---- one draft ----

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        relay = Relay(model=self.model, chat=chat, read=read, likeliest=likeliest)
        return Drafting(self._write(relay), relay)

    async def _write(self, relay: Relay) -> AsyncGenerator[Piece, None]:
        now = asyncio.get_running_loop().time
        until = now() + self._deadline_s
        faults: list[TierError] = []
        for member in self._order(relay.chat):
            try:
                async with relay.ask(member, until if faults else None) as pieces:
                    async for piece in pieces:
                        relay.begun = True
                        yield piece
                return
            except TierError as fault:
                self._rest(member, fault)
                faults.append(fault)
                if relay.final or not self._mends(fault) or now() >= until:
                    raise self._told(faults, fault) from None
        raise self._told(faults, min(faults, key=_how_soon)) if faults else self._resting()

    def _order(self, chat: Chat) -> list[Tier]:
        """Who is asked, one after another, until one drafts."""
        awake = [member for member in self._able(chat) if not self._rests_now(member)]
        if self._by_key:
            turn = self._turn % max(1, len(awake))
            self._turn += 1
            return awake[turn:] + awake[:turn]
        return sorted(awake, key=lambda member: member.saturation() is not None)

    def _able(self, chat: Chat) -> list[Tier]:
        return [m for m in self.members if m.lacks(chat) is None] or list(self.members)

    def _mends(self, fault: TierError) -> bool:
        return fault.fault in OF_A_KEY if self._by_key else not fault.caller_fault

    # ---- who rests ----

    def _rest(self, member: Tier, fault: TierError) -> None:
        rest_s = fault.retry_after_s if fault.fault == "rate_limited" else None
        if fault.fault == "unauthorised":
            rest_s = self._rest_s
        if rest_s:
            self._rests[id(member)] = (self._now() + min(rest_s, MOST_REST_S), fault.fault)

    def _rests_now(self, member: Tier) -> bool:
        until, _ = self._rests.get(id(member), (0.0, None))
        if until <= self._now():
            self._rests.pop(id(member), None)
        return id(member) in self._rests

    def _resting(self) -> TierError:
        """All of them rest: the one that can be asked soonest is waited for, or is not."""
        until, fault = min(self._rests.values())
        left = until - self._now()
        what = "keys" if self._by_key else "upstreams"
        told = f"its {what} rest for another {math.ceil(left)} s"
        return TierError(self.name, fault, told, retry_after_s=left)

    def _told(self, faults: Sequence[TierError], as_one: TierError) -> TierError:
        """All that was said, under the rung's name, as one fault."""
        message = "; ".join(dict.fromkeys(self._line(fault) for fault in faults))
        told = without(message, self._secrets)  # of another key than the one that was used
        return TierError(self.name, as_one.fault, told, retry_after_s=as_one.retry_after_s)

    def _line(self, fault: TierError) -> str:
        return fault.message if fault.tier == self.name else f"{fault.tier}: {fault.message}"


def _how_soon(fault: TierError) -> tuple[bool, float]:
    """Least for the fault that is soonest over."""
    after = math.inf if fault.retry_after_s is None else fault.retry_after_s
    return fault.fault == "unauthorised", after
