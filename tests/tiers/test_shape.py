"""Are the shapes on the cards those of the models? Counted again from their sizes."""

from __future__ import annotations

import pytest

from rungwise.tiers.cards import shipped
from rungwise.tiers.shape import Shape

QWEN = ["Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B", "Qwen/Qwen3-4B", "Qwen/Qwen3-8B"]
LLAMA = [f"meta-llama/Llama-{name}-Instruct" for name in ("3.1-8B", "3.2-1B", "3.2-3B")]
GEMMA_3 = ["google/gemma-3-4b-it", "google/gemma-3-12b-it"]
SIGLIP = 416_866_032
"""The parameters of the tower that both Gemma 3 share; its projection comes on top."""


def shape(id: str) -> Shape:
    local = shipped()[id].local
    assert local is not None and local.shape is not None
    return local.shape


def counted(shape: Shape, norms: int, of_heads: int) -> int:
    """`norms` vectors of the hidden size in each layer, `of_heads` of the head's."""
    total = shape.embedding + shape.hidden
    for layers in shape.attention:
        attention = 2 * shape.hidden * layers.head_size * (shape.heads + layers.kv_heads)
        mlp = 3 * shape.hidden * shape.intermediate
        vectors = norms * shape.hidden + of_heads * layers.head_size
        total += layers.layers * (attention + mlp + vectors)
    return total


@pytest.mark.parametrize("id", QWEN)
def test_a_qwen_has_the_parameters_that_its_sizes_make(id: str) -> None:
    assert counted(shape(id), 2, 2) == shape(id).parameters


@pytest.mark.parametrize("id", LLAMA)
def test_a_llama_has_the_parameters_that_its_sizes_make(id: str) -> None:
    assert counted(shape(id), 2, 0) == shape(id).parameters


@pytest.mark.parametrize("id", GEMMA_3)
def test_a_gemma_3_has_the_parameters_that_its_sizes_and_its_tower_make(id: str) -> None:
    told = shape(id)
    assert counted(told, 4, 2) + told.towers == told.parameters
    assert told.towers - 1152 * (told.hidden + 1) == SIGLIP, "a projection, and its norm"


def test_gemma_4_12b_has_about_the_parameters_that_its_sizes_make() -> None:
    told = shape("google/gemma-4-12B-it")
    full = told.attention[0]
    unkept = full.layers * told.hidden * full.kv_heads * full.head_size  # values are the keys
    assert counted(told, 4, 2) - unkept == pytest.approx(told.parameters, rel=0.005)


@pytest.mark.parametrize("id", [*QWEN, *LLAMA])
def test_the_vocabulary_s_part_is_one_embedding_or_two(id: str) -> None:
    told = shape(id)
    assert told.embedding in (told.vocabulary * told.hidden, 2 * told.vocabulary * told.hidden)


def test_every_open_card_says_how_large_its_model_is() -> None:
    for card in shipped().values():
        if card.local is not None:
            assert card.local.shape is not None and card.local.shape.linear > 0


def test_of_every_six_layers_of_a_gemma_one_looks_back_at_everything() -> None:
    for id in (*GEMMA_3, "google/gemma-4-12B-it", "google/gemma-4-E4B-it"):
        full, windowed = shape(id).attention
        assert full.window is None and windowed.window in (512, 1024)
        assert windowed.layers in (5 * full.layers, 5 * full.layers + 4)
