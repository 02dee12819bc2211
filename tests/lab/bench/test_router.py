"""The whole plan is timed, on prompts of the size that is told."""

from rungwise.lab.bench.router import CHARS_PER_TOKEN, measure, prompts, router_of
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.training.examples import of_ladder
from rungwise.lab.training.fit import fit
from tests.lab.riddles import TIERS, riddles

LADDER = RecordedLadder(name="riddles", tiers=TIERS, rows=tuple(riddles(80)))


def test_prompts_are_as_long_as_told_and_drawn_alike() -> None:
    texts = [row.prompt for row in LADDER.rows]
    one, other = (list(prompts(texts, 500, 3)) for _ in range(2))
    assert one == other and one[0] != one[1]
    for chat in one:
        assert sum(len(m.text) for m in chat.messages) == 500 * CHARS_PER_TOKEN


def test_the_plan_that_is_timed_weighs_what_pays() -> None:
    learnt = of_ladder(LADDER, lambda: None)
    plan = router_of(fit(learnt.items, TIERS)).plan(LADDER.rows[0].chat)
    assert "pays: " in plan.why and [told.tier for told in plan.forecasts] == list(TIERS)


def test_both_sizes_are_measured() -> None:
    made: list[int] = []
    found = measure(LADDER, 20, lambda: made.append(1))
    shadow = found["with_shadow"]
    assert isinstance(shadow, dict) and found["rungs"] == len(TIERS)
    sizes = ("tokens_2000", "tokens_32000")
    for told in [beside[size] for beside in (found, shadow) for size in sizes]:
        assert isinstance(told, dict)
        assert 0 < told["p50_ms"] <= told["p99_ms"] <= told["most_ms"] and told["plans"] == 20
        assert 0 < told["processor_p50_ms"] <= told["processor_p99_ms"]
