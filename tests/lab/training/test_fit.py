"""What is fitted on examples foresees others, with probabilities, and is a file of numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rungwise.errors import ConfigError
from rungwise.lab.training.fit import Example, TooLittle, fit, write_difficulty
from rungwise.policy.difficulty import load_difficulty
from rungwise.policy.reach import assumed_reach
from rungwise.policy.sketch import sketch_of
from rungwise.types import StepType
from tests.lab.riddles import TIERS, riddles


def examples(count: int, seed: int = 0, **more: bool) -> list[Example]:
    return [
        Example(
            sketch=sketch_of(row.chat),
            step_type=StepType(row.step_type),
            group=row.group,
            right={name: told.correct for name, told in row.tiers.items()},
            tokens={name: float(told.output_tokens or 0) for name, told in row.tiers.items()},
            seconds={name: (told.latency_ms or 0) / 1000 for name, told in row.tiers.items()},
        )
        for row in riddles(count, seed=seed, **more)  # type: ignore[arg-type]
    ]


def test_what_is_foreseen_of_other_steps_means_what_it_says() -> None:
    difficulty, others = fit(examples(800), TIERS), examples(800, seed=1)
    p = np.array([difficulty.forecast(e.sketch, e.step_type)["low"] for e in others])
    right = np.array([e.right["low"] for e in others], dtype=np.float64)
    hard = p < 0.5
    assert right[hard].mean() == pytest.approx(0.15, abs=0.06)
    assert p[hard].mean() == pytest.approx(right[hard].mean(), abs=0.06)
    assert p[~hard].mean() == pytest.approx(right[~hard].mean(), abs=0.06)
    validated = difficulty.provenance.validated["low"]
    assert validated["auroc"] > 0.8 and validated["log_loss"] < validated["log_loss_of_share"]


def test_where_words_tell_nothing_the_share_is_foreseen() -> None:
    difficulty = fit(examples(400, told=False), TIERS)
    p = [difficulty.forecast(e.sketch, e.step_type)["low"] for e in examples(50, seed=1)]
    assert max(p) - min(p) < 0.35


def test_the_file_says_the_same_as_what_was_fitted(tmp_path: Path) -> None:
    items = examples(120)
    difficulty = fit(items, TIERS, name="own", data="riddles")
    path = tmp_path / "folder" / "own.json"
    write_difficulty(path, difficulty)
    again = load_difficulty(path, (*TIERS, "higher"))
    for item in items[:20]:
        assert again.forecast(item.sketch, item.step_type) == difficulty.forecast(
            item.sketch, item.step_type
        )
    assert again.missing == ("higher",) and again.document == difficulty.document
    assert (again.provenance.rows, again.provenance.groups) == (120, 60)
    assert again.provenance.data == "riddles"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_difficulty(tmp_path / "file" / "x.json", fit(examples(60), TIERS))


def test_the_same_examples_and_seed_give_the_same_numbers() -> None:
    one, other, third = (fit(examples(100), TIERS, seed=seed) for seed in (0, 0, 1))
    assert one.name == other.name != third.name
    assert one.provenance.data_sha256 == third.provenance.data_sha256


def test_a_tier_may_be_labelled_in_other_steps_than_another() -> None:
    """As a ledger has it: one rung of a step has a label."""
    items = [
        replace(item, right={TIERS[place % 2]: item.right[TIERS[place % 2]]})
        for place, item in enumerate(examples(600))
    ]
    difficulty = fit(items, TIERS)
    assert difficulty.document.links == ()
    assert difficulty.after("low", 0.0, "high", 0.7) == 0.7
    assert difficulty.provenance.validated["low"]["auroc"] > 0.75


def test_a_soft_label_counts_as_much_as_it_says() -> None:
    items = examples(600)
    soft = [replace(e, right={t: 0.9 if r else 0.1 for t, r in e.right.items()}) for e in items]
    hard, mild = (fit(found, TIERS) for found in (items, soft))
    told = [[d.forecast(e.sketch, e.step_type)["low"] for e in items[:100]] for d in (hard, mild)]
    assert max(told[1]) < max(told[0]) and min(told[1]) > min(told[0])


def test_what_a_refused_draft_says_is_learned_from_steps_with_both_labels() -> None:
    difficulty = fit(examples(1500), TIERS)
    (link,) = difficulty.document.links
    assert (link.refused, link.tier, link.count) == ("low", "high", 1500)
    assert (
        difficulty.after("low", 1.0, "high", 0.8) > difficulty.after("low", 0.0, "high", 0.8) - 0.1
    )


def test_tokens_and_seconds_are_means_by_step_type() -> None:
    items = examples(300)
    difficulty = fit(items, TIERS)
    own = [e for e in items if e.step_type == StepType.PLANNING]
    tokens, seconds = difficulty.expected("low", StepType.PLANNING)
    assert tokens == pytest.approx(np.mean([e.tokens["low"] for e in own]))
    assert seconds == pytest.approx(np.mean([e.seconds["low"] for e in own]))
    overall = difficulty.expected("low", StepType.CLASSIFICATION)[0]
    assert overall == pytest.approx(np.mean([e.tokens["low"] for e in items]))


def test_confidences_are_learned_where_there_are_enough_of_them() -> None:
    items = examples(600)
    sure = [replace(e, sure={"low": 0.9 if e.right["low"] else 0.2}) for e in items]
    difficulty = fit(sure, TIERS)
    reach = difficulty.gate("low")
    assert reach.right(0.6, 0.7) == pytest.approx(0.7, abs=0.02)
    assert reach.chance(0.6, 0.7) == pytest.approx(0.7, abs=0.02)
    assert difficulty.gate("high") is assumed_reach()


@pytest.mark.parametrize(
    ("count", "lacks"),
    [(0, {"labels": 40, "right labels": 5, "wrong labels": 5}), (39, {"labels": 1})],
)
def test_too_little_is_refused_and_says_how_much_more_is_needed(
    count: int, lacks: dict[str, int]
) -> None:
    with pytest.raises(TooLittle) as caught:
        fit(examples(count), ("low",))
    assert caught.value.lacks == {"low": lacks}
    assert str(caught.value).startswith("low needs ")


def test_labels_of_one_kind_are_too_little() -> None:
    items = [replace(e, right={"low": True}) for e in examples(80)]
    with pytest.raises(TooLittle, match="low needs 5 more wrong labels"):
        fit(items, ("low",))
