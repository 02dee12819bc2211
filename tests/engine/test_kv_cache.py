"""Does vLLM itself hold that a request takes as much KV cache as is foretold?"""

from __future__ import annotations

import pytest

from rungwise.tiers.cards import shipped
from rungwise.weights.memory import BLOCK, kv_bytes

pytestmark = pytest.mark.engine

TOKENS, STEP = 32_768, 2048


@pytest.mark.parametrize("id", [card.id for card in shipped().values() if card.local])
def test_vllm_s_own_sum_over_the_layers_is_the_same(id: str) -> None:
    torch = pytest.importorskip("torch")
    specs = pytest.importorskip("vllm.v1.kv_cache_interface")
    local = shipped()[id].local
    assert local is not None and local.shape is not None
    total = 0
    for layers in local.shape.attention:
        common = {
            "block_size": BLOCK,
            "num_kv_heads": layers.kv_heads,
            "head_size": layers.head_size,
            "dtype": torch.bfloat16,
        }
        if layers.window is None:
            spec, blocks = specs.FullAttentionSpec(**common), -(-TOKENS // BLOCK)
        else:
            spec = specs.SlidingWindowSpec(**common, sliding_window=layers.window)
            blocks = spec.max_admission_blocks_per_request(STEP, TOKENS)
        total += layers.layers * blocks * spec.page_size_bytes
    assert kv_bytes(local.shape, TOKENS, step=STEP) == total
