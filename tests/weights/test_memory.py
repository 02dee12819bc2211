"""Do the formulas give what is known, and grow with what they must grow with?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.tiers.cards import shipped
from rungwise.tiers.shape import Attention, Shape
from rungwise.weights.memory import (
    GIB,
    Precision,
    kv_bytes,
    margin_bytes,
    overhead_bytes,
    step_tokens,
    weight_bytes,
)

PRECISIONS: tuple[Precision, ...] = ("awq", "fp8", "bf16")


def known(id: str) -> Shape:
    local = shipped()[id].local
    assert local is not None and local.shape is not None
    return local.shape


LAYERS = st.builds(
    Attention,
    layers=st.integers(1, 60),
    kv_heads=st.integers(1, 16),
    head_size=st.sampled_from((32, 64, 128, 256)),
    window=st.none() | st.integers(1, 4096),
)
SHAPES = st.builds(
    Shape,
    parameters=st.integers(10**6, 10**11),
    embedding=st.integers(0, 10**9),
    towers=st.integers(0, 10**9),
    hidden=st.integers(8, 16_384),
    intermediate=st.integers(8, 50_000),
    heads=st.integers(1, 128),
    vocabulary=st.integers(10, 300_000),
    attention=st.lists(LAYERS, min_size=1, max_size=3).map(tuple),
)
TOKENS = st.integers(1, 300_000)
STEPS = st.sampled_from((1, 2048, 8192))


def test_qwen3_8b_takes_144_kib_of_cache_for_each_token() -> None:
    assert kv_bytes(known("Qwen/Qwen3-8B"), 16) == 16 * 144 * 1024


def test_llama_8b_takes_15_gib_in_16_bit_as_vllm_s_log_says() -> None:
    found = weight_bytes(known("meta-llama/Llama-3.1-8B-Instruct"), "bf16") / GIB
    assert found == pytest.approx(14.99, abs=0.05), "the rest are tables of positions"


def test_an_awq_of_qwen3_8b_takes_under_6_gib_as_its_files_do() -> None:
    assert 5.5 < weight_bytes(known("Qwen/Qwen3-8B"), "awq") / GIB < 5.8


def test_activations_are_as_a_published_log_says_of_a_model_of_7b_on_an_h100() -> None:
    """It names none; by its sizes Qwen2.5-7B. 16,384 tokens a step: 1.97 GiB of activations, .67 of
    graphs, .07 outside."""
    qwen = Shape(
        parameters=7_615_616_512,
        embedding=1_089_994_752,
        hidden=3584,
        intermediate=18_944,
        heads=28,
        vocabulary=152_064,
        attention=(Attention(layers=28, kv_heads=4, head_size=128),),
    )
    found = overhead_bytes(qwen, step=16_384, seqs=64) / GIB
    assert found == pytest.approx(1.97 + 0.67 + 0.07, abs=0.2)


def test_a_layer_with_a_window_holds_no_more_than_that_and_a_step() -> None:
    gemma = known("google/gemma-3-4b-it")
    windowed = Shape(**{**gemma.model_dump(), "attention": (gemma.attention[1],)})
    long, longer = (kv_bytes(windowed, tokens, step=2048) for tokens in (8192, 131_072))
    assert long == longer == 2 * 29 * 4 * 256 * 2 * (3072 + 16)


def test_larger_gpus_read_more_tokens_at_once() -> None:
    assert [step_tokens(gib) for gib in (0, 24, 48, 80, 141, 180)] == [
        2048,
        2048,
        2048,
        8192,
        8192,
        16_384,
    ]


@given(SHAPES, st.sampled_from((1, 2, 4, 8)))
def test_more_bits_never_take_less(shape: Shape, tensor: int) -> None:
    sizes = [weight_bytes(shape, precision, tensor) for precision in PRECISIONS]
    assert 0 <= sizes[0] <= sizes[1] <= sizes[2]


@given(SHAPES, st.sampled_from((1, 2, 4, 8)), st.sampled_from(PRECISIONS))
def test_gpus_together_hold_the_whole_and_no_more_than_the_towers_again(
    shape: Shape, tensor: int, precision: Precision
) -> None:
    whole, each = weight_bytes(shape, precision), weight_bytes(shape, precision, tensor)
    assert whole <= tensor * each <= whole + (tensor - 1) * 2 * shape.towers + tensor


@given(SHAPES, TOKENS, TOKENS, STEPS)
def test_more_tokens_never_take_less(shape: Shape, one: int, other: int, step: int) -> None:
    less, more = sorted((one, other))
    assert 0 < kv_bytes(shape, less, step=step) <= kv_bytes(shape, more, step=step)


@given(SHAPES, TOKENS, st.sampled_from((2, 4, 8)))
def test_the_cache_of_several_gpus_holds_every_head_at_least_once(
    shape: Shape, tokens: int, tensor: int
) -> None:
    whole, each = kv_bytes(shape, tokens), kv_bytes(shape, tokens, tensor=tensor)
    assert each <= whole <= tensor * each


@given(SHAPES, TOKENS)
def test_a_cache_in_8_bit_takes_half(shape: Shape, tokens: int) -> None:
    assert 2 * kv_bytes(shape, tokens, cache_bits=8) == kv_bytes(shape, tokens)


@given(SHAPES, st.integers(1, 512), st.integers(1, 512), STEPS, st.booleans())
def test_more_sequences_never_take_less(
    shape: Shape, one: int, other: int, step: int, eager: bool
) -> None:
    less, more = (
        overhead_bytes(shape, step=step, seqs=seqs, eager=eager) for seqs in sorted((one, other))
    )
    assert 0 < less <= more
    assert margin_bytes(0, less) <= margin_bytes(0, more)
