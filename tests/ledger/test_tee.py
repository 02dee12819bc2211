"""What is news of many answers at once is told in drawn order, that of one answer in its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rungwise.ledger.sayings import Heard, Saying
from rungwise.ledger.tee import Tee
from rungwise.types import Entry, Outcome
from tests.ledger.test_hearing import STEP

pytestmark = pytest.mark.anyio


class Told:
    """A ledger to which all is news."""

    async def hear(self, sayings: Sequence[Saying]) -> Sequence[Heard]:
        return [
            Heard(news=True, entry=replace(STEP, id=saying.answer or "", outcome=saying.outcome))
            for saying in sayings
        ]


async def test_a_list_that_is_sorted_by_right_is_told_in_drawn_order() -> None:
    told: list[Entry] = []
    tee = Tee(Told(), readers=[], told=[told.append])  # type: ignore[arg-type]
    sayings = [
        Saying(answer=f"req_{n}", outcome=Outcome(right=right))
        for right in (False, True)
        for n in range(200)
    ]
    heard = await tee.hear(sayings)
    assert [h.entry.id for h in heard if h.entry] == [f"req_{n}" for n in [*range(200)] * 2]
    rights = [e.outcome.right for e in told if e.outcome]
    assert len(told) == 400 and 60 < sum(rights[:200]) < 140
    for n in range(200):
        said = [e.outcome.right for e in told if e.id == f"req_{n}" and e.outcome]
        assert said == [False, True], "the last word stays the last"
