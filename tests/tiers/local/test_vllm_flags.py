"""Does every key of a local rung reach vLLM? As the flag of vLLM's own that it stands for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.adapters import make_adapter

from rungwise.config import AdapterTierConfig, EngineConfig, VllmTierConfig
from rungwise.tiers.local.vllm_flags import engine_flags

PLAIN: dict[str, Any] = {"name": "t", "kind": "vllm", "model": "org/m"}

FLAGS = {
    "dtype": ("float16", "--dtype=float16"),
    "max_model_len": (4096, "--max-model-len=4096"),
    "max_num_seqs": (7, "--max-num-seqs=7"),
    "kv_cache_gib": (2, f"--kv-cache-memory-bytes={2 * 2**30}"),
    "gpu_memory_utilization": (0.5, "--gpu-memory-utilization=0.5"),
    "tensor_parallel_size": (2, "--tensor-parallel-size=2"),
    "data_parallel_size": (2, "--data-parallel-size=2"),
    "quantization": ("fp8", "--quantization=fp8"),
    "enforce_eager": (True, "--enforce-eager"),
    "prefix_caching": (False, "--no-enable-prefix-caching"),
    "load_format": ("dummy", "--load-format=dummy"),
    "tool_parser": ("hermes", "--tool-call-parser=hermes"),
    "reasoning_parser": ("qwen3", "--reasoning-parser=qwen3"),
    "chat_template": ("own.txt", "--chat-template=own.txt"),
    "speculative": (
        {"method": "ngram", "tokens": 3},
        '--speculative-config={"method": "ngram", "num_speculative_tokens": 3, '
        '"prompt_lookup_max": 4, "prompt_lookup_min": 2}',
    ),
    "extra": ({"seed": 7}, "--seed=7"),
}


def flags(**more: object) -> list[str]:
    return engine_flags(VllmTierConfig.model_validate({**PLAIN, **more}))


@pytest.mark.parametrize("key", FLAGS)
def test_a_key_of_engine_becomes_its_flag(key: str) -> None:
    value, flag = FLAGS[key]
    assert flag not in flags() and flag in flags(engine={key: value})


def test_a_tool_parser_lets_the_model_choose_its_tools() -> None:
    flag = "--enable-auto-tool-choice"
    assert flag not in flags() and flag in flags(engine={"tool_parser": "hermes"})


def test_a_kv_cache_of_a_given_size_starts_beside_another_engine() -> None:
    """vLLM would refuse where less than its usual nine tenths of the GPU is free."""

    def share(**engine: float) -> float:
        (flag,) = (f for f in flags(engine=engine) if f.startswith("--gpu-memory-utilization="))
        return float(flag.partition("=")[2])

    assert share() == 0.9 and share(kv_cache_gib=2) < 0.1
    assert share(kv_cache_gib=2, gpu_memory_utilization=0.9) == 0.9


def test_model_name_and_revision_are_told() -> None:
    told = flags(served_as="ours", revision="abc123")
    assert told[:4] == ["--model", "org/m", "--served-model-name", "ours"]
    assert "--revision=abc123" in told
    assert flags()[3] == "m"


def speculation(**told: object) -> dict[str, Any]:
    (flag,) = (f for f in flags(engine={"speculative": told}) if "speculative" in f)
    found: dict[str, Any] = json.loads(flag.partition("=")[2])
    return found


def test_a_smaller_model_guesses_ahead() -> None:
    assert speculation(method="draft_model", tokens=5, model="org/small") == {
        "method": "draft_model",
        "num_speculative_tokens": 5,
        "model": "org/small",
    }


@pytest.mark.parametrize(("longest", "shortest"), [(1, 1), (2, 2), (7, 2)])
def test_a_prompt_is_looked_through_for_so_many_tokens(longest: int, shortest: int) -> None:
    told = speculation(method="ngram", tokens=2, longest_match=longest)
    assert (told["prompt_lookup_max"], told["prompt_lookup_min"]) == (longest, shortest)


def test_gpus_are_named_in_their_order() -> None:
    told = flags(gpus=[2, 0], engine={"tensor_parallel_size": 2})
    assert "--device-ids=2,0" in told
    assert not any(flag.startswith("--device-ids") for flag in flags())


def test_an_engine_is_told_its_adapters_and_room_for_the_highest_rank(
    tmp_path: Path, demo_model: Path
) -> None:
    section = VllmTierConfig.model_validate(PLAIN)
    adapters = [
        AdapterTierConfig(name=name, kind="adapter", of="t", model=str(tmp_path / name))
        for name in ("law", "code")
    ]
    for adapter, rank in zip(adapters, (4, 33), strict=True):
        make_adapter(Path(adapter.model), demo_model, rank=rank)
    told = engine_flags(section, adapters)
    assert {"--enable-lora", "--max-loras=2", "--max-lora-rank=64"} <= set(told)
    named = [json.loads(item) for item in told[told.index("--lora-modules") + 1 :]]
    assert named == [{"name": a.name, "path": a.model} for a in adapters]
    assert "--enable-lora" not in engine_flags(section)


def test_every_key_has_its_flag() -> None:
    assert FLAGS.keys() == EngineConfig.model_fields.keys()
