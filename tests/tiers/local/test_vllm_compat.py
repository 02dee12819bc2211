"""What is read from vLLM's insides, and what if they look otherwise? vLLM itself is played."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.tiers.local.test_vllm_price import tier

from rungwise.tiers.local import vllm_compat as compat
from rungwise.tiers.local.engine_stats import EngineStats


def test_the_gpus_are_those_that_cuda_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert compat.visible_gpus() is None
    for told, found in (("", ()), ("2, 0", ("2", "0")), ("GPU-1a,", ("GPU-1a",))):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", told)
        assert compat.visible_gpus() == found


# ---- the work of a draft that comes whole ----------------------------------------------------


def engine(**processor: Any) -> compat.TappedEngine:
    held = SimpleNamespace(output_processor=SimpleNamespace(**processor))
    return compat.TappedEngine(held, RuntimeError)


def state(written: int, *, prefilling: bool = False) -> Any:
    return SimpleNamespace(
        is_prefilling=prefilling,
        prompt_len=100,
        num_cached_tokens=64,
        detokenizer=SimpleNamespace(num_output_tokens=lambda: written),
    )


def test_the_work_is_known_from_the_first_token_on_and_beyond_the_end() -> None:
    states: dict[str, Any] = {}
    work = engine(external_req_ids={"r": ["r-0"]}, request_states=states).work_of("r")
    assert work() == (0, 0), "the engine does not know it yet"
    states["r-0"] = state(0, prefilling=True)
    assert work() == (0, 0)
    states["r-0"].is_prefilling = False
    states["r-0"].detokenizer = state(9).detokenizer
    assert work() == (36, 9)
    states.clear()
    assert work() == (36, 9), "it ended, and its result was not read yet"


@pytest.mark.parametrize("processor", [{}, {"external_req_ids": {}}, {"external_req_ids": []}])
def test_insides_that_look_otherwise_tell_no_work(processor: dict[str, Any]) -> None:
    assert engine(**processor).work_of("r")() == (0, 0)
    oddly = SimpleNamespace(is_prefilling=False)
    found = engine(external_req_ids={"r": ["r"]}, request_states={"r": oddly})
    assert found.work_of("r")() == (0, 0)


# ---- its statistics --------------------------------------------------------------------------


@pytest.fixture
def loggers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    names = ("vllm", "vllm.v1", "vllm.v1.metrics", "vllm.v1.metrics.loggers")
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    return sys.modules[names[-1]]


class Registering:
    def __init__(self) -> None:
        raise AssertionError("it would register metrics")


def scheduler(**more: Any) -> SimpleNamespace:
    told = {"num_running_reqs": 3, "num_waiting_reqs": 2, "kv_cache_usage": 0.25}
    return SimpleNamespace(**{**told, **more})


def listened(loggers: ModuleType) -> tuple[EngineStats, Any]:
    loggers.PrometheusStatLogger = Registering  # type: ignore[attr-defined]
    stats = EngineStats()
    (made,) = compat.listeners(stats) or []
    assert issubclass(made, Registering), "or vLLM adds one of its own"
    return stats, made(object(), [0, 1])


def test_copies_of_an_engine_are_summed_and_the_use_of_their_caches_is_the_mean(
    loggers: ModuleType,
) -> None:
    stats, listener = listened(loggers)
    listener.record(scheduler(), None, engine_idx=0)
    listener.record(scheduler(num_skipped_waiting_reqs=4, kv_cache_usage=0.75), None, engine_idx=1)
    assert (stats.running, stats.waiting, stats.kv_use) == (6, 8, 0.5)
    listener.record(None, None)
    assert stats.running == 6, "a step without statistics says nothing"


def test_what_was_looked_up_and_put_back_is_added(loggers: ModuleType) -> None:
    stats, listener = listened(loggers)
    prefix = SimpleNamespace(queries=100, hits=64, preempted_requests=1)
    for _ in range(2):
        listener.record(scheduler(prefix_cache_stats=prefix), None)
    assert (stats.queried, stats.hits, stats.preempted) == (200, 128, 2)
    assert stats.guessed is None


def test_an_engine_makes_no_statistics_of_each_token_unless_its_own_traces_need_them() -> None:
    for traces in (False, True):
        processor = SimpleNamespace(tracing_enabled=traces)
        engine = SimpleNamespace(log_stats=True, output_processor=processor)
        compat.count_schedules_alone(engine)
        assert engine.log_stats is traces


def test_tokens_that_are_guessed_ahead_are_counted_with_those_that_were_right(
    loggers: ModuleType,
) -> None:
    stats, listener = listened(loggers)
    guessing = SimpleNamespace(num_draft_tokens=8, num_accepted_tokens=5)
    listener.record(scheduler(spec_decoding_stats=guessing), None)
    assert (stats.guessed, stats.guessed_right) == (8, 5)


def test_statistics_that_look_otherwise_break_nothing(loggers: ModuleType) -> None:
    stats, listener = listened(loggers)
    listener.record(SimpleNamespace(), SimpleNamespace(), more=1)
    assert stats.kv_use is None and stats.written == 0


def test_a_vllm_that_tells_nothing_is_said_once_and_never_spills(
    loggers: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    full = tier(spill={"kv_use": 0.5})
    assert full._listeners() is None and "spill.kv_use has no effect" in caplog.text
    assert full.saturation() is None
    caplog.clear()
    assert tier()._listeners() is None and not caplog.text, "nobody asked"
