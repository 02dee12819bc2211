"""What is read from vLLM's insides, and what if they look otherwise? vLLM itself is played."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.tiers.local.test_vllm_price import tier

from rungwise.tiers.local import vllm_compat as compat


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


def test_the_scheduler_tells_how_full_the_kv_cache_is(loggers: ModuleType) -> None:
    class PrometheusStatLogger:
        def __init__(self) -> None:
            raise AssertionError("it would register metrics")

    loggers.PrometheusStatLogger = PrometheusStatLogger  # type: ignore[attr-defined]
    use = compat.KvUse()
    (made,) = compat.kv_listeners(use) or []
    assert issubclass(made, PrometheusStatLogger), "or vLLM adds one of its own"
    listener = made(object(), [0])
    listener.record(SimpleNamespace(kv_cache_usage=0.25), None, engine_idx=0)
    assert use.share == 0.25
    listener.record(None, None)
    assert use.share == 0.25, "a step without statistics says nothing"
    listener.record(SimpleNamespace(), None)
    assert use.share is None


def test_a_vllm_that_tells_nothing_is_said_once_and_never_spills(
    loggers: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    full = tier(spill={"kv_use": 0.5})
    assert full._listeners() is None and "spill.kv_use has no effect" in caplog.text
    assert full.saturation() is None
    caplog.clear()
    assert tier()._listeners() is None and not caplog.text, "nobody asked"
