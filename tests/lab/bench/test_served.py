"""What a measurement's servers are given: bodies, an engine, and a calibration that says yes."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from rungwise.confidence.calibration import load_calibration
from rungwise.config import VllmTierConfig
from rungwise.errors import ConfigError
from rungwise.lab.bench.served import PROSE, Server, accepting, bodies, engine_of, prose
from rungwise.tiers.revision import revision_of
from rungwise.types import StepType

BOTTOM = Path(__file__).parents[3] / "models/demo/bottom"


def engine(
    folder: Path,
    model: Path = BOTTOM,
    *,
    random: str | None = None,
    compiled: bool = False,
    concurrency: Sequence[int] = (1, 8),
    tiny: bool = False,
) -> VllmTierConfig:
    arguments = argparse.Namespace(
        model=model,
        random_weights=random,
        dtype="bfloat16",
        max_model_len=1024,
        kv_cache_gib=0.5,
        compiled=compiled,
        concurrency=list(concurrency),
        tiny=tiny,
    )
    return engine_of(arguments, folder)


def test_the_gate_that_accepts_everything_loads_and_accepts(tmp_path: Path) -> None:
    tier, path = engine(tmp_path), tmp_path / "always.json"
    path.write_text(json.dumps(accepting(tier)))
    found = load_calibration(path, model=tier.shown_model, revision=revision_of(tier))
    worst = dict.fromkeys(found.signals, -50.0)
    for step_type in StepType:
        threshold = found.threshold_for(step_type)
        p = found.finished.probability(step_type, worst)
        assert threshold.whole is not None and p > threshold.whole
        assert threshold.prefix == threshold.whole
    assert [prefix.tokens for prefix in found.prefixes] == [8, 16, 32, 64, 128]


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--model: no model in"):
        engine(tmp_path, tmp_path)


def test_random_weights_are_those_of_a_larger_model_with_the_same_words(tmp_path: Path) -> None:
    tier = engine(tmp_path, random="llama-85m")
    assert tier.engine.load_format == "dummy" and engine(tmp_path).engine.load_format == "auto"
    own = Path(tier.model)
    assert not list(own.glob("*.safetensors"))
    assert (own / "tokenizer.json").read_bytes() == (BOTTOM / "tokenizer.json").read_bytes()
    sizes = [json.loads((f / "config.json").read_text())["hidden_size"] for f in (own, BOTTOM)]
    assert sizes[0] > sizes[1]


def test_the_engine_is_as_large_as_it_is_told_to_be(tmp_path: Path) -> None:
    told = engine(tmp_path, compiled=True).engine
    assert (told.max_model_len, told.kv_cache_gib) == (1024, 0.5)
    assert not told.enforce_eager and engine(tmp_path).engine.enforce_eager


def test_the_engine_runs_as_many_as_are_asked_at_once(tmp_path: Path) -> None:
    assert engine(tmp_path).engine.max_num_seqs == 64
    assert engine(tmp_path, concurrency=(1, 256)).engine.max_num_seqs == 256


def test_a_tiny_shape_is_the_architecture_in_small(tmp_path: Path) -> None:
    tier = engine(tmp_path, random="gemma-3-4b", tiny=True)
    assert json.loads((Path(tier.model) / "config.json").read_text())["num_hidden_layers"] == 2


def test_prose_is_what_is_answered_at_length() -> None:
    steps = prose(12)
    assert len(steps) == 12 and {step.step_type for step in steps} <= set(PROSE)


def test_all_servers_are_asked_the_same(tmp_path: Path) -> None:
    steps = prose(3)
    ours = [json.loads(b) for b in bodies(Server("on", 1, "auto"), True, 64, steps)]
    theirs = [json.loads(b) for b in bodies(Server("vllm", 2, "bench"), True, 64, steps)]
    assert [body.pop("metadata") for body in ours] == [{"step_type": s.step_type} for s in steps]
    for own, other in zip(ours, theirs, strict=True):
        assert (own.pop("model"), other.pop("model")) == ("auto", "bench")
        assert own == other and own["stream_options"] == {"include_usage": True}
    salted = json.loads(bodies(Server("off", 1, "tier1"), True, 64, steps, salted=True)[0])
    assert salted["cache_salt"] == "off" and "cache_salt" not in own
    whole = json.loads(bodies(Server("off", 1, "tier1"), False, 64, steps)[0])
    assert not whole["stream"] and "stream_options" not in whole
