"""Which drafts the gate lets go, which it stops early, and what it says."""

import math
from typing import Any

import pytest

from rungwise.confidence.calibration import Calibration
from rungwise.confidence.gate import CalibratedGate, read_draft
from rungwise.config import GateConfig
from rungwise.drafts import collect
from rungwise.types import (
    Accept,
    Chat,
    Draft,
    Escalate,
    Message,
    OutputShape,
    Piece,
    Plan,
    Sampling,
    StepType,
    Verdict,
)
from tests.confidence.test_calibration import calibration

CHAT = Chat(messages=(Message(role="user", text="x"),))
PLAN = Plan(rungs=("t1", "t2"), step_type=StepType.OPEN_CHAT, why="test")
WINDOWED = calibration(signals=["worst_window_logprob"], weights=[2.0])


def words(*logprobs: float | None, finish: str = "stop") -> list[Piece]:
    pieces = [Piece(f"w{i} ", logprobs=(lp,)) for i, lp in enumerate(logprobs)]
    return [*pieces, Piece(finish=finish)]  # type: ignore[arg-type]


def judge(
    pieces: list[Piece],
    fitted: Calibration = WINDOWED,
    chat: Chat = CHAT,
    plan: Plan = PLAN,
    **config: Any,
) -> tuple[Verdict, int]:
    """The verdict, and how many pieces were read before it."""
    gate = CalibratedGate(GateConfig(tier="t1", **config), fitted)
    assert gate.hopeless(plan.step_type) is None
    judgement = gate.open(chat, plan)
    for count, piece in enumerate(pieces, start=1):
        verdict = judgement.feed(piece)
        if verdict is not None:
            return verdict, count
    return judgement.close(Draft(choices=collect(pieces))), len(pieces)


def test_a_sure_draft_is_accepted_with_its_confidence() -> None:
    verdict, _ = judge(words(-0.1, -0.2))
    assert isinstance(verdict, Accept)
    assert "worst_window_logprob -0.15" in verdict.reason


def test_a_doubtful_draft_escalates() -> None:
    verdict, _ = judge(words(-3.0, -2.0))
    assert isinstance(verdict, Escalate)


def test_a_lost_draft_is_stopped_at_the_first_full_window() -> None:
    verdict, read = judge(words(*[-3.0] * 40))
    assert isinstance(verdict, Escalate) and "stopped early" in verdict.reason
    assert read == 8


def test_early_false_reads_to_the_end() -> None:
    verdict, read = judge(words(*[-3.0] * 40), early=False)
    assert isinstance(verdict, Escalate)
    assert read == 41


def test_an_early_stop_never_contradicts_the_end() -> None:
    for worst in (-0.2, -0.35, -0.4, -0.5, -1.0):
        pieces = words(*[-0.05] * 10, *[worst] * 8, *[-0.01] * 30)
        early, _ = judge(pieces)
        late, _ = judge(pieces, early=False)
        assert type(early) is type(late)


@pytest.mark.parametrize("odd", [None, math.nan])
@pytest.mark.parametrize("sure", [0, 7])
def test_odd_logprobs_are_no_reading(odd: float | None, sure: int) -> None:
    verdict, _ = judge([Piece("x", logprobs=(odd,) * 50), *words(*[-0.001] * sure)])
    assert isinstance(verdict, Escalate) and "no log-probabilities" in verdict.reason


def test_an_impossible_token_is_the_most_doubtful_one() -> None:
    verdict, _ = judge(words(*[-0.001] * 20, -math.inf, *[-0.001] * 20))
    assert isinstance(verdict, Escalate)
    pieces = words(-0.001, -9999.0)
    assert read_draft(CHAT, pieces, ("min_logprob",)) == {"min_logprob": -20.0}


def test_what_a_grammar_forced_is_neither_read_nor_missed() -> None:
    chat = Chat(messages=CHAT.messages, shape=OutputShape())
    pieces = [Piece('{"a": ', forced=6), Piece("true", forced=1), Piece(' , "b": ', forced=4)]
    assert read_draft(chat, pieces, ("mean_logprob",)) is None
    pieces.append(Piece("12}", logprobs=(-0.5,), forced=2, finish="stop"))
    assert read_draft(chat, pieces, ("mean_logprob",)) == {"mean_logprob": -0.5}


