"""One word for every doubt, whatever the reason says in full."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rungwise.escalations import escalations
from rungwise.types import Attempt, Confidence
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED

SURE = Confidence(probability=0.95, calibration="c")


def whys(*attempts: Attempt) -> list[str]:
    return [why for _, why in escalations(replace(ENTRY, attempts=attempts))]


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        (replace(ATTEMPT, reason="stopped early: p <= 0.18 < 0.90"), "early"),
        (replace(ATTEMPT, reason="stopped early: x", confidence=None), "early"),
        (ATTEMPT, "confidence"),
        (replace(ATTEMPT, reason="written in other words"), "confidence"),
        (replace(ATTEMPT, reason="no log-probabilities to read", confidence=None), "unread"),
        (replace(ATTEMPT, reason="the answer breaks the schema", confidence=SURE), "checks"),
        (replace(ATTEMPT, reason="empty answer", confidence=None, threshold=None), "checks"),
        (replace(ATTEMPT, reason="not verified: the judge gave no answer"), "evidence"),
    ],
)
def test_every_doubt_has_its_word(draft: Attempt, why: str) -> None:
    assert whys(draft, BARE) == [why]


@pytest.mark.parametrize("state", ["asked", "failed"])
def test_where_evidence_was_asked_for_it_was_the_evidence(state: str) -> None:
    judge = replace(JUDGED, state=state)
    assert whys(ATTEMPT, judge, BARE) == ["evidence"]
    assert whys(replace(ATTEMPT, confidence=SURE), judge, BARE) == ["evidence"]


def test_evidence_counts_for_the_draft_it_was_asked_about() -> None:
    """Two doubted drafts, the second begun beside the first; a judge on either of them."""
    first = replace(ATTEMPT, started_s=0.0, ended_s=1.0)
    second = replace(ATTEMPT, tier="t2", started_s=0.1, ended_s=2.0)
    last = replace(BARE, tier="t3", started_s=2.0, ended_s=3.0)

    def judged(started_s: float, ended_s: float) -> Sequence[str]:
        judge = replace(JUDGED, started_s=started_s, ended_s=ended_s)
        return whys(first, second, judge, last)

    assert judged(0.5, 0.9) == ["evidence", "confidence"]
    assert judged(1.5, 1.9) == ["confidence", "evidence"]


@pytest.mark.parametrize(
    "state", ["released", "left", "broken_off", "failed", "cancelled", "outrun"]
)
def test_only_abandoned_drafts_are_escalations(state: str) -> None:
    assert whys(replace(ATTEMPT, state=state)) == []
    assert whys(replace(ATTEMPT, role="agreement")) == []
