"""Do the drafts' shares sum to what the engine used, by the work that each caused?"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from rungwise.tiers.local.busy import BusyClock, Part, Share
from rungwise.tiers.local.energy import Energy

SECONDS = st.integers(0, 4000).map(lambda ms: ms / 1000)


@dataclass(slots=True)
class Time:
    at: float = 100.0

    def __call__(self) -> float:
        return self.at


@dataclass(slots=True)
class Held:
    """A draft that is held, and the work it says it did."""

    prompt: int = 0
    written: int = 0
    part: Part | None = None

    def __call__(self) -> tuple[int, int]:
        return self.prompt, self.written


@dataclass(slots=True)
class Engine:
    """A clock with a scripted time, and a GPU that draws 50 W, and 250 W more while it is busy."""

    time: Time = field(default_factory=Time)
    joules: float = 0.0
    busy_s: float = 0.0
    clock: BusyClock = field(init=False)

    def __post_init__(self) -> None:
        energy = Energy(lambda: [self.joules], self.time)
        self.clock = BusyClock(self.time, decode_weight=8, energy=energy.engine((0,)))
        self.clock.turn(up=True)

    def wait(self, seconds: float) -> None:
        self.time.at += seconds
        self.busy_s += seconds * bool(self.clock.running)
        self.joules += seconds * (300 if self.clock.running else 50)

    def begin(self, prompt: int = 0) -> Held:
        held = Held(prompt)
        held.part = self.clock.enter(held)
        return held

    def end(self, held: Held) -> Share:
        assert held.part is not None
        return self.clock.leave(held.part)


def test_a_draft_alone_takes_all_the_time_that_it_was_held() -> None:
    engine = Engine()
    engine.wait(10)
    held = engine.begin()
    engine.wait(2)
    assert engine.end(held) == Share(seconds=2, joules=600)
    engine.wait(10)
    busy_s, idle_s, idle_joules = engine.clock.standing()
    assert (busy_s, idle_s, idle_joules) == (2, 20, 1000)


def test_twice_the_work_in_the_same_time_is_twice_the_share() -> None:
    engine = Engine()
    first, second = engine.begin(100), engine.begin(200)
    first.written, second.written = 50, 100
    engine.wait(3)
    shares = [engine.end(first), engine.end(second)]
    assert [round(share.seconds, 9) for share in shares] == [1, 2]
    assert [round(share.joules or 0, 6) for share in shares] == [300, 600]


def test_a_written_token_weighs_as_many_prompt_tokens_as_is_configured() -> None:
    for weight, expected in ((8.0, 0.5), (1.0, 80 / 90)):
        time = Time()
        clock = BusyClock(time, decode_weight=weight)
        reader, writer = Held(prompt=80), Held(written=10)
        part, other = clock.enter(reader), clock.enter(writer)
        time.at += 1
        assert round(clock.leave(part).seconds, 9) == round(expected, 9)
        clock.leave(other)


def test_who_comes_late_pays_nothing_for_what_was_before() -> None:
    engine = Engine()
    early = engine.begin()
    early.written = 100
    engine.wait(100)
    late = [engine.begin() for _ in range(30)]
    for held in (early, *late):
        held.written += 10
    engine.wait(1)
    shares = [engine.end(held).seconds for held in late]
    assert sum(shares) < 1
    assert engine.end(early).seconds > 100


def test_who_only_waited_pays_nothing_unless_it_was_alone() -> None:
    engine = Engine()
    at_work, waiting = engine.begin(), engine.begin()
    engine.wait(2)
    at_work.written = 4
    assert engine.end(waiting).seconds == 0
    assert engine.end(at_work).seconds == 2
    alone = engine.begin()
    engine.wait(1)
    assert engine.end(alone).seconds == 1


def test_asking_takes_nothing() -> None:
    engine = Engine()
    first, second = engine.begin(), engine.begin()
    first.written = second.written = 10
    engine.wait(2)
    assert first.part is not None
    asked = [engine.clock.share(first.part) for _ in range(3)]
    assert asked[0] == asked[2] == engine.end(first)
    assert engine.end(second).seconds == 1


def test_nothing_measures_joules_without_a_counter() -> None:
    clock = BusyClock(Time())
    assert clock.leave(clock.enter(Held())).joules is None


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("begin", "work", "wait", "end", "ask", "standing")),
        st.integers(0, 50),
        SECONDS,
    ),
    max_size=60,
)


@given(ACTIONS)
def test_the_shares_sum_to_the_busy_time_and_energy_whatever_happens(
    actions: list[tuple[str, int, float]],
) -> None:
    engine = Engine()
    held: list[Held] = []
    shares: list[Share] = []
    for kind, number, seconds in actions:
        if kind == "begin":
            held.append(engine.begin(number))
        elif kind == "wait":
            engine.wait(seconds)
        elif kind == "standing":
            engine.clock.standing()
        elif held:
            chosen = held[number % len(held)]
            if kind == "work":
                chosen.written += number
            elif kind == "end":
                held.remove(chosen)
                shares.append(engine.end(chosen))
            elif chosen.part is not None:
                assert engine.clock.share(chosen.part).seconds >= 0
    engine.wait(1)
    shares += [engine.end(each) for each in held]
    engine.wait(1)
    assert all(share.seconds >= 0 and (share.joules or 0) >= 0 for share in shares)
    busy_s, idle_s, idle_joules = engine.clock.standing()
    assert abs(sum(share.seconds for share in shares) - busy_s) < 1e-6
    assert abs(busy_s - engine.busy_s) < 1e-6
    assert abs(busy_s + idle_s - (engine.time.at - 100)) < 1e-6
    joules = sum(share.joules or 0 for share in shares) + idle_joules
    assert abs(joules - engine.joules) < 1e-3, "every joule is somebody's, or idle"
