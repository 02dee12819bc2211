"""Is each model found by its names, in the precisions that it can be had in?"""

from __future__ import annotations

from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.tiers.cards import shipped
from rungwise.weights.candidates import carded, named
from tests.weights.folders import folder

CARDS = tuple(shipped().values())
AWQ = "Qwen/Qwen3-8B-AWQ"


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


@pytest.mark.parametrize("model", ["", "gpt-5", "Qwen/Qwen3-7B", "/nowhere"])
def test_a_model_that_is_neither_carded_nor_a_folder_is_an_error(model: str) -> None:
    with pytest.raises(ConfigError, match="`rungwise models` lists the cards"):
        named(model, CARDS)


def test_a_card_s_repository_in_4_bit_is_that_model_in_4_bit_only() -> None:
    found = named(AWQ, CARDS)
    assert found.precisions == ("awq",) and found.repository("awq") == AWQ
    assert found.card is not None and found.card.id == "Qwen/Qwen3-8B" and found.folder is None


@pytest.mark.parametrize(
    ("told", "name"), [("qwen/qwen3-8b", "Qwen/Qwen3-8B"), ("QWEN/QWEN3-8B-awq", AWQ)]
)
def test_letters_may_be_small_or_large(told: str, name: str) -> None:
    assert named(told, CARDS).name == name


def test_a_folder_of_that_name_is_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "qwen" / "qwen3-8b")
    monkeypatch.chdir(tmp_path)
    assert named("qwen/qwen3-8b", CARDS).folder == Path("qwen/qwen3-8b")


def test_what_may_be_computed_in_float16_is_read_of_cards_and_folders(tmp_path: Path) -> None:
    refused = [one.name for one in carded(CARDS) if not one.float16]
    assert refused == ["google/gemma-3-12b-it", "google/gemma-3-4b-it"]
    assert not named(str(folder(tmp_path / "g", model_type="gemma3_text")), CARDS).float16
    assert named(str(folder(tmp_path / "l")), CARDS).float16
