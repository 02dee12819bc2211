"""What can be learnt is, and shown to help; with too little nothing is, and what lacks is told."""

from dataclasses import replace

import pytest

from rungwise.errors import ConfigError
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.training.examples import Examples, of_ladder
from rungwise.lab.training.train import Options, check_enough, fits, train
from rungwise.policy.sketch import Sketch, sketch_of
from rungwise.types import Chat, Message, StepType
from tests.lab.riddles import TIERS, riddles


def examples(count: int, *, told: bool = True) -> Examples:
    rows = tuple(riddles(count, told=told))
    return of_ladder(RecordedLadder(name="r", tiers=TIERS, rows=rows), lambda: None)


def sketch(text: str) -> Sketch:
    return sketch_of(Chat(messages=(Message(role="user", text=text),)))


def test_what_the_words_tell_is_learnt_and_shown_to_help() -> None:
    options, made = Options(folds=3), []
    trained = train(examples(500), options, lambda: made.append(1))
    (pair,) = trained.report.pairs
    assert pair.helps and trained.report.enough
    assert pair.policies["predictor"]["apgr"].low > 0.6
    assert [point.share for point in trained.report.learning] == [0.25, 0.5, 1.0]
    easy, hard = (
        trained.difficulty.forecast(sketch(text), StepType.PLANNING)["low"]
        for text in ("Copy the name of the river and the window.", "Prove the lemma of the letter.")
    )
    assert easy > 0.8 > 0.4 > hard
    assert len(made) == fits(options)


def test_a_part_of_the_labels_that_is_too_little_is_a_point_without_a_figure() -> None:
    options, made = Options(folds=2, shares=(0.05,)), []
    trained = train(examples(300), options, lambda: made.append(1))
    few, whole = trained.report.learning
    assert few.examples == 15 and not few.apgr and whole.apgr
    assert len(made) == fits(options)


def test_what_the_words_do_not_tell_is_not_shown_to_help() -> None:
    trained = train(examples(400, told=False), Options(folds=3, shares=()), lambda: None)
    assert not trained.report.enough


def test_the_same_data_and_seed_give_the_same_predictor() -> None:
    data, options = examples(300), Options(folds=2, shares=())
    one, other = (train(data, options, lambda: None) for _ in range(2))
    assert one.difficulty.name == other.difficulty.name
    assert one.report.rungs == other.report.rungs


def test_no_step_is_foreseen_from_its_own_group() -> None:
    """Labels that say nothing but which group a step is of can be learnt by heart only."""
    data = examples(300)
    items = []
    for number, item in enumerate(data.items):
        other = number % 2  # the two of a group have one text and one label
        twin = data.items[number - other]
        right = dict.fromkeys(TIERS, number // 2 % 2 == 0)
        items.append(replace(twin, right=right, group=item.group))
    trained = train(replace(data, items=tuple(items)), Options(folds=3, shares=()), lambda: None)
    assert all(0.3 < (rung.auroc or 0) < 0.7 for rung in trained.report.rungs)


def of_labels(low: list[bool | float], high: list[bool | float]) -> Examples:
    (item,) = examples(1).items
    rights = [{"low": right} for right in low] + [{"high": right} for right in high]
    return Examples(
        tiers=TIERS, items=tuple(replace(item, right=right) for right in rights), source="s"
    )


def lack(low: list[bool | float], high: list[bool | float], least: int = 20) -> str:
    with pytest.raises(ConfigError) as refused:
        check_enough(of_labels(low, high), least)
    return str(refused.value)


def test_enough_of_each_rung_and_kind_is_enough() -> None:
    check_enough(of_labels([True] * 18 + [False] * 2, [True] * 2 + [False] * 18), 20)


def test_it_is_told_how_many_more_labels_of_which_rung_are_needed() -> None:
    told = lack([True] * 10 + [False] * 3, [True] * 30 + [False])
    assert told.startswith("too little to learn from: ")
    assert "low has 13 labels, 7 more are needed" in told
    assert "high has 1 labels that are wrong, 1 more are needed" in told


def test_a_rung_without_any_label_is_told() -> None:
    assert "high has 0 labels, 20 more are needed" in lack([True] * 18 + [False] * 2, [])


def test_soft_labels_count_by_parts_for_either_kind() -> None:
    check_enough(of_labels([0.9] * 20, [0.1] * 20), 20)
    assert "low has 1 labels that are wrong" in lack([0.95] * 20, [0.5] * 20)
