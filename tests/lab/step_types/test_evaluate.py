"""What is told of the classifier of step types."""

from __future__ import annotations

import json

import pytest

from rungwise.lab.step_types.evaluate import ROUNDS, StepTypeFigures, evaluate
from rungwise.types import StepType

ROUND: list[int] = []


@pytest.fixture(scope="module")
def figures() -> StepTypeFigures:
    return evaluate(lambda: ROUND.append(1), each=4)


def test_its_progress_is_told_beforehand(figures: StepTypeFigures) -> None:
    assert len(ROUND) == ROUNDS


def test_as_json_it_has_shares_with_intervals_and_a_confusion_table(
    figures: StepTypeFigures,
) -> None:
    told = json.loads(json.dumps(figures.as_json()))
    assert told["synthetic"] is True and len(told["least"]) == 4
    for held in (told["written"], told["suite"], *told["by_type"].values()):
        for share in ("right", "answered"):
            assert 0 <= held[share]["low"] <= held[share]["value"] <= held[share]["high"] <= 1
    assert set(told["by_type"]) == set(told["confusion"]) == {t.value for t in StepType}
    counts = [sum(row.values()) for row in told["confusion"].values()]
    assert sum(counts) == told["written"]["count"] > 100
    assert told["suite"]["count"] == 4 * 45


def test_what_it_answers_is_right_more_often_than_all_it_could_say(
    figures: StepTypeFigures,
) -> None:
    for held in (figures.written, figures.suite):
        assert held.right_answered.value > held.right.value > 0.5


def test_as_lines_it_says_that_the_prompts_are_synthetic(figures: StepTypeFigures) -> None:
    lines = figures.as_lines()
    assert lines[0].startswith("Synthetic prompts")
    assert max(map(len, lines)) <= 120
    for step_type in StepType:
        assert sum(step_type.value in line for line in lines) == 2
