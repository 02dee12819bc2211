"""What is foreseen of a chat: by the numbers of the file, and by nothing else."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import ConfigError
from rungwise.policy.artefact import packed
from rungwise.policy.difficulty import LEAST_P, Difficulty, load_difficulty
from rungwise.policy.difficulty_file import MOST, NARROWEST, WIDEST
from rungwise.policy.reach import assumed_reach
from rungwise.policy.sketch import TRAITS
from rungwise.types import StepType
from tests.policy.difficulties import HARD, TIERS, WIDTH, document, sketch


def written(folder: Path, told: object) -> Path:
    path = folder / "made.json"
    path.write_text(json.dumps(told))
    return path


@pytest.fixture
def made(tmp_path: Path) -> Difficulty:
    return load_difficulty(written(tmp_path, document()), TIERS)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


@pytest.mark.parametrize(
    ("text", "t1", "t2"),
    [
        ("say it", 0.5 + 1.0 + 2 * (0.25 - 1), 1.0 + 0.5),
        ("prove it", 0.5 + 1.0 - 2 + 2 * (0.25 - 1), 1.0 + 0.5 * (1 - 1)),
        ("prove 12", 0.5 + 1.0 - 2 + 2 * (0.25 + 1), 1.0 + 0.5 * (1 - 1)),
    ],
)
def test_words_and_trees_are_mixed_as_the_file_says(
    made: Difficulty, text: str, t1: float, t2: float
) -> None:
    found = made.forecast(sketch(text), StepType.OPEN_CHAT)
    assert found == pytest.approx({"t1": sigmoid(t1), "t2": sigmoid(t2)})


def test_inputs_are_scaled_and_bounded_and_step_types_are_among_them(tmp_path: Path) -> None:
    weights = np.zeros((WIDTH, 2))
    weights[TRAITS.index("turn_size"), 1] = 1.0
    weights[len(TRAITS) + list(StepType).index(StepType.PLANNING), 0] = 3.0
    middle, scale = np.zeros(WIDTH), np.ones(WIDTH)
    middle[TRAITS.index("turn_size")], scale[TRAITS.index("turn_size")] = 1.0, 0.1
    told = {
        "middle": packed(middle, "<f4"),
        "scale": packed(scale, "<f4"),
        "weights": packed(weights, "<f4"),
    }
    found = load_difficulty(written(tmp_path, document(inputs=told)), TIERS)
    plain, planning = (
        found.logits(sketch("say it to all of them"), kind)
        for kind in (StepType.OPEN_CHAT, StepType.PLANNING)
    )
    assert planning - plain == pytest.approx([3.0, 0.0])
    assert plain[1] == pytest.approx(1.0 + 0.5 * (1 + 5.0))


def test_nothing_is_foreseen_for_certain(tmp_path: Path) -> None:
    mix = [
        dict(told, intercept=sign * 1e3)
        for told, sign in zip(document()["mix"], (1, -1), strict=True)
    ]
    found = load_difficulty(written(tmp_path, document(mix=mix)), TIERS)
    assert found.forecast(sketch("x"), StepType.PLANNING) == {"t1": 1 - LEAST_P, "t2": LEAST_P}


def test_a_refused_draft_says_something_of_the_next_rung(made: Difficulty) -> None:
    right, wrong = sigmoid(1.0 + math.log(4)), sigmoid(-1.0 + 0.5 * math.log(4))
    assert made.after("t1", 1.0, "t2", 0.8) == pytest.approx(right)
    assert made.after("t1", 0.0, "t2", 0.8) == pytest.approx(wrong)
    assert made.after("t1", 0.25, "t2", 0.8) == pytest.approx(0.25 * right + 0.75 * wrong)
    many = made.after("t1", 0.25, "t2", np.array([0.8, 0.0, 1.0]))
    assert many.tolist() == pytest.approx(
        [made.after("t1", 0.25, "t2", p) for p in (0.8, 0.0, 1.0)]
    )


def test_where_no_steps_had_both_labels_it_says_nothing(made: Difficulty) -> None:
    assert made.after("t2", 0.1, "t1", 0.8) == 0.8


@given(st.floats(0, 1), st.floats(0, 1))
def test_whatever_was_refused_a_probability_stays_one(v: float, p: float) -> None:
    from rungwise.policy.difficulty import difficulty_of
    from rungwise.policy.difficulty_file import Document

    made = difficulty_of(Document.model_validate_json(json.dumps(document())), "made", TIERS)
    assert 0 < made.after("t1", v, "t2", p) < 1


def test_tokens_and_seconds_are_the_step_types_own_where_there_were_enough(
    made: Difficulty,
) -> None:
    assert made.expected("t1", StepType.PLANNING) == (90.0, 2.0)
    assert made.expected("t1", StepType.EXTRACTION) == (40.0, 2.0)
    assert made.expected("t2", StepType.EXTRACTION) == (None, None)
    assert made.expected("nowhere", StepType.EXTRACTION) == (None, None)


def test_confidences_spread_as_recorded_or_as_assumed(made: Difficulty) -> None:
    assert made.gate("t1").right(0.5, 0.5) == pytest.approx(0.4)
    assert made.gate("t2") is assumed_reach()


def test_its_name_tells_the_file_and_what_is_in_it(tmp_path: Path) -> None:
    names = [
        load_difficulty(written(tmp_path, told), TIERS).name
        for told in (document(), document(), document(usual={}))
    ]
    assert names[0] == names[1] != names[2]
    assert names[0].startswith("made@") and len(names[0]) == len("made@") + 8


def test_one_that_knows_none_of_the_ladder_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, document())
    with pytest.raises(ConfigError, match=r"none of the rungs low, high, only t1, t2; .*train"):
        load_difficulty(path, ("low", "high"))
    assert load_difficulty(path, ()).tiers == TIERS, "without a ladder it is for any"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_of_a_number_that_is_none_nothing_is_foreseen(made: Difficulty, number: float) -> None:
    made._starts[0] = number
    assert set(made.forecast(sketch("say it"), StepType.PLANNING)) == {"t2"}


def test_the_largest_numbers_that_a_file_may_hold_overflow_nothing(tmp_path: Path) -> None:
    """Warnings are errors here."""
    told = document()
    told["mix"] = [dict.fromkeys(mix, MOST) for mix in told["mix"]]
    told["words"] |= {
        "rarity": packed(np.array([MOST]), "<f2"),
        "weights": packed(np.full((1, 2), -MOST), "<f2"),
    }
    told["inputs"] = {
        "middle": packed(np.full(WIDTH, -WIDEST), "<f4"),
        "scale": packed(np.full(WIDTH, NARROWEST * 1.001), "<f4"),
        "weights": packed(np.full((WIDTH, 2), MOST), "<f4"),
    }
    told["trees"] |= {"leaves": packed(np.full((1, 8), MOST), "<f4")}
    found = load_difficulty(written(tmp_path, told), TIERS)
    assert found.forecast(sketch("prove"), StepType.PLANNING) == dict.fromkeys(TIERS, 1 - LEAST_P)


def test_tiers_of_the_ladder_that_it_does_not_know_are_named(tmp_path: Path) -> None:
    found = load_difficulty(written(tmp_path, document()), ("t0", "t1", "t2", "t9"))
    assert found.missing == ("t0", "t9") and found.tiers == TIERS


def test_a_word_that_it_does_not_know_counts_for_nothing(made: Difficulty) -> None:
    assert HARD not in sketch("say it").buckets
    one, other = (made.logits(sketch(text), StepType.PLANNING) for text in ("prove", "prove it"))
    assert one.tolist() == other.tolist()


def broken(**changes: Any) -> dict[str, Any]:
    return document(**changes)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ([], "an object"),
        ({}, "missing|required"),
        (broken(format="rungwise-difficulty/0"), "format"),
        (broken(sketch=99), "version 99"),
        (broken(tiers=["t1", "t1"]), "twice"),
        (broken(tiers=["t1"]), "mix"),
        (broken(nonsense=1), "nonsense: no such key"),
        (broken(words={**document()["words"], "buckets": "!"}), "base64"),
        (broken(words={**document()["words"], "rarity": packed(np.array([0.0]), "<f2")}), "words"),
        (broken(words={**document()["words"], "weights": ""}), "differ in length"),
        (
            broken(
                words={**document()["words"], "weights": packed(np.full((1, 2), np.nan), "<f2")}
            ),
            "finite",
        ),
        (broken(inputs={**document()["inputs"], "scale": ""}), "inputs"),
        (
            broken(inputs={**document()["inputs"], "scale": packed(np.zeros(WIDTH), "<f4")}),
            "scale is above 0",
        ),
        (broken(trees={**document()["trees"], "counts": [1]}), "each tier"),
        (broken(trees={**document()["trees"], "counts": [0, 0]}), "trees"),
        (broken(trees={**document()["trees"], "counts": [2, -1]}), "negative"),
        (
            broken(trees={**document()["trees"], "inputs": packed(np.full((1, 7), 999), "<u2")}),
            "inputs are read",
        ),
        (broken(links=document()["links"] * 2), "twice"),
        (broken(links=[{**document()["links"][0], "tier": "t9"}]), "'t9'"),
        (broken(usual={"t9": {}}), "'t9'"),
        (broken(spreads={"t1": {**document()["spreads"]["t1"], "bars": [0.0, 1.0]}}), "of_right"),
        (broken(spreads={"t1": {**document()["spreads"]["t1"], "bars": [0.1, 0.5, 1.0]}}), "bars"),
        (
            broken(spreads={"t1": {**document()["spreads"]["t1"], "of_wrong": [[1.0, 2.0, 0.0]]}}),
            "of_wrong",
        ),
        (broken(mix=[{**document()["mix"][0], "start": float("nan")}] * 2), "mix"),
        *(
            (broken(mix=[{**document()["mix"][0], key: 1e308}] * 2), f"mix.0.{key}")
            for key in document()["mix"][0]
        ),
        (
            broken(
                inputs={**document()["inputs"], "weights": packed(np.full((WIDTH, 2), 3e38), "<f4")}
            ),
            "inputs: a number is further from 0",
        ),
        (
            broken(inputs={**document()["inputs"], "middle": packed(np.full(WIDTH, -3e38), "<f4")}),
            "inputs: a number is further from 0",
        ),
        (
            broken(inputs={**document()["inputs"], "scale": packed(np.full(WIDTH, 1e-30), "<f4")}),
            "inputs: a scale",
        ),
        (
            broken(trees={**document()["trees"], "leaves": packed(np.full((1, 8), 3e38), "<f4")}),
            "trees: a number is further from 0",
        ),
        (
            broken(words={**document()["words"], "rarity": packed(np.array([6e4]), "<f2")}),
            "words: a number is further from 0",
        ),
        (broken(usual={"t1": {"all": {"tokens": 1e308, "count": 1}}}), "tokens"),
        (broken(usual={"t1": {"all": {"seconds": 1e308, "count": 1}}}), "seconds"),
        (
            broken(spreads={"t1": {**document()["spreads"]["t1"], "probability": [1e308]}}),
            "between 0 and 1",
        ),
    ],
)
def test_whatever_is_odd_in_the_file_is_named_with_a_mend(
    tmp_path: Path, told: object, what: str
) -> None:
    path = written(tmp_path, told)
    with pytest.raises(ConfigError, match=what) as caught:
        load_difficulty(path, TIERS)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and "train-router" in line and "\n" not in line


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_difficulty(tmp_path / "none.json", TIERS)
