"""Which drafts the gate lets go, which it stops early, and what it says."""

import math
from dataclasses import replace
from typing import Any

import pytest

from rungwise.confidence.calibration import Calibration
from rungwise.confidence.gate import CalibratedGate
from rungwise.confidence.reading import read_draft
from rungwise.config import AgreementConfig, GateConfig, JudgeConfig, SelfCheckConfig
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
    Tool,
    Verdict,
)
from tests.confidence.test_calibration import calibration, windowed

CHAT = Chat(messages=(Message(role="user", text="x"),))
PLAN = Plan(rungs=("t1", "t2"), step_type=StepType.OPEN_CHAT, why="test")
STREAM = replace(CHAT, stream=True)


def of(step_type: StepType) -> Plan:
    return replace(PLAN, step_type=step_type)


WINDOWED = windowed()


def prefixed(length: int = 4) -> Calibration:
    """Reads the mean, and has something to say after `length` tokens."""
    curve = {"weights": {"mean_logprob": 2.0}, "intercept": 3.0}
    sharper = {"weights": {"mean_logprob": 4.0}, "intercept": 4.0}
    prefix = {"tokens": length, "acceptable": curve, "recovery": sharper}
    return calibration(finished=curve, prefixes=[prefix])


def words(*logprobs: float | None, finish: str = "stop") -> list[Piece]:
    pieces = [Piece(f"w{i} ", logprobs=(lp,)) for i, lp in enumerate(logprobs)]
    return [*pieces, Piece(finish=finish)]  # type: ignore[arg-type]


def judge(
    pieces: list[Piece],
    fitted: Calibration | None = WINDOWED,
    chat: Chat = CHAT,
    plan: Plan = PLAN,
    **config: Any,
) -> tuple[Verdict, int]:
    """The verdict, and how many pieces were read before it."""
    gate = CalibratedGate(GateConfig(tier="t1", **config), fitted)
    assert gate.hopeless(plan) is None
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
    assert read_draft(CHAT, pieces, ("min_logprob",))[0] == {"min_logprob": -20.0}


def test_what_a_grammar_forced_is_neither_read_nor_missed() -> None:
    chat = Chat(messages=CHAT.messages, shape=OutputShape())
    pieces = [Piece('{"a": ', forced=6), Piece("true", forced=1), Piece(' , "b": ', forced=4)]
    assert read_draft(chat, pieces, ("mean_logprob",))[0] is None
    pieces.append(Piece("12}", logprobs=(-0.5,), forced=2, finish="stop"))
    assert read_draft(chat, pieces, ("mean_logprob",))[0] == {"mean_logprob": -0.5}


def test_logprobs_that_stop_halfway_are_no_reading() -> None:
    pieces = [*words(-0.1, -0.1)[:-1], Piece("a"), Piece("b"), Piece(finish="stop")]
    verdict, _ = judge(pieces)
    assert isinstance(verdict, Escalate) and "no log-probabilities" in verdict.reason


def test_without_a_calibration_there_is_no_hope() -> None:
    gate = CalibratedGate(GateConfig(tier="t1"), None)
    assert "not calibrated" in (gate.hopeless(PLAN) or "")
    assert gate.likeliest is None


def test_without_a_threshold_for_the_step_type_there_is_no_hope() -> None:
    gate = CalibratedGate(GateConfig(tier="t1"), calibration())
    said = gate.hopeless(of(StepType.PLANNING)) or ""
    assert "insufficient data: 12 labels of planning" in said and "300 more" in said
    assert "insufficient data: 0 labels" in (gate.hopeless(of(StepType.EXTRACTION)) or "")
    assert gate.hopeless(PLAN) is None


def test_what_is_only_checked_needs_no_number() -> None:
    gate = CalibratedGate(GateConfig(tier="t1", accept="checked"), None)
    assert gate.hopeless(of(StepType.PLANNING)) is None and gate.likeliest is None
    verdict, _ = judge([Piece("an answer", finish="stop")], None, accept="checked")
    assert isinstance(verdict, Accept)
    verdict, _ = judge([Piece("I'm not sure.", finish="stop")], None, accept="checked")
    assert isinstance(verdict, Escalate)


def test_only_as_many_likeliest_tokens_are_asked_for_as_the_signals_need() -> None:
    def asked(name: str, sign: float) -> int | None:
        curve = {"weights": {name: sign}, "intercept": 0.0}
        return CalibratedGate(
            GateConfig(tier="t"), calibration(signals=[name], finished=curve)
        ).likeliest

    assert [asked("mean_logprob", 1), asked("min_margin", 1), asked("mean_entropy", -1)] == [
        0,
        2,
        5,
    ]


