"""Policies on a made-up ladder whose truth is known, from columns to figures."""

from dataclasses import replace

import numpy as np
import pytest

from rungwise.lab.ladders.costs import priced
from rungwise.lab.routing.curves import LEVELS
from rungwise.lab.routing.evaluate import POLICIES, Options, SetFigures, evaluate, work
from rungwise.lab.routing.figures import apgr
from tests.lab.foretold import ByType, ladder

OPTIONS = Options(resamples=60, rounds=2)


@pytest.fixture(scope="module")
def found() -> SetFigures:
    calls = list[int]()
    options = replace(OPTIONS, by_row=True)
    figures = evaluate(
        priced(ladder(600)),
        ByType,
        options,
        train=priced(ladder(900, seed=1)),
        progress=lambda: calls.append(1),
    )
    assert len(calls) == work(True, options)
    return figures


def test_random_mixing_recovers_half_and_the_oracle_most(found: SetFigures) -> None:
    figure = {name: found.figures[f"policies.{name}.apgr"].value for name in found.policies}
    assert figure["random"] == pytest.approx(0.5)
    assert figure["oracle"] == max(figure.values())
    assert figure["pays"] > figure["router"] > figure["random"]
    assert figure["pays"] + 0.01 > figure["cascade"] > figure["random"]


def over(found: SetFigures, other: str) -> float:
    return float(np.trapezoid(found.right("pays") - found.right(other), LEVELS))


def test_the_areas_agree_with_the_curves(found: SetFigures) -> None:
    for key, other in (("over_router", "router"), ("over_cascade", "cascade")):
        area = found.figures[f"areas.{key}"]
        assert area.value == pytest.approx(over(found, other))
        assert area.low <= area.value <= area.high


def test_every_policy_has_a_point_for_every_target_and_every_rung_one(found: SetFigures) -> None:
    expected = {f"{name}@{share:g}" for name in POLICIES for share in OPTIONS.targets}
    assert set(found.points) == expected | {"single.t1", "single.t2", "single.t3"}
    one = found.figures["points.single.t2.accuracy"]
    assert one.value == pytest.approx(found.columns.right[:, 1].mean())
    assert found.figures["points.single.t2.p50_over_s.t2"].value == 0


def test_a_setting_that_is_chosen_on_the_training_file_about_keeps_its_target(
    found: SetFigures,
) -> None:
    low, high = found.columns.right.mean(axis=0)[[0, 2]]
    accuracy = found.figures["points.pays@0.8.accuracy"].value
    assert (accuracy - low) / (high - low) == pytest.approx(0.8, abs=0.12)


def test_it_says_what_it_learned_on_and_how_intervals_are_drawn(found: SetFigures) -> None:
    assert found.learned_on == "made.x"
    assert found.notes == ("costs as recorded", "steps are drawn for the intervals")
    within = evaluate(priced(ladder(300)), ByType, OPTIONS)
    assert within.learned_on is None
    assert "30 groups are drawn for the intervals" in within.notes
    assert "decided on 5 folds, groups whole, dealt anew 2 times" in within.notes


def test_without_readings_there_is_no_cascade_and_ours_is_the_router() -> None:
    figures = evaluate(priced(ladder(300, read=False)), ByType, OPTIONS)
    assert "cascade" not in figures.policies and "areas.over_cascade" not in figures.figures
    assert any("no readings" in note for note in figures.notes)
    assert figures.figures["areas.over_router"].value == pytest.approx(0)


def test_with_two_rungs_it_is_routellm_s_apgr() -> None:
    figures = evaluate(priced(ladder(300, rungs=2)), ByType, OPTIONS)
    assert figures.by_calls == {"random", "oracle", "length", "router"}
    assert figures.figures["policies.random.apgr"].value == pytest.approx(0.5)
    elsewhere = evaluate(
        priced(ladder(300, rungs=2)), ByType, OPTIONS, train=priced(ladder(300, 1, rungs=2))
    )
    columns = elsewhere.columns
    lengths = np.array([len(row.prompt) for row in columns.rows])
    expected = apgr(lengths, columns.right[:, 0], columns.right[:, 1])
    assert elsewhere.figures["policies.length.apgr"].value == pytest.approx(expected)
    assert figures.figures["policies.random.cpt80"].value == pytest.approx(0.8)


def test_without_readings_ours_goes_by_calls_as_the_router_does() -> None:
    figures = evaluate(priced(ladder(300, rungs=2, read=False)), ByType, OPTIONS)
    assert "pays" in figures.by_calls
    ours, router = (figures.figures[f"policies.{name}.apgr"] for name in ("pays", "router"))
    assert ours.as_json() == router.as_json()


def test_each_round_deals_anew_and_a_figure_is_their_mean() -> None:
    options = replace(OPTIONS, policies=("router",), rounds=3)
    found = evaluate(priced(ladder(150)), ByType, options)
    apgr_of = found.figures["policies.router.apgr"]
    assert len(found.rounds) == 3 and len(set(apgr_of.rounds)) == 3
    assert apgr_of.value == pytest.approx(np.mean(apgr_of.rounds))
    for place in range(3):
        alone = evaluate(priced(ladder(150)), ByType, replace(options, rounds=1, seed=place))
        assert alone.figures["policies.router.apgr"].value == pytest.approx(apgr_of.rounds[place])
        assert "decided on 5 folds, groups whole, dealt once" in alone.notes


def test_what_was_learned_on_another_file_is_not_dealt() -> None:
    found = evaluate(priced(ladder(90)), ByType, OPTIONS, train=priced(ladder(90, seed=1)))
    assert len(found.rounds) == 1


def test_the_same_seed_gives_the_same_figures_and_only_the_chosen_policies() -> None:
    options = replace(OPTIONS, policies=("router",))
    one, same = (evaluate(priced(ladder(150)), ByType, options) for _ in range(2))
    assert set(one.policies) == {"random", "router"}
    assert not any(path.startswith("areas") for path in one.figures)
    for path, figure in one.figures.items():
        assert figure.as_json() == same.figures[path].as_json()


def test_where_the_highest_rung_is_not_dearer_there_is_no_axis() -> None:
    data = priced(ladder(60))
    cheap = tuple(
        replace(row, tiers={n: replace(r, cost_usd=1.0) for n, r in row.tiers.items()})
        for row in data.rows
    )
    with pytest.raises(ValueError, match="not dearer"):
        evaluate(replace(data, rows=cheap), ByType, OPTIONS)
