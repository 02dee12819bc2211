"""Is what cannot be had passed over, and for a reason that `serve` would give too?"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from rungwise.tiers.cards import shipped
from rungwise.weights.candidates import named
from rungwise.weights.fit import Wanted
from rungwise.weights.hub import Hub
from rungwise.weights.memory import GIB, Precision
from rungwise.weights.obtaining import lack
from rungwise.weights.places import Place, present, stated
from rungwise.weights.recommending import Way, way
from tests.weights.folders import folder
from tests.weights.test_places import gpu

CARDS = tuple(shipped().values())
LLAMA, QWEN = "meta-llama/Llama-3.2-1B-Instruct", "Qwen/Qwen3-0.6B"
LARGE = "meta-llama/Llama-3.1-8B-Instruct"


def made(model: str, precision: Precision = "bf16", place: Place | None = None) -> Way:
    there = place or present([gpu(0)])[0]
    found = way(named(model, CARDS), there, Wanted(context=256, concurrency=1), precision)
    assert found is not None
    return found


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=8 * GIB))
    return Hub(cache=tmp_path / "hub", token=False, offline=False)


def test_a_gated_model_needs_a_token_here_and_elsewhere(hub: Hub) -> None:
    for place in (None, stated("24GiB")):
        told = lack(made(LLAMA, place=place), hub)
        assert told is not None and "is gated, and HF_TOKEN is not set: accept its" in told
    assert lack(made(LLAMA), replace(hub, token=True)) is None
    assert lack(made(LARGE, "awq"), hub) is None, "another repository"
    assert lack(made(QWEN), hub) is None


def test_without_a_network_it_must_be_in_the_cache_or_brought(hub: Hub, tmp_path: Path) -> None:
    offline = replace(hub, offline=True)
    told = lack(made(QWEN), offline)
    assert told is not None and "HF_HUB_OFFLINE is set" in told
    assert lack(made(QWEN, place=stated("24GiB")), offline) is None, "of another machine"
    folder(tmp_path / "weights" / QWEN)
    assert lack(made(QWEN), offline, [tmp_path / "none", tmp_path / "weights"]) is None


def test_what_was_brought_in_part_is_not_here(hub: Hub, tmp_path: Path) -> None:
    (folder(tmp_path / LLAMA) / "model.safetensors").unlink()
    assert lack(made(LLAMA), hub, [tmp_path]) is not None


def test_what_the_disk_cannot_hold_is_passed_over_here(hub: Hub) -> None:
    told = lack(made(LARGE), replace(hub, token=True))
    assert told is not None and "needs 15.0 GiB of disk, and" in told
    assert lack(made(LARGE, place=stated("24GiB")), replace(hub, token=True)) is None


def test_a_folder_must_be_whole(hub: Hub, tmp_path: Path) -> None:
    model = folder(tmp_path / "m")
    found = made(str(model))
    assert lack(found, hub) is None
    (model / "tokenizer.json").unlink()
    assert lack(found, hub) == f"{model} holds no tokenizer"
