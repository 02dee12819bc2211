"""Candidates are compared on steps that they have not seen, and beside what must be beaten."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rungwise.errors import ConfigError
from rungwise.lab.calibration.readings import Floats
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.predictors.candidate import Scores, Side
from rungwise.lab.predictors.compare import CANDIDATES, compare, fits, side_of
from rungwise.lab.predictors.figures import Comparison
from tests.lab.riddles import TIERS, riddles

SOME = {name: CANDIDATES[name] for name in ("random", "prompt_length", "tfidf", "shipped")}


def ladder(count: int = 240, seed: int = 0, name: str = "riddles") -> RecordedLadder:
    return RecordedLadder(name=name, tiers=TIERS, rows=tuple(riddles(count, seed=seed)))


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare([ladder(), ladder(200, 1, "others")], lambda: None, SOME, rounds=2)


def test_what_the_words_tell_is_found_and_chance_is_a_half(found: Comparison) -> None:
    told = found.sets["riddles"].policies
    assert told["random"].figures["apgr"].value == pytest.approx(0.5)
    assert told["shipped"].figures["apgr"].low > 0.6
    assert told["shipped"].ahead["prompt_length"].low > 0
    assert told["shipped"].figures["cpt80"].value < 0.6


def test_it_is_also_tried_on_the_other_sets(found: Comparison) -> None:
    pairs = {(learned, tried) for learned, tried, _ in found.transfers}
    assert pairs == {("riddles", "others"), ("others", "riddles")}
    assert all(f.policies["shipped"].figures["apgr"].low > 0.6 for *_, f in found.transfers)


def test_json_and_lines_tell_the_same_figures(found: Comparison) -> None:
    told = found.as_json()
    sets = told["sets"]
    assert isinstance(sets, dict)
    shipped = sets["riddles"]["policies"]["shipped"]
    for key in ("apgr", "cpt50", "cpt80"):
        low, high = shipped[f"{key}_interval"]
        assert low <= shipped[key] <= high and len(shipped[f"{key}_rounds"]) == 2
    assert {"fit_s", "predict_us"} <= set(shipped)
    assert {"prompt_length", "tfidf_interval"} < set(shipped["apgr_ahead_of"])
    line = next(line for line in found.as_lines() if line.startswith("shipped"))
    low, high = shipped["apgr_interval"]
    assert f"{shipped['apgr']:.3f} [{low:.3f}, {high:.3f}]" in line
    assert f"{min(shipped['apgr_rounds']):.3f} to {max(shipped['apgr_rounds']):.3f}" in line
    assert "= not to be told apart" in found.as_lines()[-2]
    transfer = told["transfers"]
    assert isinstance(transfer, list) and "apgr_rounds" not in transfer[0]["policies"]["shipped"]


def test_the_picture_is_a_png(found: Comparison, tmp_path: Path) -> None:
    found.plot(tmp_path / "folder" / "x.png")
    assert (tmp_path / "folder" / "x.png").read_bytes()[:4] == b"\x89PNG"
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        found.plot(tmp_path / "file" / "x.png")


def test_nobody_sees_a_step_of_a_held_group() -> None:
    looks: list[set[int]] = []

    def spying(known: Side) -> Scores:
        groups = set(known.columns.group[known.rows].tolist())

        def scores(side: Side) -> Floats:
            held = set(side.columns.group[side.rows].tolist())
            looks.append(groups & held)
            return np.zeros(len(side.rows))

        return scores

    compare([ladder(60)], lambda: None, {"spying": spying}, rounds=2)
    assert looks == [set()] * 10


def test_a_set_of_few_groups_is_left_out_group_by_group_and_dealt_step_by_step() -> None:
    rows = tuple(replace(row, group=f"kind {place % 3}") for place, row in enumerate(riddles(120)))
    made = replace(ladder(), rows=rows)
    found = compare([made], lambda: None, {"random": CANDIDATES["random"]})
    assert {name: told.folds for name, told in found.sets.items()} == {
        "riddles": 3,
        "riddles, single steps": 5,
    }
    assert {name: told.rounds for name, told in found.sets.items()} == {
        "riddles": 1,
        "riddles, single steps": 5,
    }
    assert found.transfers == ()


def test_folds_are_dealt_anew_and_a_figure_is_the_mean() -> None:
    few = {"shipped": CANDIDATES["shipped"]}
    told = compare([ladder()], lambda: None, few, rounds=3).sets["riddles"]
    apgr = told.policies["shipped"].figures["apgr"]
    assert len(set(apgr.rounds)) == 3 and apgr.value == pytest.approx(np.mean(apgr.rounds))
    once = compare([ladder()], lambda: None, few, rounds=1).sets["riddles"]
    assert once.policies["shipped"].figures["apgr"].value == pytest.approx(apgr.rounds[0])


def test_the_level_of_a_fit_does_not_count() -> None:
    """A fit says no more than how good the strong model is on what it knows: nothing of a step."""

    def level(known: Side) -> Scores:
        mean = float(known.gain.mean())
        return lambda side: np.full(len(side.rows), mean)

    found = compare([ladder(200)], lambda: None, {"level": level}, rounds=2)
    assert found.sets["riddles"].policies["level"].figures["apgr"].value == pytest.approx(0.5)


def test_several_processes_find_the_same() -> None:
    sets = [ladder(120), ladder(120, 1, "others")]
    few = {name: CANDIDATES[name] for name in ("prompt_length", "hashed")}
    one, two = (
        compare(sets, lambda: None, few, rounds=2, workers=workers).sets["riddles"]
        for workers in (1, 2)
    )
    for name in few:
        assert (
            one.policies[name].figures["apgr"].rounds == two.policies[name].figures["apgr"].rounds
        )


def test_a_candidate_without_enough_to_learn_from_is_left_out() -> None:
    found = compare([ladder(40)], lambda: None, SOME, rounds=1)
    assert "shipped" not in found.sets["riddles"].policies
    assert "tfidf" in found.sets["riddles"].policies


def test_a_strong_model_that_is_no_better_is_told() -> None:
    turned = replace(ladder(80), tiers=TIERS[::-1])
    with pytest.raises(ConfigError, match="name other rungs"):
        compare([turned], lambda: None, {"random": CANDIDATES["random"]})


def test_every_candidate_orders_what_words_tell_and_gives_the_same_order_again() -> None:
    side = side_of(ladder(200))
    known, held = (replace(side, rows=np.arange(a, b)) for a, b in ((0, 150), (150, 200)))
    for name, candidate in CANDIDATES.items():
        one, other = (candidate(known)(held) for _ in range(2))
        assert one.tolist() == other.tolist() and one.shape == (50,), name
        assert np.isfinite(one).all(), name


def test_progress_is_told_for_each_fit() -> None:
    made = Counter[str]()
    few = {"random": CANDIDATES["random"]}
    sets = [ladder(60), ladder(60, 1, "others")]
    compare(sets, lambda: made.update(["fit"]), few, rounds=2)
    assert made["fit"] == fits(sets, 2)
