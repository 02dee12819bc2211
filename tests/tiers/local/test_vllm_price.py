"""What is a local draft billed, and what does an idle engine cost? No engine is started here."""

from __future__ import annotations

import pytest
from tests.tiers.local.test_busy import Held, Time

from rungwise.config import BoxConfig, EngineConfig, VllmTierConfig
from rungwise.tiers.local.energy import Energy
from rungwise.tiers.local.vllm import VllmTier
from rungwise.types import Done, Usage


def tier(box: BoxConfig | None = None, energy: Energy | None = None, **more: object) -> VllmTier:
    config = VllmTierConfig.model_validate({"name": "t", "kind": "vllm", "model": "m", **more})
    return VllmTier(config, box=box, energy=energy)


DONE = Done(model="m", usage=Usage(), engine_s=1.8, joules=3600)


def test_the_hours_price_is_times_the_gpus() -> None:
    assert tier(usd_per_gpu_hour=2).cost_nano(DONE) == 1_000_000
    two = EngineConfig(tensor_parallel_size=2)
    assert tier(usd_per_gpu_hour=2, engine=two).cost_nano(DONE) == 2_000_000
    copies = EngineConfig(tensor_parallel_size=2, data_parallel_size=3)
    assert tier(usd_per_gpu_hour=2, engine=copies).cost_nano(DONE) == 6_000_000
    assert tier().cost_nano(DONE) is None


def test_an_engine_draws_from_the_gpus_that_it_is_on() -> None:
    joules, time = [0.0, 0.0, 0.0], Time()
    energy = Energy(lambda: joules, time)
    placed = tier(energy=energy, gpus=[2])
    first = tier(energy=energy)
    for one in (placed, first):
        one._clock.turn(up=True)
    joules, time.at = [5.0, 70.0, 11.0], time.at + 1
    assert [one.standing().idle_joules for one in (placed, first)] == [11, 5]


def test_each_copy_takes_its_own_drafts_before_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = EngineConfig(max_num_seqs=4, data_parallel_size=2)
    full = tier(engine=engine, spill={"waiting": 1})
    monkeypatch.setattr(full, "_asked", 8)
    assert full.saturation() is None
    monkeypatch.setattr(full, "_asked", 9)
    assert full.saturation() == "a draft waits for the engine (spill.waiting: 1)"


def test_measured_energy_is_priced_where_a_kilowatt_hour_has_a_price() -> None:
    box = BoxConfig(usd_per_kwh=0.3)
    assert tier(box, usd_per_gpu_hour=2).cost_nano(DONE) == 1_300_000
    unmeasured = Done(model="m", usage=Usage(), engine_s=1.8)
    assert tier(box, usd_per_gpu_hour=2).cost_nano(unmeasured) == 1_000_000
    assert tier(box).cost_nano(DONE) is None


@pytest.mark.parametrize("weight", [1.0, 8.0, 50.0])
def test_a_written_token_weighs_as_box_decode_weight_says(weight: float) -> None:
    clock = tier(BoxConfig(decode_weight=weight))._clock
    reads, writes = clock.enter(Held(prompt=100)), clock.enter(Held(written=100))
    read, written = clock.leave(reads).seconds, clock.leave(writes).seconds
    assert read > 0
    assert clock.running == 0 and written / read > weight * 0.99


def test_standing_prices_what_is_idle() -> None:
    joules, time = [0.0], Time()
    energy = Energy(lambda: joules, time)
    stood = tier(BoxConfig(usd_per_kwh=0.3), energy, usd_per_gpu_hour=2)
    stood._clock.turn(up=True)
    joules, time.at = [360.0], time.at + 1
    standing = stood.standing()
    assert standing.busy_s == 0 and standing.idle_joules == 360
    expected = standing.up_s * 2 / 3600 * 1e9 + 30_000
    assert standing.idle_nano is not None and abs(standing.idle_nano - expected) <= 1
    assert tier().standing().idle_nano is None
