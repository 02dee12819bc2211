"""The whole plan is timed, on prompts of the size that is told."""

from rungwise.lab.bench.router import CHARS_PER_TOKEN, measure, prompts, router_of
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.predictors.compare import side_of
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
    router = router_of(fit(side_of(LADDER).examples, ("weak", "strong")))
    plan = router.plan(LADDER.rows[0].chat)
    assert plan.why and {forecast.tier for forecast in plan.forecasts} <= {"weak", "strong"}
    assert plan.forecasts


def test_both_sizes_are_measured() -> None:
    made: list[int] = []
    found = measure(LADDER, 20, lambda: made.append(1))
    assert set(found) == {"tokens_2000", "tokens_32000"}
    for told in found.values():
        assert isinstance(told, dict)
        assert 0 < told["p50_ms"] <= told["p99_ms"] <= told["most_ms"] and told["plans"] == 20
        assert 0 < told["processor_p50_ms"] <= told["processor_p99_ms"]