def test_logprobs_that_stop_halfway_are_no_reading() -> None:
    pieces = [*words(-0.1, -0.1)[:-1], Piece("a"), Piece("b"), Piece(finish="stop")]
    verdict, _ = judge(pieces)
    assert isinstance(verdict, Escalate) and "no log-probabilities" in verdict.reason


def test_without_a_calibration_there_is_no_hope() -> None:
    gate = CalibratedGate(GateConfig(tier="t1"), None)
    assert "not calibrated" in (gate.hopeless(StepType.OPEN_CHAT) or "")
    assert not gate.reads


def test_without_a_threshold_for_the_step_type_there_is_no_hope() -> None:
    gate = CalibratedGate(GateConfig(tier="t1"), calibration())
    assert "insufficient data" in (gate.hopeless(StepType.PLANNING) or "")
    assert gate.hopeless(StepType.OPEN_CHAT) is None


def test_a_choice_that_never_came_is_no_answer() -> None:
    chat = Chat(messages=CHAT.messages, sampling=Sampling(n=2))
    assert isinstance(judge(words(-0.01), chat=chat)[0], Escalate)
    assert isinstance(judge([])[0], Escalate)


def test_the_least_sure_of_several_choices_counts() -> None:
    pieces = [
        Piece("a", 0, (-0.01,)),
        Piece("b", 1, (-4.0,)),
        Piece(finish="stop"),
        Piece(choice=1, finish="stop"),
    ]
    verdict, _ = judge(pieces)
    assert isinstance(verdict, Escalate)


@pytest.mark.parametrize(
    ("text", "config", "accepted"),
    [
        ("I'm not sure, maybe 4.", {}, False),
        ("I'm not sure, maybe 4.", {"hedging": False}, True),
        ("I'm sorry, but I can't help.", {}, True),
        ("I'm sorry, but I can't help.", {"refusal": "escalate"}, False),
        ("   ", {}, False),
    ],
)
def test_what_the_text_says_of_itself(text: str, config: dict[str, Any], accepted: bool) -> None:
    verdict, _ = judge([Piece(text, logprobs=(-0.01,), finish="stop")], **config)
    assert isinstance(verdict, Accept) is accepted


def test_a_refusal_in_words_must_be_a_sure_one() -> None:
    verdict, _ = judge([Piece("I'm sorry, but I can't help.", logprobs=(-5.0,), finish="stop")])
    assert isinstance(verdict, Escalate)


def test_doubtful_words_in_a_document_are_its_data() -> None:
    chat = Chat(messages=CHAT.messages, shape=OutputShape())
    text = '{"msg": "I\'m not sure where my parcel is"}'
    pieces = [Piece(text, logprobs=(-0.01,), finish="stop")]
    assert isinstance(judge(pieces, chat=chat)[0], Accept)
    assert isinstance(judge(pieces)[0], Escalate)


def test_an_apis_own_refusal_field_is_a_refusal() -> None:
    pieces = [Piece(refusal="no", finish="stop")]
    assert isinstance(judge(pieces)[0], Accept)
    assert isinstance(judge(pieces, refusal="escalate")[0], Escalate)


@pytest.mark.parametrize("logprob", [-0.01, -5.0])
def test_one_choice_that_declined_does_not_speak_for_the_others(logprob: float) -> None:
    pieces = [Piece(refusal="no", finish="stop"), Piece("x", 1, (logprob,), finish="stop")]
    assert isinstance(judge(pieces)[0], Accept) is (logprob == -0.01)


def test_truncation_escalates_unless_configured() -> None:
    pieces = words(-0.01, -0.01, finish="length")
    assert isinstance(judge(pieces)[0], Escalate)
    assert isinstance(judge(pieces, truncation="return")[0], Accept)


def test_json_is_judged_by_its_values() -> None:
    chat = Chat(messages=CHAT.messages, shape=OutputShape())
    pieces = [
        Piece('{"name": "', logprobs=(-0.0001,) * 5),
        Piece("Mara", logprobs=(-3.0,)),
        Piece('"}', logprobs=(-3.0,), finish="stop"),
    ]
    assert read_draft(chat, pieces, ("mean_logprob",)) == {"mean_logprob": -3.0}
    assert isinstance(judge(pieces, chat=chat)[0], Escalate)
    assert read_draft(CHAT, pieces, ("mean_logprob",)) != {"mean_logprob": -3.0}
