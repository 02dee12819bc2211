"""Does a meter count tokens as vLLM gives them, and its draft's share of the engine?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.tiers.local.test_busy import Time

from rungwise.tiers.local.busy import BusyClock
from rungwise.tiers.local.vllm_meter import EngineMeter


def result(tokens: int, *, finished: bool = False, prompt: int = 100, cached: int = 60) -> Any:
    outputs = [SimpleNamespace(token_ids=[7] * tokens)]
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
