"""Is JSON beside a model's weights that is cut short, or says nonsense, told in one line?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.weights.described import BESIDE, COUNTS, PARSED, described
from rungwise.weights.sound import faults
from tests.weights.folders import CONFIG, folder


def line(path: Path) -> str:
    (found,) = faults(path)
    text = "; ".join(found)
    assert "\n" not in text and "fetch it again" in text
    return text


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("text", ['{"a": {"b": 1}, "c"', "", "[1]", "\xff", '{"a": ' * 5000])
def test_a_file_that_was_cut_short(tmp_path: Path, name: str, text: str) -> None:
    model = folder(tmp_path / "m")
    (model / name).write_bytes(text.encode("latin-1"))
    assert line(model).startswith(f"{model}/{name} cannot be read as JSON; ")


def test_a_long_one_is_told_by_its_end(tmp_path: Path) -> None:
    model, vocabulary = folder(tmp_path / "m"), json.dumps({"vocab": "x" * PARSED}) + "\n"
    (model / "tokenizer.json").write_text(vocabulary)
    assert list(faults(model)) == []
    (model / "tokenizer.json").write_text(vocabulary[:-2])
    assert "tokenizer.json cannot be read as JSON" in line(model)


@pytest.mark.parametrize("told", [None, [], "LlamaForCausalLM", [None]])
def test_a_config_that_names_no_architecture(tmp_path: Path, told: object) -> None:
    assert "names no architectures" in line(folder(tmp_path / "m", architectures=told))


def test_a_config_that_says_nothing(tmp_path: Path) -> None:
    (folder(tmp_path / "m") / "config.json").write_text("{}")
    assert "names no architectures" in line(tmp_path / "m")


@pytest.mark.parametrize("key", COUNTS)
@pytest.mark.parametrize("told", ["x", True, {}, [1, "x"]])
def test_a_size_that_is_no_number(key: str, told: object) -> None:
    for config in ({**CONFIG, key: told}, {**CONFIG, "text_config": {key: told}}):
        ((found, _),) = described(Path("m"), config)
        assert found == f"m/config.json says {key}: {told!r}, no number"


def test_a_size_for_each_layer_is_one(tmp_path: Path) -> None:
    sizes = {"intermediate_size": [16, 32], "num_key_value_heads": [2, None], "head_dim": None}
    assert list(described(tmp_path, {**CONFIG, **sizes})) == []


SAID = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(COUNTS), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*COUNTS, "architectures", "text_config"]), SAID))
def test_whatever_it_says_is_told_in_one_line(config: dict[str, object]) -> None:
    for found, mend in described(Path("m"), config):
        assert len(f"{found}; {mend}".splitlines()) == 1
