"""Is it said before an engine starts that its GPUs cannot hold it?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rungwise.config import VllmTierConfig
from rungwise.observe.doctor import Finding
from rungwise.observe.gpu import Gpu
from rungwise.weights.on_gpu import on_gpus
from tests.weights.test_asked import tier


def gpu(total: float, *, free: float | None = None, index: int = 0, **more: Any) -> Gpu:
    told: dict[str, Any] = {"capability": (8, 9), **more}
    free = total if free is None else free
    return Gpu(index=index, name="L4", total_gib=total, free_gib=free, driver="580", **told)


def said(*tiers: VllmTierConfig, on: Gpu | list[Gpu]) -> list[Finding]:
    return list(on_gpus(tiers, on if isinstance(on, list) else [on], None))


def one(*tiers: VllmTierConfig, on: Gpu | list[Gpu]) -> Finding:
    (found,) = said(*tiers, on=on)
    return found


def test_what_fits_is_not_spoken_of() -> None:
    assert said(tier(max_model_len=16_384), on=gpu(24)) == []
    assert said(tier(), on=gpu(80)) == []


def test_a_gpu_that_is_too_small_for_the_weights() -> None:
    found = one(tier(max_model_len=4096), on=gpu(16))
    assert found.state == "lack" and found.line == (
        "t: GPU memory: 15.3 GiB of weights and about 1.0 beside them do not fit into the "
        "14.4 GiB that it may use of L4; `rungwise doctor --fit` tells what fits"
    )


def test_a_context_that_is_longer_than_what_is_left_holds_names_the_longest() -> None:
    found = one(tier(), on=gpu(22))
    assert found.state == "lack" and found.what == "t: max_model_len"
    assert "40,960 tokens need 5.6 GiB of KV cache, and about 3.5 are left" in found.found
    longest = int(found.mend.split()[3].replace(",", ""))
    assert 20_000 < longest < 30_000
    assert one(tier(max_model_len=longest), on=gpu(22)).state == "note"


def test_a_close_call_is_a_note() -> None:
    found = one(tier(), on=gpu(24.2))
    assert found.state == "note" and "give or take 0.8" in found.found


def test_a_share_that_is_not_free_is_told() -> None:
    found = one(tier(max_model_len=4096), on=gpu(24, free=20))
    assert found.state == "lack" and "20.0 of 24.0 GiB are free" in found.found
    assert said(tier(max_model_len=4096, gpu_memory_utilization=0.82), on=gpu(24, free=20)) == []


def test_a_cache_of_a_given_size_must_fit_and_hold_a_context() -> None:
    assert said(tier(max_model_len=8192, kv_cache_gib=4), on=gpu(24)) == []
    large = one(tier(max_model_len=8192, kv_cache_gib=10), on=gpu(24))
    assert large.state == "lack" and "and 10.0 of KV cache, do not fit" in large.found
    small = one(tier(max_model_len=8192, kv_cache_gib=1), on=gpu(24))
    assert small.what == "t: max_model_len" and "to 7,168 or less" in small.mend


def test_heads_that_cannot_be_dealt_out() -> None:
    three = [gpu(80, index=n) for n in range(3)]
    found = said(tier(tensor_parallel_size=3), on=three)[0]
    assert found.found == "32 heads cannot be dealt out to 3 GPUs"


@pytest.mark.parametrize(
    ("capability", "state"), [((8, 9), None), ((8, 6), "note"), ((7, 5), "lack"), (None, None)]
)
def test_8_bit_on_older_gpus(capability: tuple[int, int] | None, state: str | None) -> None:
    found = said(tier(quantization="fp8", max_model_len=8192), on=gpu(24, capability=capability))
    assert [one.state for one in found] == ([state] if state else [])


GEMMA = "google/gemma-3-4b-it"


@pytest.mark.parametrize(
    ("model", "dtype", "capability", "said_of_it"),
    [
        (GEMMA, "auto", (7, 5), "no bfloat16, and vLLM does not run google/gemma-3-4b-it in flo"),
        (GEMMA, "bfloat16", (7, 5), "no bfloat16"),
        (GEMMA, "float16", (8, 9), "vLLM does not run google/gemma-3-4b-it in float16"),
        (GEMMA, "auto", (8, 0), None),
        (GEMMA, "float32", (7, 5), None),
        ("Qwen/Qwen3-4B", "bfloat16", (7, 5), "and no bfloat16"),
        ("Qwen/Qwen3-4B", "auto", (7, 5), None),
        ("Qwen/Qwen3-4B", "float16", (7, 5), None),
    ],
)
def test_the_16_bits_that_a_gpu_or_a_model_lacks(
    model: str, dtype: str, capability: tuple[int, int], said_of_it: str | None
) -> None:
    told = tier(model, max_model_len=2048, dtype=dtype)
    found = [one for one in said(told, on=gpu(24, capability=capability)) if "dtype" in one.what]
    assert [one.state for one in found] == ([] if said_of_it is None else ["lack"])
    assert all(said_of_it in one.found and one.mend for one in found if said_of_it)


def test_engines_that_do_not_fit_beside_each_other() -> None:
    half = tier(max_model_len=4096, kv_cache_gib=2)
    other = half.model_copy(update={"name": "u"})
    found = one(half, other, on=gpu(24))
    assert found.state == "lack" and found.what == "GPU 0"
    assert found.found == "t and u take 36.6 GiB together, and it has 24.0"
    assert said(half, other, on=gpu(80)) == []
    apart = replace(gpu(24), index=1)
    moved = other.model_copy(update={"gpus": (1,)})
    assert said(half, moved, on=[gpu(24), apart]) == []


def test_several_gpus_hold_what_one_cannot() -> None:
    two = [gpu(24, index=n) for n in range(2)]
    gemma = tier("google/gemma-4-12B-it", max_model_len=16_384, tensor_parallel_size=2)
    assert said(gemma, on=two) == []
    assert one(tier("google/gemma-4-12B-it", max_model_len=16_384), on=two).state == "lack"


def test_too_few_gpus_are_said_elsewhere() -> None:
    assert said(tier(tensor_parallel_size=2), on=gpu(80)) == []
