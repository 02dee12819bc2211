"""What can be learnt is, and shown to help; with too little nothing is, and what lacks is told."""

from dataclasses import replace

import pytest

from rungwise.errors import ConfigError
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.training.examples import Examples, of_ladder
from rungwise.lab.training.out_of_fold import parts
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
    assert few.examples < 20 and not few.apgr and whole.apgr
    assert 140 < whole.examples <= 150, "half of the steps are held back, and their copies"
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


def test_the_predictor_knows_the_days_that_it_was_learnt_from() -> None:
    data = replace(examples(300), days=("2026-11-01", "2026-11-20"))
    known = train(data, Options(folds=2, shares=()), lambda: None).difficulty.provenance
    assert (known.since, known.until) == data.days


def test_folds_are_of_like_size_though_groups_are_not() -> None:
    items = [
        replace(item, group=str(n % 7 * (n % 3))) for n, item in enumerate(examples(300).items)
    ]
    sizes = [len(part.held) for part in parts(items, count=2, seed=0)]
    assert sum(sizes) == 300 and max(sizes) - min(sizes) < 30


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_share_of_the_steps_is_learnt_from_in_whole_groups(share: float) -> None:
    items = [replace(item, group=str(n % 40)) for n, item in enumerate(examples(400).items)]
    for part in parts(items, count=4, seed=0, share=share):
        known = {items[place].group for place in part.known}
        assert abs(len(known) - share * 30) <= 1


def test_a_copy_of_a_step_that_is_held_back_is_not_learnt_from() -> None:
    items = examples(60).items
    copies = [replace(item, group=f"copy {item.group}") for item in items]
    for part in parts([*items, *copies], count=3, seed=0):
        held = {place % 60 for place in part.held}
        assert len(part.known) and not held & {place % 60 for place in part.known}


def in_groups(count: int, groups: int) -> Examples:
    data = examples(count)
    items = (replace(item, group=str(n % groups)) for n, item in enumerate(data.items))
    return replace(data, items=tuple(items))


def test_of_one_group_nothing_can_be_held_back_and_that_is_told() -> None:
    with pytest.raises(ConfigError, match=r"all 300 steps are one group .* none can be held back"):
        train(in_groups(300, 1), Options(), lambda: None)


def test_more_folds_than_groups_are_refused_with_how_many_there_can_be() -> None:
    with pytest.raises(ConfigError, match=r"5 folds cannot be made of 3 groups.* say --folds 3"):
        train(in_groups(300, 3), Options(), lambda: None)


def test_a_group_that_leaves_too_little_beside_it_is_told() -> None:
    data = examples(300)
    items = (replace(x, group="" if n > 20 else str(n)) for n, x in enumerate(data.items))
    with pytest.raises(ConfigError, match=r"21 of 300 steps are left .the largest group has 279"):
        train(replace(data, items=tuple(items)), Options(folds=2), lambda: None)


def test_what_was_left_out_stands_beside_what_lacks() -> None:
    left_out = ("9 entries have no sketch (routing.keep_sketches): left out",)
    with pytest.raises(ConfigError, match=r"more are needed.*; 9 entries have no sketch"):
        check_enough(replace(of_labels([], []), left_out=left_out), Options())


def of_labels(low: list[bool | float], high: list[bool | float]) -> Examples:
    (item,) = examples(1).items
    rights = [{"low": right} for right in low] + [{"high": right} for right in high]
    return Examples(
        tiers=TIERS,
        items=tuple(replace(item, right=right, group=str(n)) for n, right in enumerate(rights)),
        source="s",
    )


def lack(low: list[bool | float], high: list[bool | float], least: int = 20) -> str:
    with pytest.raises(ConfigError) as refused:
        check_enough(of_labels(low, high), Options(least=least))
    return str(refused.value)


def test_enough_of_each_rung_and_kind_is_enough() -> None:
    check_enough(of_labels([True] * 18 + [False] * 2, [True] * 2 + [False] * 18), Options(least=20))


def test_it_is_told_how_many_more_labels_of_which_rung_are_needed() -> None:
    told = lack([True] * 10 + [False] * 3, [True] * 30 + [False])
    assert told.startswith("too little to learn from: ")
    assert "low has 13 labels, 7 more are needed" in told
    assert "high has 1 labels that are wrong, 1 more are needed" in told


def test_a_rung_without_any_label_is_told() -> None:
    assert "high has 0 labels, 20 more are needed" in lack([True] * 18 + [False] * 2, [])


def test_soft_labels_count_by_parts_for_either_kind() -> None:
    check_enough(of_labels([0.9] * 20, [0.1] * 20), Options(least=20))
    assert "low has 1 labels that are wrong" in lack([0.95] * 20, [0.5] * 20)