# ---- prefixes --------------------------------------------------------------------------------


def test_a_stream_may_leave_as_soon_as_its_beginning_is_sure() -> None:
    verdict, read = judge(words(*[-0.01] * 40), prefixed(), STREAM)
    assert isinstance(verdict, Accept) and "after 4 tokens" in verdict.reason
    assert read == 4


@pytest.mark.parametrize(
    ("chat", "config"),
    [
        (CHAT, {}),
        (STREAM, {"hold": "whole"}),
        (replace(STREAM, shape=OutputShape()), {}),
        (replace(STREAM, tools=(Tool(name="f"),)), {}),
        (replace(STREAM, sampling=Sampling(n=2)), {}),
    ],
)
def test_all_else_is_held_whole(chat: Chat, config: dict[str, Any]) -> None:
    both = [replace(p, choice=c) for p in words(*[-0.01] * 9) for c in range(chat.sampling.n)]
    if chat.shape is not None:
        both = [replace(p, text="1" if p.text else "") for p in both]
    verdict, read = judge(both, prefixed(), chat, **config)
    assert isinstance(verdict, Accept) and read == len(both)


def test_a_draft_is_given_up_where_few_like_it_recover() -> None:
    """After 4 tokens at -2: recovery = sigmoid(4 - 8) = .018, and the window is not full yet."""
    verdict, read = judge(words(*[-2.0] * 40), prefixed())
    assert isinstance(verdict, Escalate) and "chance to recover 0.018" in verdict.reason
    assert read == 4


@pytest.mark.parametrize("config", [{"give_up": 0.01}, {"give_up": 0.0}, {"early": False}])
def test_giving_up_is_the_owners_choice(config: dict[str, Any]) -> None:
    verdict, read = judge(words(*[-2.0] * 40), prefixed(), **config)
    assert isinstance(verdict, Escalate) and read == 41


def test_a_beginning_that_sounds_unsure_does_not_leave() -> None:
    pieces = [Piece("I'm not sure, but ", logprobs=(-0.01,) * 4), *words(*[-0.01] * 4)]
    verdict, _ = judge(pieces, prefixed(), STREAM)
    assert isinstance(verdict, Escalate) and "unsure" in verdict.reason
    verdict, read = judge(pieces, prefixed(), STREAM, hedging=False)
    assert isinstance(verdict, Accept) and read == 1


def test_a_stream_is_held_to_the_threshold_for_streams() -> None:
    thresholds = {"open_chat": {"whole": 0.5, "prefix": 0.95, "labels": 400}}
    strict = calibration(thresholds=thresholds)
    pieces = words(-0.5, -0.5)  # p = sigmoid(2) = .88
    assert isinstance(judge(pieces, strict)[0], Accept)
    assert isinstance(judge(pieces, strict, STREAM)[0], Escalate)
    assert isinstance(judge(pieces, strict, STREAM, hold="whole")[0], Accept)


def test_after_its_verdict_a_judgement_only_reads_on() -> None:
    gate = CalibratedGate(GateConfig(tier="t1"), prefixed())
    judgement = gate.open(STREAM, PLAN)
    told = [judgement.feed(piece) for piece in words(*[-0.01] * 4, *[-9.0] * 40)]
    assert sum(verdict is not None for verdict in told) == 1
    (mean,) = judgement.readings
    assert mean.value < -8, "the whole draft's reading goes to the ledger"


# ---- what is not judged ----------------------------------------------------------------------


def test_what_is_pinned_is_read_where_the_owner_wants_it() -> None:
    assert CalibratedGate(GateConfig(tier="t1"), WINDOWED).watch(CHAT, PLAN) is None
    for fitted in (None, WINDOWED):
        gate = CalibratedGate(GateConfig(tier="t1", read_pinned=True), fitted)
        assert gate.likeliest == 0
        watch = gate.watch(CHAT, PLAN)
        assert watch is not None
        assert all(watch.feed(piece) is None for piece in words(-9.0, -9.0))
        assert {r.signal for r in watch.readings} >= {"worst_window_logprob"}
        assert (watch.confidence is None) == (fitted is None)


def test_hold_none_judges_nothing() -> None:
    verdict, read = judge(words(-9.0, -9.0), WINDOWED, hold="none")
    assert isinstance(verdict, Accept) and read == 1
    assert CalibratedGate(GateConfig(tier="t1", hold="none"), WINDOWED).likeliest is None


