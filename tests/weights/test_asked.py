"""Is what a rung asks of memory read from its model and its engine, and nothing guessed?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rungwise.config import EngineConfig, VllmTierConfig
from rungwise.observe.gpu import Gpu
from rungwise.weights.asked import asked, placed
from rungwise.weights.memory import GIB
from tests.weights.folders import folder

QWEN = "Qwen/Qwen3-8B"


def tier(
    model: str = QWEN, *, gpus: tuple[int, ...] | None = None, **engine: Any
) -> VllmTierConfig:
    return VllmTierConfig(
        name="t", kind="vllm", model=model, gpus=gpus, engine=EngineConfig(**engine)
    )


def test_a_carded_model_is_16_bit_unless_told_otherwise() -> None:
    plain, small = asked(tier()), asked(tier(quantization="fp8", max_model_len=8192))
    assert plain is not None and (plain.precision, plain.context) == ("bf16", 40_960)
    assert small is not None and (small.precision, small.context) == ("fp8", 8192)
    kept = asked(VllmTierConfig(name="t", kind="vllm", model=f"{QWEN}-AWQ", card=QWEN))
    assert kept is not None and kept.precision == "awq"


@pytest.mark.parametrize("name", ["fp8", "fp8_per_tensor", "fp8_per_block", "fp8_per_channel"])
def test_8_bit_made_while_it_loads_has_several_names(name: str) -> None:
    found = asked(tier(quantization=name))
    assert found is not None and found.precision == "fp8"


def test_a_folder_is_exact(tmp_path: Path) -> None:
    found = asked(tier(str(folder(tmp_path / "m"))))
    assert found is not None and (found.exact, found.context) == (576, 256)
    assert found.fit(GIB, 24).weights == 576


def test_random_weights_are_counted_from_the_sizes(tmp_path: Path) -> None:
    model = folder(tmp_path / "m")
    (model / "model.safetensors").unlink()
    found = asked(tier(str(model), load_format="dummy"))
    assert found is not None and found.precision == "bf16"
    assert found.fit(GIB, 24).weights > 1000


@pytest.mark.parametrize(
    "told",
    [
        tier("somebody/else"),
        tier(dtype="float32"),
        tier(quantization="bitsandbytes"),
        tier(extra={"cpu_offload_gb": 4}),
        VllmTierConfig(name="t", kind="vllm", model="somebody/else", card=QWEN),
    ],
    ids=["no card", "32 bit", "another quantisation", "offloaded", "a card for its abilities"],
)
def test_of_what_is_not_known_nothing_is_claimed(told: VllmTierConfig) -> None:
    assert asked(told) is None


def test_a_cache_in_8_bit_holds_twice_as_much() -> None:
    plain, small = asked(tier()), asked(tier(extra={"kv_cache_dtype": "fp8"}))
    assert plain is not None and small is not None
    assert plain.fit(40 * GIB, 48).full == 2 * small.fit(40 * GIB, 48).full


def test_without_graphs_more_is_left() -> None:
    graphs, eager = asked(tier()), asked(tier(enforce_eager=True))
    assert graphs is not None and eager is not None
    assert graphs.fit(40 * GIB, 48).cache < eager.fit(40 * GIB, 48).cache


GPUS = [
    Gpu(index=n, name="L4", total_gib=24, free_gib=24, driver="580", uuid=f"GPU-{n}{n}ab")
    for n in range(3)
]


@pytest.mark.parametrize(
    ("told", "visible", "indices"),
    [
        (tier(), None, [0]),
        (tier(gpus=(2,)), None, [2]),
        (tier(gpus=(1, 0), tensor_parallel_size=2), ("2", "1"), [1, 2]),
        (tier(), ("GPU-11",), [1]),
        (tier(gpus=(1,)), ("2",), None),
        (tier(), ("7",), None),
        (tier(), (), None),
    ],
)
def test_gpus_are_counted_as_cuda_shows_them(
    told: VllmTierConfig, visible: tuple[str, ...] | None, indices: list[int] | None
) -> None:
    found = placed(told, GPUS, visible)
    assert (None if found is None else [one.index for one in found]) == indices
