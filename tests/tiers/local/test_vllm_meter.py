"""Does a meter count tokens as vLLM gives them, and its draft's share of the engine?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.tiers.local.test_busy import Time

from rungwise.tiers.local.busy import BusyClock
from rungwise.tiers.local.engine_stats import EngineStats
from rungwise.tiers.local.vllm_meter import EngineMeter


def result(tokens: int, *, finished: bool = False, prompt: int = 100, cached: int = 60) -> Any:
    ended = "length" if finished else None
    outputs = [SimpleNamespace(token_ids=[7] * tokens, finish_reason=ended)]
    return SimpleNamespace(
        prompt_token_ids=[1] * prompt,
        num_cached_tokens=cached,
        outputs=outputs,
        finished=finished,
    )


def test_a_draft_that_was_never_begun_used_nothing() -> None:
    done = EngineMeter(model="m", clock=BusyClock(Time())).done()
    assert (done.engine_s, done.joules, done.usage.prompt_tokens) == (0, None, 0)


def test_uncached_prompt_and_written_tokens_are_the_work() -> None:
    time = Time()
    clock = BusyClock(time, decode_weight=8)
    meters = [EngineMeter(model="m", clock=clock) for _ in range(2)]
    for meter in meters:
        meter.started()
    time.at += 4
    meters[0].count(result(5))
    meters[1].count(result(10, prompt=100, cached=20))
    assert meters[0].worked() == (40, 5) and meters[1].worked() == (80, 10)
    assert round(meters[0].done().engine_s or 0, 9) == round(4 / 3, 9)
    meters[1].count(result(0, finished=True))
    time.at += 9
    assert round(meters[1].done().engine_s or 0, 9) == round(8 / 3, 9), "it ended before"


def test_reasoning_is_written_too() -> None:
    meter = EngineMeter(model="m", clock=BusyClock(Time()), reasoning=3)
    meter.started()
    meter.count(result(10, finished=True))
    usage = meter.done().usage
    assert (usage.output, usage.reasoning, meter.worked()) == (7, 3, (40, 10))
    assert (usage.input, usage.cache_read, usage.estimated) == (40, 60, False)


def test_a_draft_that_comes_whole_tells_its_work_before() -> None:
    meter = EngineMeter(model="m", clock=BusyClock(Time()), ahead=lambda: (30, 4))
    meter.started()
    assert meter.worked() == (30, 4)
    meter.count(result(6, finished=True))
    assert meter.worked() == (40, 6)


def test_what_drafts_read_and_wrote_is_told_to_their_engine() -> None:
    time, stats = Time(), EngineStats()
    meter = EngineMeter(model="m", clock=BusyClock(time), stats=stats)
    meter.started()
    time.at += 0.3
    meter.count(result(1))
    for finished in (False, True):
        time.at += 0.04
        meter.count(result(2, finished=finished))
    meter.stopped()
    assert (stats.prompt, stats.written, stats.ended["length"]) == (100, 5, 1)
    assert (sum(stats.first_token.counts), round(stats.first_token.total, 9)) == (1, 0.3)
    assert (sum(stats.inter_token.counts), round(stats.inter_token.total, 9)) == (1, 0.02)
    assert sum(stats.ended.values()) == 1, "it ends once"


def test_a_draft_that_comes_whole_has_no_time_to_its_first_token() -> None:
    stats = EngineStats()
    meter = EngineMeter(model="m", clock=BusyClock(Time()), stats=stats, ahead=lambda: (0, 0))
    meter.started()
    meter.count(result(6, finished=True))
    assert (stats.written, stats.ended["length"]) == (6, 1)
    assert sum(stats.first_token.counts) == sum(stats.inter_token.counts) == 0


def test_a_draft_that_is_stopped_ends_as_it_is_told() -> None:
    stats = EngineStats()
    for how in ("abort", "error"):
        meter = EngineMeter(model="m", clock=BusyClock(Time()), stats=stats)
        meter.started()
        meter.stopped(how)
        meter.stopped(how)
    assert (stats.ended["abort"], stats.ended["error"], stats.written) == (1, 1, 0)