def test_an_owner_may_name_what_is_read_before_there_is_a_calibration() -> None:
    gate = CalibratedGate(
        GateConfig(tier="t", read_pinned=True, signals=("min_margin", "first_logprob")), None
    )
    assert gate.likeliest == 2


# ---- paid evidence ---------------------------------------------------------------------------

CHECKED = {
    "signals": ["mean_logprob", "self_check"],
    "finished": {"weights": {"mean_logprob": 2.0, "self_check": 4.0}, "intercept": 0.0},
}


def weighed(value: float | None, probe: Any = "self_check", **config: Any) -> Verdict:
    fitted = calibration(**CHECKED) if probe == "self_check" else calibration()
    gate = CalibratedGate(GateConfig(tier="t1", **config), fitted)
    judgement = gate.open(CHAT, PLAN)
    pieces = words(-0.2, -0.2)
    for piece in pieces:
        judgement.feed(piece)
    before = judgement.close(Draft(choices=collect(pieces)))
    assert isinstance(before, Accept), "what a probe may still say is taken for the best"
    return judgement.weigh(probe, value)


def test_a_reading_that_is_paid_for_counts_like_any_other() -> None:
    section = {"self_check": SelfCheckConfig()}
    assert isinstance(weighed(1.0, **section), Accept)
    assert isinstance(weighed(0.3, **section), Escalate)
    verdict = weighed(None, **section)
    assert isinstance(verdict, Escalate) and "not verified" in verdict.reason


def test_a_hopeless_draft_is_not_worth_a_paid_question() -> None:
    judgement = CalibratedGate(GateConfig(tier="t1"), calibration(**CHECKED)).open(CHAT, PLAN)
    pieces = words(-3.0, -3.0)
    for piece in pieces:
        judgement.feed(piece)
    assert isinstance(judgement.close(Draft(choices=collect(pieces))), Escalate)


@pytest.mark.parametrize(
    ("value", "unverified", "accepted"),
    [
        (0.9, "escalate", True),
        (0.1, "accept", False),
        (None, "escalate", False),
        (None, "accept", True),
    ],
)
def test_a_judge_that_no_calibration_reads_has_a_veto(
    value: float | None, unverified: Any, accepted: bool
) -> None:
    section = JudgeConfig(tier="t2", unverified=unverified)
    assert isinstance(weighed(value, "judge", judge=section), Accept) is accepted


def test_where_evidence_is_paid_for_a_stream_is_held_whole_and_only_for_its_step_types() -> None:
    from rungwise.confidence.agreement import Agreement

    probe = Agreement(AgreementConfig())
    for types, held in ((None, True), (frozenset({StepType.PLANNING}), False)):
        gate = CalibratedGate(GateConfig(tier="t1"), prefixed(), ((probe, types),))
        assert bool(gate.probes(StepType.OPEN_CHAT)) is held
        judgement = gate.open(STREAM, PLAN)
        told = [judgement.feed(piece) for piece in words(*[-0.01] * 8)]
        assert any(told) is not held


# ---- what the draft itself says --------------------------------------------------------------


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
    pieces = [Piece(text, logprobs=(-0.01,) * 8, finish="stop")]
    assert isinstance(judge(pieces, chat=chat)[0], Accept)
    said = [Piece("I'm not sure where my parcel is", logprobs=(-0.01,) * 8, finish="stop")]
    assert isinstance(judge(said)[0], Escalate)


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
    assert read_draft(chat, pieces, ("mean_logprob",))[0] == {"mean_logprob": -3.0}
    assert isinstance(judge(pieces, chat=chat)[0], Escalate)
    assert read_draft(CHAT, pieces, ("mean_logprob",))[0] != {"mean_logprob": -3.0}


def test_evidence_that_nothing_reads_yet_is_noted_for_a_later_calibration() -> None:
    config = GateConfig(tier="t1", accept="checked", read_pinned=True, self_check=SelfCheckConfig())
    judgement = CalibratedGate(config, None).open(CHAT, PLAN)
    pieces = words(-0.5, -0.5)
    for piece in pieces:
        judgement.feed(piece)
    judgement.close(Draft(choices=collect(pieces)))
    assert isinstance(judgement.weigh("self_check", 0.2), Accept)
    assert isinstance(judgement.weigh("self_check", None), Accept)
    read = {reading.signal: reading.value for reading in judgement.readings}
    assert read["mean_logprob"] == -0.5 and read["self_check"] == 0.2


