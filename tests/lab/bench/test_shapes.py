"""Models of which only the shape is known: as published, and every token of theirs has a text."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from rungwise.lab.bench.shapes import SHAPES, make

BOTTOM = Path(__file__).parents[3] / "models/demo/bottom"


@pytest.mark.parametrize("shape", SHAPES)
def test_every_token_of_a_shape_has_a_text_of_its_own(shape: str, tmp_path: Path) -> None:
    folder = make(shape, BOTTOM, tmp_path / "m")
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == size
    texts = {tokenizer.decode([i], skip_special_tokens=False) for i in range(1024, size)}
    assert len(texts) == size - 1024 and all(texts)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_prompt_is_read_as_the_small_model_reads_it(shape: str, tmp_path: Path) -> None:
    folder = make(shape, BOTTOM, tmp_path / "m")
    said = "Plan the deploy: abcd~ then 12 checks."
    wide, small = (Tokenizer.from_file(str(f / "tokenizer.json")) for f in (folder, BOTTOM))
    assert wide.encode(said).ids == small.encode(said).ids


def test_qwen3_8b_has_its_published_size(tmp_path: Path) -> None:
    config = json.loads((make("qwen3-8b", BOTTOM, tmp_path / "m") / "config.json").read_text())
    width, inner, heads = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    attention = heads * (config["num_attention_heads"] * 2 + config["num_key_value_heads"] * 2)
    layer = width * (attention + 3 * inner)
    total = config["num_hidden_layers"] * layer + 2 * width * config["vocab_size"]
    assert 8.1e9 < total < 8.3e9
