"""Does the server take what was recommended, and is no file overwritten?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rungwise.config import VllmTierConfig, load
from rungwise.errors import ConfigError
from rungwise.tiers.cards import card_of, shipped
from rungwise.weights.asked import asked
from rungwise.weights.candidates import named
from rungwise.weights.fit import Wanted
from rungwise.weights.manifest import MANIFEST
from rungwise.weights.memory import GIB, Precision
from rungwise.weights.places import Place, stated, this_cpu
from rungwise.weights.recommending import way
from rungwise.weights.written import write, written
from tests.weights.folders import folder

CARDS = tuple(shipped().values())


def served(
    tmp_path: Path, model: str, place: Place, precision: Precision = "bf16"
) -> VllmTierConfig:
    found = way(named(model, CARDS), place, Wanted(context=16_384, concurrency=16), precision)
    assert found is not None
    write(tmp_path / "c.yaml", written(found, 16))
    (tier,) = load(tmp_path / "c.yaml", {}).tiers
    assert isinstance(tier, VllmTierConfig)
    again = asked(tier)
    assert again is not None and again.precision == precision
    return tier


def test_8_bit_is_made_while_it_loads(tmp_path: Path) -> None:
    tier = served(tmp_path, "Qwen/Qwen3-8B", stated("24GiB"), "fp8")
    assert (tier.model, tier.engine.quantization) == ("Qwen/Qwen3-8B", "fp8_per_tensor")
    assert (tier.engine.max_model_len, tier.engine.max_num_seqs) == (16_384, 16)
    assert (tier.engine.tool_parser, tier.engine.reasoning_parser) == ("hermes", "qwen3")


def test_4_bit_is_a_repository_of_its_own_with_the_model_s_card(tmp_path: Path) -> None:
    tier = served(tmp_path, "Qwen/Qwen3-8B", stated("16GiB"), "awq")
    assert tier.model == "Qwen/Qwen3-8B-AWQ" and tier.engine.quantization is None
    card = card_of(tier)
    assert card is not None and card.id == "Qwen/Qwen3-8B"


def test_several_gpus_are_shared_or_stand_side_by_side(tmp_path: Path) -> None:
    tier = served(tmp_path, "google/gemma-4-12B-it", stated("4x24GiB"))
    assert (tier.engine.tensor_parallel_size, tier.engine.data_parallel_size) == (2, 2)
    assert tier.engine.max_num_seqs == 8


def test_a_cpu_is_told_how_large_its_cache_may_be(tmp_path: Path) -> None:
    tier = served(tmp_path, "Qwen/Qwen3-0.6B", this_cpu(16 * GIB))
    assert tier.engine.kv_cache_gib is not None and 7 <= tier.engine.kv_cache_gib <= 7.2


def test_a_folder_is_found_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "elsewhere" / "m", max_position_embeddings=2048)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert served(tmp_path, "m", stated("24GiB")).model == str(tmp_path / "elsewhere" / "m")


def test_what_was_fetched_keeps_its_card_and_what_the_hub_has_its_commit(tmp_path: Path) -> None:
    card = shipped()["Qwen/Qwen3-8B"]
    assert card.local is not None and card.local.revision is not None
    assert served(tmp_path, card.id, stated("80GiB")).revision == card.local.revision
    (tmp_path / "c.yaml").unlink()

    fetched = tmp_path / "m"
    folder(fetched, max_position_embeddings=2048)
    (fetched / MANIFEST).write_text(json.dumps({"repository": card.id, "files": {}}))
    tier = served(tmp_path, str(fetched), stated("24GiB"))
    assert (tier.card, tier.revision, tier.engine.tool_parser) == (card.id, None, "hermes")


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("mine")
    with pytest.raises(ConfigError, match="is there already; name another"):
        write(tmp_path / "c.yaml", "theirs")
    assert (tmp_path / "c.yaml").read_text() == "mine"
    with pytest.raises(ConfigError, match="cannot write"):
        write(tmp_path / "no" / "c.yaml", "theirs")
