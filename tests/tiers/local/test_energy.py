"""Does every joule that the GPUs count fall to one engine's drafts, or to its idle line?"""

from __future__ import annotations

from tests.tiers.local.test_busy import Held, Time

from rungwise.tiers.local.busy import BusyClock
from rungwise.tiers.local.energy import Energy


class Gpus:
    """Two counters, which a test moves, and how often they were asked."""

    def __init__(self) -> None:
        self.joules: list[float | None] | None = [1000.0, 5000.0]
        self.asked = 0
        self.time = Time()

    def __call__(self) -> list[float | None] | None:
        self.asked += 1
        return None if self.joules is None else list(self.joules)

    def use(self, *joules: float, seconds: float = 1.0) -> None:
        assert self.joules is not None
        counted = zip(self.joules, joules, strict=True)
        self.joules = [None if was is None else was + more for was, more in counted]
        self.time.at += seconds


def clock(gpus: Gpus, energy: Energy, size: int = 1) -> BusyClock:
    made = BusyClock(gpus.time, energy=energy.engine(range(size)))
    made.turn(up=True)
    return made


def test_an_engine_counts_only_the_gpus_it_runs_on() -> None:
    gpus = Gpus()
    energy = Energy(gpus, gpus.time)
    one, two = clock(gpus, energy), clock(gpus, energy, 2)
    part = two.enter(Held())
    gpus.use(10, 20)
    assert two.leave(part).joules == 30, "the other engine on the first GPU was idle"
    part = one.enter(Held())
    gpus.use(10, 20)
    assert one.leave(part).joules == 10
    assert (one.standing()[2], two.standing()[2]) == (0, 20)


def test_engines_on_gpus_of_their_own_never_share() -> None:
    gpus = Gpus()
    energy = Energy(gpus, gpus.time)
    engines = [BusyClock(gpus.time, energy=energy.engine((index,))) for index in (1, 0)]
    for engine in engines:
        engine.turn(up=True)
    parts = [engine.enter(Held()) for engine in engines]
    gpus.use(3, 40)
    joules = [engine.leave(part).joules for engine, part in zip(engines, parts, strict=True)]
    assert joules == [40, 3]


def test_engines_that_are_busy_at_once_share_evenly_and_so_do_idle_ones() -> None:
    gpus = Gpus()
    energy = Energy(gpus, gpus.time)
    one, two = clock(gpus, energy), clock(gpus, energy)
    gpus.use(8, 0)
    assert (one.standing()[2], two.standing()[2]) == (4, 4)
    parts = one.enter(Held()), two.enter(Held())
    gpus.use(6, 0)
    assert one.leave(parts[0]).joules == 3
    gpus.use(6, 0)
    assert two.leave(parts[1]).joules == 9


def test_the_driver_is_asked_no_more_than_ten_times_a_second_while_drafts_run() -> None:
    gpus = Gpus()
    running = clock(gpus, Energy(gpus, gpus.time))
    first = running.enter(Held())
    before = gpus.asked
    for _ in range(100):
        gpus.use(1, 0, seconds=0.01)
        running.share(first)
    assert gpus.asked - before <= 10
    assert running.leave(first).joules == 100


def test_a_short_draft_has_its_energy_before_an_idle_hour() -> None:
    gpus = Gpus()
    running = clock(gpus, Energy(gpus, gpus.time))
    part = running.enter(Held())
    gpus.use(3, 0, seconds=0.02)
    assert running.leave(part).joules == 3
    gpus.use(100, 0, seconds=3600)
    assert running.standing()[2] == 100


def test_a_driver_that_fails_leaves_the_energy_unknown() -> None:
    gpus = Gpus()
    running = clock(gpus, Energy(gpus, gpus.time))
    part = running.enter(Held())
    gpus.use(3, 0)
    gpus.joules = None
    assert running.leave(part).joules is None


def test_a_gpu_that_fails_leaves_only_its_own_energy_unknown() -> None:
    gpus = Gpus()
    energy = Energy(gpus, gpus.time)
    engines = [BusyClock(gpus.time, energy=energy.engine(on)) for on in ((0,), (1,), (0, 1))]
    parts = [engine.enter(Held()) for engine in engines]
    gpus.use(6, 8)
    assert gpus.joules is not None
    gpus.joules[1] = None
    gpus.use(2, 0)
    joules = [engine.leave(part).joules for engine, part in zip(engines, parts, strict=True)]
    assert joules == [4, None, None]


def test_a_counter_that_begins_anew_takes_nothing_back() -> None:
    gpus = Gpus()
    running = clock(gpus, Energy(gpus, gpus.time))
    part = running.enter(Held())
    gpus.joules = [2.0, 0.0]
    gpus.time.at += 1
    assert running.leave(part).joules == 0


def test_what_is_used_before_the_engine_is_up_and_after_is_nobodys() -> None:
    gpus = Gpus()
    energy = Energy(gpus, gpus.time)
    running = BusyClock(gpus.time, energy=energy.engine((0,)))
    gpus.use(50, 0)
    running.turn(up=True)
    gpus.use(7, 0)
    running.turn(up=False)
    gpus.use(50, 0)
    assert running.standing() == (0, 1, 7)
