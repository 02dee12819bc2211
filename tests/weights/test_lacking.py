"""Is each fault of a configuration's models one line with its mend?"""

from __future__ import annotations

from pathlib import Path

from rungwise.config import Config, load
from rungwise.observe.doctor import Finding
from rungwise.weights.hub import Hub
from rungwise.weights.lacking import lacking, verified
from rungwise.weights.memory import GIB
from tests.weights.folders import folder
from tests.weights.test_on_gpu import gpu
from tests.weights.test_sound import manifest


def config(tmp_path: Path, *tiers: str) -> Config:
    (tmp_path / "c.yaml").write_text(f"tiers: [{', '.join(tiers)}]")
    return load(tmp_path / "c.yaml", {})


def said(tmp_path: Path, *tiers: str, token: bool = True, on: int = 0) -> list[Finding]:
    hub = Hub(cache=tmp_path / "hub", token=token, offline=False)
    gpus = [gpu(on)] if on else []
    return list(lacking(config(tmp_path, *tiers), gpus, None, hub, 32 * GIB))


def test_a_folder_that_is_whole_is_not_spoken_of(tmp_path: Path) -> None:
    folder(tmp_path / "m")
    assert said(tmp_path, "{name: a, kind: vllm, model: ./m}") == []


def test_each_folder_is_looked_at(tmp_path: Path) -> None:
    folder(tmp_path / "m", auto_map={"x": "y"})
    (tmp_path / "m" / "model.safetensors").unlink()
    found = said(
        tmp_path,
        "{name: a, kind: vllm, model: ./m, engine: {load_format: dummy}}",
        "{name: b, kind: vllm, model: ./none}",
    )
    assert [one.what for one in found] == ["a: model folder", "b: model folder"]
    assert all(one.state == "lack" and one.mend for one in found)


def test_a_gated_model_of_the_hub(tmp_path: Path) -> None:
    tier = "{name: a, kind: vllm, model: google/gemma-3-4b-it, engine: {max_model_len: 4096}}"
    (found,) = said(tmp_path, tier, token=False)
    assert found.what == "a: model" and found.found.endswith("is gated, and HF_TOKEN is not set")
    assert said(tmp_path, tier) == []


def test_memory_is_counted_where_the_engines_will_run(tmp_path: Path) -> None:
    tier = "{name: a, kind: vllm, model: Qwen/Qwen3-8B, engine: {max_model_len: 4096}}"
    assert said(tmp_path, tier) == [] == said(tmp_path, tier, on=48)
    assert [one.what for one in said(tmp_path, tier, on=12)] == ["a: GPU memory"]


def test_without_a_network_what_is_in_the_cache_must_be_whole(tmp_path: Path) -> None:
    kept = folder(tmp_path / "hub" / "models--a--b" / "snapshots" / "main")
    (kept / "tokenizer.json").unlink()
    told = config(tmp_path, "{name: a, kind: vllm, model: a/b}")
    for offline in (True, False):
        hub = Hub(cache=tmp_path / "hub", token=False, offline=offline)
        found = list(lacking(told, [], None, hub, 32 * GIB))
        assert ["holds no tokenizer" in one.found for one in found] == [True] * offline


def test_hosted_rungs_have_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("tiers: [{name: a, kind: openai, model: m, api_key_env: KEY}]")
    hub = Hub(cache=tmp_path, token=False, offline=True)
    told = load(path, {"KEY": "k"})
    assert list(lacking(told, [], None, hub, 0)) == list(verified(told)) == []


def test_hashes_are_compared_when_asked(tmp_path: Path) -> None:
    for name in ("whole", "other"):
        manifest(folder(tmp_path / name))
    folder(tmp_path / "own")
    (tmp_path / "other" / "tokenizer.json").write_text("[]")
    names = ("whole", "other", "own")
    found = list(
        verified(config(tmp_path, *(f"{{name: {n}, kind: vllm, model: ./{n}}}" for n in names)))
    )
    assert [one.state for one in found] == ["ok", "lack", "note"]