def test_an_empty_draft_at_its_limit_is_empty_whatever_truncation_means() -> None:
    verdict, _ = judge([Piece(finish="length")], truncation="return")
    assert isinstance(verdict, Escalate)


def test_a_beginning_has_no_format_yet() -> None:
    asked = "Reply with JSON only: the colour."
    chat = replace(STREAM, messages=(Message(role="user", text=asked),))
    pieces = [Piece('{"colour": ', logprobs=(-0.01,) * 4), Piece('"red"}', logprobs=(-0.01,) * 4)]
    verdict, read = judge([*pieces, Piece(finish="stop")], prefixed(), chat)
    assert isinstance(verdict, Accept) and read == 1


def test_a_long_text_without_log_probabilities_is_many_tokens_unread() -> None:
    sure = [Piece(f"word{i} ", logprobs=(-0.001,)) for i in range(20)]
    rest = " ".join(f"more{i}" for i in range(120))
    verdict, _ = judge([*sure, Piece(rest), Piece(finish="stop")])
    assert isinstance(verdict, Escalate) and "no log-probabilities" in verdict.reason
    verdict, _ = judge([*sure, Piece(rest, logprobs=(-0.001,), finish="stop")])
    assert isinstance(verdict, Escalate), "one token did not write all that"


def test_no_rival_is_so_unlikely_that_it_drowns_the_others() -> None:
    doubtful = [Piece("a ", logprobs=(-1.4,), likeliest=((-0.2, -1.4),)) for _ in range(9)]
    odd = Piece("b", logprobs=(-0.1,), likeliest=((-0.1, -900.0),), finish="stop")
    readings, _ = read_draft(CHAT, [*doubtful, odd], ("mean_margin",))
    assert readings is not None and readings["mean_margin"] < 1.0


@pytest.mark.parametrize("text", ["{}", "[]", '{"items": []}', '{"a": {}, "b": [ ]}'])
def test_an_empty_document_has_a_token_that_decides(text: str) -> None:
    chat = Chat(messages=CHAT.messages, shape=OutputShape())
    pieces = [Piece(char, logprobs=(-0.01,)) for char in text]
    readings, _ = read_draft(chat, pieces, ("mean_logprob",))
    assert readings == {"mean_logprob": pytest.approx(-0.01)}


def test_a_demoted_rung_is_hopeless_until_its_alarm_is_over() -> None:
    alarm: list[str | None] = ["alarm_1, accuracy: of late 70 % are right"]
    for accept in ("calibrated", "checked"):
        config = GateConfig(tier="t1", accept=accept)
        gate = CalibratedGate(config, WINDOWED, demoted=lambda: alarm[0])
        assert gate.hopeless(PLAN) == f"its calibration is not believed: {alarm[0]}"
    alarm[0] = None
    assert gate.hopeless(PLAN) is None


@pytest.mark.parametrize("accept", ["calibrated", "checked"])
def test_a_draft_that_is_open_when_the_alarm_begins_is_not_accepted(accept: Any) -> None:
    alarm: list[str | None] = [None]
    config = GateConfig(tier="t1", accept=accept)
    gate = CalibratedGate(config, WINDOWED, demoted=lambda: alarm[0])
    pieces = words(-0.1, -0.2)
    judgement = gate.open(CHAT, PLAN)
    for piece in pieces:
        judgement.feed(piece)
    alarm[0] = "alarm_1"
    verdict = judgement.close(Draft(choices=collect(pieces)))
    assert verdict == Escalate(reason="its calibration is not believed: alarm_1")


def test_no_stream_leaves_early_once_its_rung_is_demoted() -> None:
    alarm: list[str | None] = [None]
    fitted = prefixed(2)
    gate = CalibratedGate(GateConfig(tier="t1"), fitted, demoted=lambda: alarm[0])
    for demoted in (None, "alarm_1"):
        alarm[0] = None
        judgement = gate.open(STREAM, PLAN)
        alarm[0] = demoted
        early = [judgement.feed(piece) for piece in words(*[-0.01] * 6)]
        assert any(isinstance(verdict, Accept) for verdict in early) is (demoted is None)


def test_a_gate_names_its_calibration() -> None:
    assert CalibratedGate(GateConfig(tier="t1"), WINDOWED).calibrated_by == WINDOWED.name
    checked = GateConfig(tier="t1", accept="checked")
    assert CalibratedGate(checked, WINDOWED).calibrated_by is None
