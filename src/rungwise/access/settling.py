"""What did it cost after all? What was set aside for an answer becomes what was spent on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from rungwise.access.budget import worst
from rungwise.access.spending import Place, change
from rungwise.store.statements import ask
from rungwise.types import Bid

__all__ = ["Charge", "bids_of", "bids_text", "settle"]


TOGETHER = 500
"""Ids that one statement names."""


class Charge(Protocol):
    """What is read of an attempt; a row of the table `attempt` has it too."""

    @property
    def tier(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def cost_nano(self) -> int | None: ...
    @property
    def estimated(self) -> bool: ...
    @property
    def started_s(self) -> float: ...
    @property
    def ended_s(self) -> float: ...


def settle(
    connection: Connection, charges: Mapping[str, Sequence[Charge]], local: frozenset[str]
) -> None:
    """Settle what was set aside for these answers, by their ids: it is given back, and what their
    attempts cost is spent. An id for which nothing was set aside changes nothing, so that nothing
    is settled twice. `local` are the rungs of this machine: they bill nobody."""
    paid: Counter[Place] = Counter()
    held: Counter[Place] = Counter()
    for id, told, windows in _taken_out(connection, list(charges)):
        bids = bids_of(told)
        cost, climbed = _costs(bids, charges[id], local)
        for name, of, window, start in json.loads(windows):
            place = (name, of, window, start)
            paid[place] += climbed if of == "escalation" else cost
            held[place] += worst(bids, of)
    change(connection, {place: (paid[place], -freed) for place, freed in held.items()})


def _taken_out(connection: Connection, ids: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The reservations of these ids, which are none any more: id, bids, windows."""
    for first in range(0, len(ids), TOGETHER):
        some = tuple(ids[first : first + TOGETHER])
        marks = ", ".join("?" for _ in some)
        gone = f"delete from reservation where id in ({marks}) returning id, bids, windows"
        yield from ask(connection, gone, some)


def bids_text(bids: Iterable[Bid]) -> str:
    return json.dumps([(bid.tier, bid.nano, bid.escalation) for bid in bids])


def bids_of(text: str) -> tuple[Bid, ...]:
    return tuple(Bid(tier=t, nano=nano, escalation=e) for t, nano, e in json.loads(text))


def _costs(
    bids: Sequence[Bid], charges: Sequence[Charge], local: frozenset[str]
) -> tuple[int, int]:
    """Of all, and of escalation: what was paid out on each rung, with the evidence on its draft.
    At least the rung's worst case where a price is unknown, and where the upstream told no usage:
    what a model thought unseen before it was cut off is in no estimate."""
    paid = [0 for _ in bids]
    unknown: set[int] = set()
    for charge in charges:
        if charge.tier in local and charge.state != "lost":
            continue
        rung = _rung(charge, bids, charges)
        paid[rung] += charge.cost_nano or 0
        if charge.cost_nano is None or charge.estimated:
            unknown.add(rung)
    for rung in unknown:
        paid[rung] = max(paid[rung], bids[rung].nano or 0)
    climbed = sum(cost for cost, bid in zip(paid, bids, strict=True) if bid.escalation)
    return sum(paid), climbed


def _rung(charge: Charge, bids: Sequence[Bid], charges: Sequence[Charge]) -> int:
    """Whose bid counted with it: a draft's own, and for evidence that of the draft it is on, which
    is not over before the evidence is; of two such (one begun ahead) the lower is judged."""
    places = {bid.tier: place for place, bid in enumerate(bids)}
    if charge.role == "draft":
        return places.get(charge.tier, len(bids) - 1)
    around = (
        places[draft.tier]
        for draft in charges
        if draft.role == "draft"
        and draft.tier in places
        and draft.started_s <= charge.started_s
        and charge.ended_s <= draft.ended_s
    )
    return min(around, default=0)
