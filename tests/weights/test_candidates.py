"""Is each model found by its names, in the precisions that it can be had in?"""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.tiers.cards import shipped
from rungwise.weights.candidates import carded, named
from tests.weights.folders import folder

CARDS = tuple(shipped().values())


def test_the_candidates_are_the_open_models() -> None:
    names = [candidate.name for candidate in carded(CARDS)]
    assert "Qwen/Qwen3-8B" in names and len(names) == 11
    assert not any("gpt" in name or "claude" in name for name in names)


def test_4_bit_is_another_repository_or_none_is_known() -> None:
    qwen, gemma = named("Qwen/Qwen3-8B", CARDS), named("google/gemma-3-4b-it", CARDS)
    assert qwen.repository("awq") == "Qwen/Qwen3-8B-AWQ"
    assert gemma.repository("awq") is None and gemma.repository("fp8") == gemma.name
    assert gemma.gated and not qwen.gated


def test_a_folder_has_its_exact_bytes_and_only_what_can_be_made_of_it(tmp_path: Path) -> None:
    plain = named(str(folder(tmp_path / "a")), CARDS)
    assert plain.precisions == ("bf16", "fp8")
    assert plain.weights("bf16", 1) == 576 and plain.weights("bf16", 2) == 288
    assert plain.weights("fp8", 1) is None
    small = folder(tmp_path / "b", "I32", quantization_config={"quant_method": "awq"})
    kept = named(str(small), CARDS)
    assert kept.precisions == ("awq",) and kept.repository("awq") == str(small)
    other = folder(tmp_path / "c", "I32", quantization_config={"quant_method": "gptq"})
    assert named(str(other), CARDS).precisions == ()


@pytest.mark.parametrize("model", ["gpt-5", "Qwen/Qwen3-7B", "/nowhere"])
def test_a_model_that_is_neither_carded_nor_a_folder_is_an_error(model: str) -> None:
    with pytest.raises(ConfigError, match="`rungwise models` lists the cards"):
        named(model, CARDS)
