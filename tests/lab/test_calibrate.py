"""From recorded drafts to thresholds: two kinds of acceptance, and what each option does."""

from dataclasses import replace

import numpy as np
import pytest

from rungwise.lab.calibrate import Calibrated, Options, calibrate, recovery
from rungwise.lab.promise import Aim
from rungwise.lab.readings import Sample, sample_of
from rungwise.lab.recorded import Recorded
from tests.lab.draws import SIGNALS, TYPES, draws

AIM = Aim(limit=0.05, confidence=0.95)


def made(items: list[Recorded], options: Options | None = None) -> Calibrated:
    return calibrate(sample_of(items, SIGNALS), options or Options(aim=AIM))


def loss(calibrated: Calibrated, sample: Sample) -> tuple[float, float]:
    """The worst over the step types, and the share accepted of all, in the calibration's hold."""
    thresholds = calibrated.thresholds()
    least = np.array([thresholds.get(name, 2.0) for name in sample.step_types])
    accepted = calibrated.sure(sample) >= least[sample.type_of]
    lost = accepted & sample.lost
    by_type = [float(lost[sample.type_of == i].mean()) for i in range(len(sample.step_types))]
    return max(by_type), float(accepted.mean())


@pytest.mark.parametrize("hold", ["whole", "prefix"])
def test_drafts_that_tell_the_truth_get_useful_thresholds_that_hold(hold: str) -> None:
    everyone = sample_of(draws(60_000, 99, prefixes=True), SIGNALS)
    broken, accepted = 0, []
    for seed in range(40):
        options = Options(aim=AIM, hold=hold, seed=seed)  # type: ignore[arg-type]
        found = made(draws(2400, seed, prefixes=True), options)
        assert found.hold == hold
        worst, share = loss(found, everyone)
        broken += worst > AIM.limit
        accepted.append(share)
    assert broken <= 6, "2 expected at most; more than 6 has a chance under 1 %"
    assert np.mean(accepted) > 0.4


def test_a_draft_is_accepted_early_where_any_prefix_is_sure() -> None:
    found = made(draws(2400, 0, prefixes=True))
    sample = sample_of(draws(300, 1, prefixes=True), SIGNALS)
    at_the_end = found.finished.best.probabilities(sample.finished)
    early = [f.probabilities(sample.prefixes[n]) for n, f in found.acceptable.items()]
    assert np.array_equal(found.sure(sample), np.fmax.reduce([at_the_end, *early]))
    assert (found.sure(sample) > at_the_end).any()
    assert not np.isnan(found.sure(sample)).any(), "short drafts have their end only"


def test_prefixes_that_few_drafts_reach_are_left_out() -> None:
    items = draws(900, 0, prefixes=True)
    assert set(made(items).acceptable) == {4, 8}
    few = [replace(i, prefixes={4: i.prefixes[4]}) if n > 200 else i for n, i in enumerate(items)]
    assert set(made(few).acceptable) == {4}


def test_held_whole_no_prefix_is_fitted_and_more_confidence_is_left() -> None:
    items = draws(2400, 0, prefixes=True)
    whole = made(items, Options(aim=AIM, hold="whole"))
    both = made(items)
    assert whole.acceptable == {} and whole.prefix == {} and set(both.prefix) == set(TYPES)
    assert np.isclose(whole.level, 2 * both.level)
    assert (whole.tests, both.tests) == (3, 6)


def test_recovery_is_the_chance_to_reach_the_threshold() -> None:
    found = made(draws(4800, 0, prefixes=True))
    sample = sample_of(draws(2000, 1, prefixes=True), SIGNALS)
    thresholds = {name: c.threshold for name, c in found.whole.items()}
    least = np.array([thresholds[name] for name in sample.step_types], dtype=np.float64)
    reached = found.finished.best.probabilities(sample.finished) >= least[sample.type_of]
    chance = recovery(found)[4].probabilities(sample.prefixes[4])
    assert chance[reached].mean() > 0.8 > 0.2 > chance[~reached].mean()


def test_too_few_labels_give_no_threshold_and_say_how_many_are_needed() -> None:
    items = [replace(item, right=True) for item in draws(3000, 0)]
    found = made(items[:90])
    for chosen in found.whole.values():
        least = int(np.ceil(np.log(0.05 / 3) / np.log(0.95)))
        assert chosen.threshold is None and chosen.labels < least
        assert 0 <= chosen.needed - (least - chosen.labels) / 0.75 < 3
    enough = 90 + sum(chosen.needed for chosen in found.whole.values())
    grown = made(items[:enough])
    assert all(chosen.threshold is not None for chosen in grown.whole.values())


def test_a_single_draft_is_no_reason_to_fail() -> None:
    found = made(draws(1, 0))
    assert all(chosen.threshold is None for chosen in found.whole.values())


def test_thin_step_types_share_one_threshold_where_that_is_wanted() -> None:
    rare = [f"rare{i}" for i in range(4)]
    items = draws(900, 0) + draws(240, 1, rare)
    alone = made(items)
    pooled = made(items, Options(aim=replace(AIM, pool_thin=True)))
    assert all(alone.whole[name].threshold is None for name in rare)
    assert len({pooled.whole[name].threshold for name in rare}) == 1
    assert all(pooled.whole[name].pooled and pooled.whole[name].threshold for name in rare)
    assert not pooled.whole[TYPES[0]].pooled


def test_fit_share_is_the_part_that_is_fitted_on() -> None:
    for share in (0.25, 0.5):
        found = made(draws(1200, 0), Options(aim=AIM, fit_share=share))
        assert len(found.fitting) == 1200 * share
        assert found.whole[TYPES[0]].labels == 400 * (1 - share)


def test_the_seed_draws_the_parts() -> None:
    items = draws(1200, 0)
    first, again, other = (made(items, Options(aim=AIM, seed=seed)) for seed in (1, 1, 2))
    assert first.whole == again.whole != other.whole


def test_drafts_of_one_group_count_once() -> None:
    items = [replace(item, group=f"g{i // 6}") for i, item in enumerate(draws(2400, 0))]
    found = made(items)
    assert {chosen.labels for chosen in found.whole.values()} == {300}


def test_a_loss_counts_where_the_reference_is_right() -> None:
    items = draws(2400, 0)
    forgiving = [replace(item, reference=item.right or i % 2 == 0) for i, item in enumerate(items)]
    strict, lax = made(items), made(forgiving)
    assert sum(c.accepted for c in lax.whole.values()) > sum(
        c.accepted for c in strict.whole.values()
    )
