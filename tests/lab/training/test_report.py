"""What helps is shown to help, what does not is not, and how many labels are lacking is told."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rungwise.lab.training.out_of_fold import Foreseen
from rungwise.lab.training.plots import draw, write_page, write_pictures
from rungwise.lab.training.report import FEWEST_PAIRED, Pair, learning_point, report
from rungwise.lab.training.told import as_json, as_lines, verdict


def steps(
    count: int = 600,
    *,
    told: float = 1.0,
    lead: float = 0.4,
    seed: int = 0,
    tiers: Sequence[str] = ("low", "high"),
    soft: bool = False,
) -> Foreseen:
    """Each step has a difficulty, uniform in 0 to 1; a rung is right with 1 - difficulty, and its
    lead with the place on the ladder. What is foreseen knows `told` of the difficulty."""
    rng = np.random.default_rng(seed)
    hard = rng.random(count)
    leads = lead * np.arange(len(tiers)) / max(1, len(tiers) - 1)
    p = np.clip(1 - hard[:, None] * (1 - leads), 0, 1)
    right = (rng.random(p.shape) < p).astype(float)
    guessed = told * hard + (1 - told) * rng.random(count)
    said = np.ones(p.shape, np.bool_)
    if soft:
        said[:, 0], right[:, 0] = False, p[:, 0]
    return Foreseen(
        tiers=tuple(tiers),
        p=np.clip(1 - guessed[:, None] * (1 - leads), 0, 1),
        right=right,
        said=said,
        length=rng.random(count),
        weight=np.ones(count),
        fold=np.zeros(count, np.int64),
        group=tuple(str(n // 2) for n in range(count)),
        step_type=tuple("planning" if n % 3 else "open_chat" for n in range(count)),
    )


def the_pair(foreseen: Foreseen) -> Pair:
    (pair,) = report(foreseen).pairs
    return pair


def test_a_predictor_that_knows_the_difficulty_is_shown_to_help() -> None:
    pair = the_pair(steps(2000))
    assert pair.helps and pair.needed is None
    assert pair.policies["predictor"]["apgr"].value > pair.policies["prompt length"]["apgr"].value
    assert verdict(pair).startswith("low < high: enough")


def test_a_predictor_that_knows_nothing_is_not() -> None:
    pair = the_pair(steps(2000, told=0.0))
    assert not pair.helps
    assert "it is not shown that this predictor helps" in verdict(pair)


def test_chance_recovers_half_and_takes_its_share_of_calls() -> None:
    chance = the_pair(steps())
    found = chance.policies["random"]
    assert found["apgr"].value == found["apgr"].low == found["apgr"].high == pytest.approx(0.5)
    assert found["cpt50"].value == pytest.approx(0.5)
    assert found["cpt80"].value == pytest.approx(0.8)


def test_few_labels_are_told_with_how_many_more_are_needed() -> None:
    """And with about so many it is shown."""
    few = the_pair(steps(120, told=0.7, seed=1))
    assert not few.helps and few.needed is not None and 100 < few.needed < 5000
    assert f"about {few.needed} more labels would be needed" in verdict(few)
    assert the_pair(steps(120 + few.needed, told=0.7, seed=30)).helps


def test_no_number_is_named_for_a_gain_that_is_next_to_nothing() -> None:
    none = the_pair(steps(120, told=0.7, seed=0))
    assert not none.helps and none.needed is None
    assert verdict(none).endswith("make sense to name a number of labels")


def test_without_enough_steps_of_both_nothing_is_said_of_the_pair() -> None:
    few = steps(200)
    few.right[FEWEST_PAIRED - 1 :, 1] = np.nan
    pair = the_pair(few)
    assert pair.steps == FEWEST_PAIRED - 1 and not pair.policies and not pair.helps
    assert "49 steps have a label of both, 1 more are needed" in verdict(pair)
    assert "it cannot be told" in verdict(pair)


def test_an_upper_rung_without_a_lead_leaves_nothing_to_recover() -> None:
    turned = steps(400)
    turned.right[:, 1], turned.right[:, 0] = turned.right[:, 0].copy(), turned.right[:, 1].copy()
    assert "nothing to recover" in verdict(the_pair(turned))


def test_prompt_length_counts_in_the_direction_that_serves_better() -> None:
    one = steps(1000, told=0.0)
    one.length[:] = 1 - one.right[:, 0]  # the long ones are those that the lower rung gets wrong
    other = steps(1000, told=0.0)
    other.length[:] = other.right[:, 0]
    long, short = (the_pair(f).policies["prompt length"]["apgr"].value for f in (one, other))
    assert long == pytest.approx(short) and long > 0.7


def test_the_direction_in_which_length_counts_is_told() -> None:
    for turned, told in ((False, "prompt length (long ones up)"), (True, "(short ones up)")):
        foreseen = steps(400)
        hard = 1 - foreseen.right[:, 0]
        foreseen.length[:] = -hard if turned else hard
        found = report(foreseen)
        assert any(told in line for line in as_lines(found))
        (pair,) = json.loads(json.dumps(as_json(found)))["pairs"]
        assert pair["longer_up"] is not turned


def in_folds_of_their_own_level(foreseen: Foreseen) -> Foreseen:
    """Two predictors that rank alike, the one of hard steps at a lower level of the gain."""
    gain = foreseen.p[:, 1] - foreseen.p[:, 0]
    foreseen.fold[:] = gain > np.median(gain)
    foreseen.p[foreseen.fold == 1, 0] += 1.0
    return foreseen


def test_steps_are_ranked_among_those_of_their_own_fold() -> None:
    foreseen = in_folds_of_their_own_level(steps(2000))
    within = report(foreseen).pairs[0].policies["predictor"]["apgr"].value
    learnt = learning_point(foreseen, 1.0, 2000).apgr["low < high"].value
    foreseen.fold[:] = 0
    pooled = report(foreseen).pairs[0].policies["predictor"]["apgr"].value
    assert within == pytest.approx(learnt) and within > 0.5 > pooled


def test_of_no_pair_it_is_not_shown_that_it_helps() -> None:
    assert not report(steps(tiers=("low",))).enough


def test_a_rungs_figures_count_a_step_by_its_weight() -> None:
    one = steps(400)
    one.p[:] = np.random.default_rng(3).random(one.p.shape)
    one.weight[:200] = 2.0
    rung = report(one).rungs[0]
    twice = np.concatenate([np.arange(400), np.arange(200)])
    copied = replace(
        one,
        **{name: getattr(one, name)[twice] for name in ("p", "right", "said", "length", "fold")},
        weight=np.ones(600),
        group=one.group + one.group[:200],
        step_type=one.step_type + one.step_type[:200],
    )
    other = report(copied).rungs[0]
    assert (rung.right, rung.auroc, rung.brier, rung.brier_of_the_mean) == pytest.approx(
        (other.right, other.auroc, other.brier, other.brier_of_the_mean)
    )
    assert rung.auroc != report(steps(400)).rungs[0].auroc


def test_a_rung_is_measured_on_what_was_said_and_not_on_soft_labels() -> None:
    low, high = report(steps(soft=True)).rungs
    assert (low.said, low.soft, low.auroc, low.error) == (0, 600, None, None)
    assert (high.said, high.soft) == (600, 0) and high.auroc is not None


def test_soft_labels_count_for_a_pair() -> None:
    assert the_pair(steps(2000, soft=True)).helps


def test_a_steps_weight_counts_like_so_many_steps() -> None:
    one = steps(400)
    twice = Foreseen(
        tiers=one.tiers,
        p=np.concatenate([one.p, one.p[:200]]),
        right=np.concatenate([one.right, one.right[:200]]),
        said=np.concatenate([one.said, one.said[:200]]),
        length=np.concatenate([one.length, one.length[:200]]),
        weight=np.ones(600),
        fold=np.zeros(600, np.int64),
        group=one.group + one.group[:200],
        step_type=one.step_type + one.step_type[:200],
    )
    one.weight[:200] = 2.0
    weighed, copied = (the_pair(f).policies["predictor"]["apgr"].value for f in (one, twice))
    assert weighed == pytest.approx(copied)


def test_a_calibrated_forecast_has_less_error_than_one_that_is_too_sure() -> None:
    honest, sure = steps(2000), steps(2000)
    sure.p[:] = np.where(sure.p > 0.5, 0.99, 0.01)
    good, bad = (report(foreseen).rungs[0].error for foreseen in (honest, sure))
    assert good is not None and bad is not None and good < 0.05 < bad


def test_a_brier_score_stands_beside_that_of_the_mean() -> None:
    (low, _) = report(steps(2000)).rungs
    assert low.brier is not None and low.brier_of_the_mean is not None
    assert low.brier < low.brier_of_the_mean < 0.26


def test_all_that_was_counted_is_told() -> None:
    foreseen = steps(300, tiers=("a", "b", "c"))
    learning = [learning_point(foreseen, 0.5, 150), learning_point(foreseen, 1.0, 300)]
    found = report(foreseen, learning=learning, notes=["3 entries have no sketch: left out"])
    lines = as_lines(found)
    assert any(line.split() == ["open_chat", "100", "100", "100"] for line in lines)
    assert "note: 3 entries have no sketch: left out" in lines
    assert any(line.startswith("  50%, 150 steps: a < b") for line in lines)
    assert lines[-2:] == [verdict(pair) for pair in found.pairs]


def test_the_figures_are_plain_json() -> None:
    foreseen = steps(300)
    foreseen.right[60:, 0] = np.nan
    found = report(foreseen, learning=[learning_point(foreseen, 1.0, 300)])
    told = json.loads(json.dumps(as_json(found), allow_nan=False))
    (pair,) = told["pairs"]
    assert set(pair["policies"]) == {"predictor", "prompt length", "random"}
    assert set(pair["policies"]["predictor"]) == {"apgr", "cpt50", "cpt80"}
    assert set(pair["gain"]["random"]) == {"value", "low", "high"}
    assert told["labels"]["open_chat"] == {"low": 20, "high": 100}


def test_pictures_and_page_are_whole(tmp_path: Path) -> None:
    foreseen = steps(300)
    found = report(foreseen, learning=[learning_point(foreseen, 1.0, 300)], notes=["<b> & co"])
    pictures = draw(found, foreseen)
    paths = write_pictures(tmp_path / "new", pictures)
    assert [path.name for path in paths] == ["reliability.png", "gain.png", "learning.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    write_page(tmp_path / "page.html", found, pictures)
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 3 and "http" not in page
    assert "&lt;b&gt; &amp; co" in page and "<b>" not in page


def test_what_there_is_no_data_for_is_not_drawn() -> None:
    foreseen = steps(60)
    foreseen.right[:, 1] = np.nan
    assert list(draw(report(foreseen), foreseen)) == ["reliability"]
