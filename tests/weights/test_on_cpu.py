"""Is it said that a machine without a GPU cannot hold a model?"""

from __future__ import annotations

from rungwise.weights.memory import GIB
from rungwise.weights.on_cpu import on_cpu
from tests.weights.test_asked import tier

SMALL = "Qwen/Qwen3-0.6B"


def test_a_model_that_is_larger_than_the_memory() -> None:
    (found,) = on_cpu([tier(kv_cache_gib=6)], 16 * GIB)
    assert found.state == "lack" and found.line.startswith(
        "memory: t take about 23.2 GiB, and this machine has 16.0, and no GPU; take a smaller"
    )
    assert list(on_cpu([tier(SMALL, max_model_len=4096)], 16 * GIB)) == []


def test_several_engines_are_added_up() -> None:
    engines = [tier(SMALL, max_model_len=4096, kv_cache_gib=1) for _ in range(3)]
    assert list(on_cpu(engines[:2], 9 * GIB)) == []
    assert [found.state for found in on_cpu(engines, 9 * GIB)] == ["lack"]
    assert [found.state for found in on_cpu(engines, 11 * GIB)] == ["note"], "a close call"


def test_a_cache_that_does_not_hold_the_context() -> None:
    (found,) = on_cpu([tier(SMALL, max_model_len=16_384, kv_cache_gib=1)], 16 * GIB)
    assert found.what == "t: max_model_len"
    assert found.found == "16,384 tokens need 1.75 GiB of KV cache, and kv_cache_gib is 1.00"
    assert "to 9,344 or less" in found.mend
