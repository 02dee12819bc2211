"""Is a folder's model read as what it is, and nothing claimed of what is not known?"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import ConfigError
from rungwise.lab.bench.shapes import SHAPES
from rungwise.tiers.cards import shipped
from rungwise.tiers.shape import Shape
from rungwise.weights.candidates import named
from rungwise.weights.fit import Wanted
from rungwise.weights.folder import read_folder, read_shape
from rungwise.weights.places import stated
from rungwise.weights.recommending import ways
from tests.weights.folders import CONFIG, folder, safetensors

DEMO = Path(__file__).parents[2] / "models" / "demo"
GEMMA_4 = {
    "model_type": "gemma4_unified",
    "text_config": {
        "model_type": "gemma4_unified_text",
        "vocab_size": 262_144,
        "hidden_size": 3840,
        "intermediate_size": 15_360,
        "num_hidden_layers": 48,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "num_global_key_value_heads": 1,
        "head_dim": 256,
        "global_head_dim": 512,
        "sliding_window": 1024,
        "layer_types": [*["sliding_attention"] * 5, "full_attention"] * 8,
    },
}
GEMMA_3 = {
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text",
        "hidden_size": 2560,
        "intermediate_size": 10_240,
        "num_hidden_layers": 34,
        "sliding_window": 1024,
    },
}
E4B = {
    "text_config": {
        **GEMMA_4["text_config"],  # type: ignore[dict-item]
        "num_hidden_layers": 42,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "num_global_key_value_heads": None,
        "num_kv_shared_layers": 18,
        "sliding_window": 512,
        "layer_types": [*["sliding_attention"] * 5, "full_attention"] * 7,
    }
}


def carded(id: str) -> Shape:
    local = shipped()[id].local
    assert local is not None and local.shape is not None
    return local.shape


@pytest.mark.parametrize(
    ("config", "id"),
    [
        (SHAPES["qwen3-8b"], "Qwen/Qwen3-8B"),
        (SHAPES["llama-3.1-8b"], "meta-llama/Llama-3.1-8B-Instruct"),
        (GEMMA_3, "google/gemma-3-4b-it"),
        (GEMMA_4, "google/gemma-4-12B-it"),
        (E4B, "google/gemma-4-E4B-it"),
    ],
)
def test_a_published_config_gives_the_attention_of_its_card(
    config: Mapping[str, Any], id: str
) -> None:
    shape = read_shape(config, {})
    assert shape is not None and shape.attention == carded(id).attention


def test_without_weights_the_parameters_follow_from_the_sizes() -> None:
    for name, id in (("qwen3-8b", "Qwen/Qwen3-8B"), ("llama-3.1-8b", LLAMA)):
        shape = read_shape(SHAPES[name], {})
        assert shape is not None
        assert shape.parameters == pytest.approx(carded(id).parameters, rel=0.001)


LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def test_a_demo_model_is_read_whole() -> None:
    read = read_folder(DEMO / "bottom")
    assert read.shape is not None and read.stored == "bf16" and read.context == 2048
    assert read.exact == 2 * read.shape.parameters


def test_a_folder_is_counted_to_the_byte(tmp_path: Path) -> None:
    read = read_folder(folder(tmp_path / "m"))
    assert read.exact == 2 * (80 + 128 + 80) and read.shape is not None
    assert (read.shape.parameters, read.shape.embedding) == (288, 160)


def test_an_output_embedding_that_is_the_input_s_counts_once(tmp_path: Path) -> None:
    read = read_folder(folder(tmp_path / "m", tie_word_embeddings=True))
    assert read.exact == 2 * (80 + 128)


@pytest.mark.parametrize(
    ("dtype", "more", "stored"),
    [
        ("BF16", {}, "bf16"),
        ("F32", {}, "fp32"),
        ("I32", {"quantization_config": {"quant_method": "awq"}}, "awq"),
        ("F8_E4M3", {"quantization_config": {"quant_method": "fp8"}}, "fp8"),
    ],
)
def test_how_weights_are_kept_is_read(
    tmp_path: Path, dtype: str, more: dict[str, Any], stored: str
) -> None:
    assert read_folder(folder(tmp_path / "m", dtype, **more)).stored == stored


def test_towers_are_told_from_the_language_model(tmp_path: Path) -> None:
    model = folder(tmp_path / "m")
    safetensors(model / "model-2.safetensors", {"vision_tower.weight": (4, 4)})
    read = read_folder(model)
    assert read.shape is not None and read.shape.towers == 16


@pytest.mark.parametrize(
    "more",
    [
        {"layer_types": ["linear_attention", "full_attention"], "sliding_window": 8},
        {"kv_lora_rank": 512},
        {"hidden_size": None},
        {"num_hidden_layers": 0},
        {"num_attention_heads": 0},
        {"num_hidden_layers": 99_999_999_999},
        {"num_hidden_layers": 99_999_999_999, "sliding_window": 64},
        {"vocab_size": 10**400},
        {"head_dim": 1.5},
    ],
)
def test_of_an_architecture_that_is_not_known_nothing_is_claimed(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    assert read_folder(folder(tmp_path / "m", **more)).shape is None


def test_a_window_that_is_switched_off_is_none() -> None:
    shape = read_shape({**CONFIG, "sliding_window": 64, "use_sliding_window": False}, {})
    assert shape is not None and [layers.window for layers in shape.attention] == [None]


@pytest.mark.parametrize("text", ["", "[]", "{", "3", "[" * 100_000, '{"a":' * 100_000])
def test_a_config_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (folder(tmp_path / "m") / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=r"config\.json: .*fetch the model again"):
        read_folder(tmp_path / "m")


json_numbers = st.integers() | st.sampled_from([0, 1, -1, 10**18, 10**400]) | st.floats()
anything = (
    st.none() | st.booleans() | json_numbers | st.text(max_size=3) | st.just([]) | st.just({})
)
NAMES = [*CONFIG, "layer_types", "sliding_window", "sliding_window_pattern", "model_type"]
NAMES += ["num_kv_shared_layers", "global_head_dim", "num_global_key_value_heads", "text_config"]
NAMES += ["quantization_config", "use_sliding_window", "kv_lora_rank"]


@given(st.dictionaries(st.sampled_from(NAMES), anything, max_size=4))
def test_whatever_a_config_says_it_is_a_shape_a_fault_in_a_line_or_nothing(
    more: dict[str, Any],
) -> None:
    with tempfile.TemporaryDirectory() as place:
        model = folder(Path(place) / "m", **more)
        try:
            read = named(str(model), ())
        except ConfigError as error:
            assert len(str(error).splitlines()) == 1
            return
        for found in ways([read], stated("24GiB"), Wanted(context=1024, concurrency=2)):
            assert found.fit.weights >= 0 and 0 < found.fit.context <= 1024
