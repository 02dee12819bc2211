"""How sure a plan wants a draft to be: beside the calibrated threshold, or in its place."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.confidence.calibration import Threshold
from rungwise.confidence.gate import CalibratedGate
from rungwise.confidence.judge import Judge
from rungwise.confidence.thresholds import thresholds_of
from rungwise.config import GateConfig, JudgeConfig
from rungwise.drafts import collect
from rungwise.types import Accept, Bar, Draft, Escalate, Piece, Plan, StepType
from tests.confidence.test_calibration import calibration, windowed
from tests.confidence.test_gate import CHAT, PLAN, STREAM, judge, prefixed, words

MEAN = calibration()
"""p = sigmoid(3 + 2 mean); asked of open chat: .9 at both ends."""


def barred(confidence: float, *, waives: bool = False, tier: str = "t1", **plan: Any) -> Plan:
    bar = Bar(tier=tier, confidence=confidence, waives=waives)
    return replace(PLAN, bars=(bar,), **plan)


def accepted(pieces: list[Piece], plan: Plan, *more: Any, **config: Any) -> bool:
    return isinstance(judge(pieces, *(more or (MEAN,)), plan=plan, **config)[0], Accept)


SURE, MIDDLING, UNSURE = words(-0.1, -0.1), words(-0.5, -0.5), words(-1.5, -1.5)
"""p = .94, .88, .50."""


def test_a_bar_beside_the_threshold_asks_for_whichever_is_more() -> None:
    assert accepted(SURE, barred(0.2)) and not accepted(MIDDLING, barred(0.2))
    assert not accepted(SURE, barred(0.95)) and accepted(SURE, barred(0.93))


def test_a_bar_in_place_of_the_threshold_is_all_that_is_asked() -> None:
    assert accepted(MIDDLING, barred(0.6, waives=True))
    assert not accepted(UNSURE, barred(0.6, waives=True))
    assert not accepted(SURE, barred(0.95, waives=True))


def test_another_rungs_bar_says_nothing() -> None:
    assert not accepted(UNSURE, barred(0.0, waives=True, tier="t2"))


def test_the_threshold_that_was_asked_is_told() -> None:
    gate = CalibratedGate(GateConfig(tier="t1"), MEAN)
    asked = {
        (confidence, waives): gate.open(CHAT, barred(confidence, waives=waives)).threshold
        for confidence in (0.0, 0.5, 0.95)
        for waives in (False, True)
    }
    assert asked == {
        (0.0, False): 0.9,
        (0.5, False): 0.9,
        (0.95, False): 0.95,
        (0.0, True): 0.0,
        (0.5, True): 0.5,
        (0.95, True): 0.95,
    }
    assert gate.open(CHAT, PLAN).threshold == 0.9


# ---- where there is hope ---------------------------------------------------------------------


def hopeless(plan: Plan, fitted: Any = MEAN, **config: Any) -> str | None:
    return CalibratedGate(GateConfig(tier="t1", **config), fitted).hopeless(plan)


def test_without_a_calibration_only_a_bar_of_zero_gives_hope() -> None:
    assert hopeless(barred(0.0, waives=True), None) is None
    assert "not calibrated" in (hopeless(barred(0.1, waives=True), None) or "")
    assert "not calibrated" in (hopeless(barred(0.0), None) or "")


def test_without_a_threshold_a_bar_in_its_place_gives_hope() -> None:
    planning = {"step_type": StepType.PLANNING}
    assert hopeless(barred(0.5, waives=True, **planning)) is None
    assert "insufficient data" in (hopeless(barred(0.5, **planning)) or "")


def test_a_bar_that_no_reading_reaches_leaves_no_hope() -> None:
    """The surest reading there is, a mean of 0, gives sigmoid(3) = .953."""
    assert hopeless(barred(0.95)) is None
    assert "surer than 0.95, 0.96 is asked" in (hopeless(barred(0.96)) or "")
    assert hopeless(barred(0.96, waives=True)) is not None
    assert hopeless(barred(1.0), None, accept="checked") is None


def test_what_is_opened_without_hope_climbs() -> None:
    """Bars are set anew after a refusal, when it is too late to pass a rung over."""
    for fitted in (None, calibration(thresholds={})):
        gate = CalibratedGate(GateConfig(tier="t1"), fitted)
        judgement = gate.open(CHAT, barred(0.5, waives=fitted is None))
        verdicts = [judgement.feed(piece) for piece in SURE]
        assert verdicts == [None] * len(SURE)
        verdict = judgement.close(Draft(choices=collect(SURE)))
        assert isinstance(verdict, Escalate) and "no confidence" in verdict.reason


# ---- nothing is asked ------------------------------------------------------------------------


@pytest.mark.parametrize("fitted", [None, MEAN])
def test_a_bar_of_zero_lets_go_what_the_checks_let_pass(fitted: Any) -> None:
    plan = barred(0.0, waives=True)
    assert accepted(words(-9.0, -9.0), plan, fitted)
    assert accepted([Piece("no numbers at all", finish="stop")], plan, fitted)
    assert not accepted([Piece("I'm not sure.", finish="stop")], plan, fitted)
    assert not accepted([Piece("half", finish="length")], plan, fitted)


def test_where_nothing_is_asked_no_evidence_is_paid_for() -> None:
    probe = Judge(JudgeConfig(tier="t2"))
    gate = CalibratedGate(GateConfig(tier="t1"), MEAN, [(probe, None)])
    for plan, settled in ((barred(0.0, waives=True), True), (barred(0.5, waives=True), False)):
        judgement = gate.open(CHAT, plan)
        judgement.close(Draft(choices=collect(SURE)))
        assert judgement.settled == settled


# ---- streams ---------------------------------------------------------------------------------


def test_a_stream_is_not_held_where_nothing_is_asked() -> None:
    for fitted in (prefixed(), windowed(prefixes=None)):
        verdict, _ = judge(words(*[-3.0] * 40), fitted, STREAM, barred(0.0, waives=True))
        assert isinstance(verdict, Accept)
    _, read = judge(words(*[-3.0] * 40), prefixed(), STREAM, barred(0.0, waives=True))
    assert read == 4


def test_a_beginning_leaves_by_the_threshold_for_beginnings_and_an_end_by_the_bar() -> None:
    """All of them at p = .88: under .9 and over the bar."""
    verdict, read = judge(words(*[-0.5] * 40), prefixed(), STREAM, barred(0.6, waives=True))
    assert isinstance(verdict, Accept) and read == 41
    verdict, read = judge(words(*[-0.1] * 40), prefixed(), STREAM, barred(0.6, waives=True))
    assert isinstance(verdict, Accept) and read == 4
    verdict, read = judge(words(*[-0.1] * 40), prefixed(), STREAM, barred(0.945, waives=True))
    assert isinstance(verdict, Escalate), "a bar above the threshold holds at both ends"


def test_a_bar_beside_the_threshold_holds_for_beginnings_too() -> None:
    assert judge(words(*[-0.1] * 40), prefixed(), STREAM, barred(0.93))[1] == 4
    assert isinstance(judge(words(*[-0.1] * 40), prefixed(), STREAM, barred(0.945))[0], Escalate)


# ---- stopping early --------------------------------------------------------------------------


def test_the_chance_to_recover_is_only_heeded_for_thresholds_no_lower_than_its_own() -> None:
    """After 4 tokens at -2 the chance of reaching .9 is .018, but that of reaching .1 is not."""
    pieces = words(*[-2.0] * 12)
    for plan, read in ((PLAN, 4), (barred(0.95), 4), (barred(0.95, waives=True), 4)):
        assert judge(pieces, prefixed(), plan=plan)[1] == read
    verdict, read = judge(pieces, prefixed(), plan=barred(0.1, waives=True))
    assert isinstance(verdict, Accept) and read == 13


def test_a_draft_is_lost_once_it_cannot_reach_what_is_asked_of_it() -> None:
    """The worst window at -1.5 bounds p at .5."""
    pieces = words(*[-1.5] * 40)
    assert judge(pieces, windowed())[1] == 8
    assert judge(pieces, windowed(), plan=barred(0.6, waives=True))[1] == 8
    verdict, read = judge(pieces, windowed(), plan=barred(0.4, waives=True))
    assert isinstance(verdict, Accept) and read == 41


@settings(max_examples=50)
@given(
    st.lists(st.floats(-4, 0), min_size=1, max_size=30),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
)
def test_an_early_stop_never_contradicts_the_end_under_any_bar(
    logprobs: list[float], confidence: float, waives: bool, stream: bool
) -> None:
    plan, chat = barred(confidence, waives=waives), STREAM if stream else CHAT
    gate = CalibratedGate(GateConfig(tier="t1"), windowed())
    if gate.hopeless(plan) is None:
        early, _ = judge(words(*logprobs), windowed(), chat, plan)
        late, _ = judge(words(*logprobs), windowed(), chat, plan, early=False)
        assert type(early) is type(late)


probabilities = st.none() | st.floats(0, 1)


@given(probabilities, probabilities, st.floats(0, 1))
def test_a_bar_never_lowers_what_a_promise_asks(
    whole: float | None, prefix: float | None, confidence: float
) -> None:
    found = Threshold(whole=whole, prefix=prefix, labels=1)
    told = thresholds_of(found, Bar(tier="t", confidence=confidence))
    for own, asked in ((whole, told.whole), (prefix, told.prefix), (prefix, told.streamed)):
        assert asked is None if own is None else asked == max(own, confidence)


def test_what_a_gate_asks_for_can_be_looked_up() -> None:
    def told(fitted: Any, step_type: StepType, **config: Any) -> tuple[Any, ...]:
        gate = CalibratedGate(GateConfig(tier="t1", **config), fitted)
        return gate.judges, gate.reads(step_type), gate.least(step_type)

    assert told(MEAN, StepType.OPEN_CHAT) == (True, True, 0.9)
    assert told(MEAN, StepType.PLANNING) == (True, True, None)
    assert told(None, StepType.PLANNING) == (True, False, None)
    assert told(None, StepType.PLANNING, accept="checked")[0] is False
    assert told(MEAN, StepType.OPEN_CHAT, hold="none")[0] is False
