"""Held requests without a result, for too long, are a stall; all else is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tiers.local.test_busy import Time

from rungwise.config import VllmTierConfig
from rungwise.tiers.local.stalling import Stall
from rungwise.tiers.local.vllm import VllmTier
from rungwise.tiers.local.vllm_compat import TappedEngine


def test_an_engine_that_gives_nothing_for_so_long_hangs() -> None:
    time = Time()
    stall = Stall(10, time)
    assert stall.look(held=2, heard=5) is None
    time.at += 9.5
    assert stall.look(held=3, heard=5) is None, "that another came is no news of the engine"
    time.at += 0.5
    assert stall.look(held=3, heard=5) == 10
    assert stall.look(held=3, heard=6) is None


def test_one_that_holds_nothing_does_not() -> None:
    time = Time()
    stall = Stall(10, time)
    for held in (0, 0, 1):
        time.at += 100
        assert stall.look(held=held, heard=5) is None
    time.at += 10
    assert stall.look(held=1, heard=5) == 10


def test_none_never_does() -> None:
    time = Time()
    stall = Stall(None, time)
    for _ in range(3):
        time.at += 1e6
        assert stall.look(held=1, heard=0) is None


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 2), st.integers(0, 1)), max_size=30))
def test_it_is_told_only_after_looks_that_all_found_the_same(
    looks: list[tuple[float, int, int]],
) -> None:
    time, heard = Time(), 0
    stall, silent = Stall(10, time), 0.0
    before = 0
    for passed, held, news in looks:
        time.at += passed
        heard += news
        silent = silent + passed if held and before and not news else 0.0
        before = held
        told = stall.look(held=held, heard=heard)
        assert (told is not None) == (silent >= 10) or abs(silent - 10) < 1e-6


# ---- the rung, on an engine that is played ---------------------------------------------------


class Played:
    """What of AsyncLLM the rung's health looks at."""

    def __init__(self) -> None:
        self.output_processor = SimpleNamespace(process_outputs=lambda results: None)

    def get_num_unfinished_requests(self) -> int:
        return 1

    async def check_health(self) -> None: ...


@pytest.mark.anyio
async def test_a_rung_whose_engine_gives_nothing_says_that_it_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    time = Time()
    document: dict[str, Any] = {"name": "tier1", "kind": "vllm", "model": "small"}
    config = VllmTierConfig.model_validate({**document, "restart": {"stalled_s": 7}})
    tier, played = VllmTier(config, now=time), Played()
    tier._running = SimpleNamespace(engine=TappedEngine(played, RuntimeError))  # type: ignore[assignment]
    for _ in range(3):
        played.output_processor.process_outputs(["a", "b"])
        assert await tier.health() is None
        time.at += 6
    assert await tier.health() is None
    time.at += 1
    assert await tier.health() == "tier1: the engine hangs: nothing came of it for 7 s"
