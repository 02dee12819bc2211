"""Does every key of a local rung reach vLLM? As the flag of vLLM's own that it stands for."""

from __future__ import annotations

from typing import Any

import pytest

from rungwise.config import EngineConfig, VllmTierConfig
from rungwise.tiers.local.vllm_flags import engine_flags

PLAIN: dict[str, Any] = {"name": "t", "kind": "vllm", "model": "org/m"}

FLAGS = {
    "dtype": ("float16", "--dtype=float16"),
    "max_model_len": (4096, "--max-model-len=4096"),
    "max_num_seqs": (7, "--max-num-seqs=7"),
    "kv_cache_gib": (2, f"--kv-cache-memory-bytes={2 * 2**30}"),
    "gpu_memory_utilization": (0.5, "--gpu-memory-utilization=0.5"),
    "tensor_parallel_size": (2, "--tensor-parallel-size=2"),
    "quantization": ("fp8", "--quantization=fp8"),
    "enforce_eager": (True, "--enforce-eager"),
    "prefix_caching": (False, "--no-enable-prefix-caching"),
    "load_format": ("dummy", "--load-format=dummy"),
    "tool_parser": ("hermes", "--tool-call-parser=hermes"),
    "reasoning_parser": ("qwen3", "--reasoning-parser=qwen3"),
    "chat_template": ("own.txt", "--chat-template=own.txt"),
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


def test_every_key_has_its_flag() -> None:
    assert FLAGS.keys() == EngineConfig.model_fields.keys()
