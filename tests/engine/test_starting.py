"""How does a real engine come up, and what does it say when it cannot?"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import shutil
from pathlib import Path

import psutil
import pytest

from rungwise.config import BoxConfig, EngineConfig, VllmTierConfig
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.local.vllm import VllmTier

pytestmark = [
    pytest.mark.engine,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore"),  # vLLM and what it imports warn of each other
]


@pytest.fixture
def model(demo_model: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(demo_model, tmp_path / "model"))


def tier_on(model: Path, tmp_path: Path, **engine: object) -> VllmTier:
    usual = {
        "dtype": "bfloat16",
        "max_model_len": 2048,
        "max_num_seqs": 4,
        "kv_cache_gib": 0.25,
        "enforce_eager": True,
    }
    config = VllmTierConfig(
        name="tier1",
        kind="vllm",
        model=str(model),
        served_as="copy",
        engine=EngineConfig.model_validate(usual | engine),
    )
    return VllmTier(config, box=BoxConfig(state=tmp_path / "state"))


async def failure_of(tier: VllmTier, kind: type[Exception] = TierError) -> str:
    with pytest.raises(kind) as raised:
        await tier.start()
    assert multiprocessing.active_children() == []
    assert await tier.health() == "tier1: the engine is not started"
    assert "\n" not in str(raised.value)
    return str(raised.value)


async def test_a_start_tells_its_stages_and_the_next_one_how_long_they_took(
    demo_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tier = tier_on(demo_model, tmp_path)
    caplog.set_level(logging.INFO, "rungwise.tiers.local.starting")
    starting = asyncio.create_task(tier.start())
    await asyncio.sleep(0.05)
    said = await tier.health()
    assert said is not None
    assert said.startswith("tier1: starting: importing vLLM")
    await starting
    assert await tier.health() is None
    await tier.stop()
    lines = [record.getMessage() for record in caplog.records]
    for words in ("importing vLLM", "loading the weights", "sizing the KV cache", "warming up"):
        assert any(line.startswith(f"tier1: starting: {words}") for line in lines), words
    assert lines[-1].startswith("tier1: ready after ")

    engines = tmp_path / "state/engines"
    assert "Loading weights took" in (engines / "tier1.log").read_text()
    assert "loading the weights" in json.loads((engines / "tier1.json").read_text())["stages"]
    assert "VLLM_LOGGING_CONFIG_PATH" not in os.environ
    assert logging.getLogger("vllm").level == logging.WARNING


@pytest.mark.parametrize("name", ["VLLM::EngineCor", "VLLM::Worker"])
async def test_an_engine_of_which_a_process_is_killed_says_so_and_what_it_logged_is_kept(
    demo_model: Path, tmp_path: Path, name: str
) -> None:
    tier = tier_on(demo_model, tmp_path)
    await tier.start()
    processes = psutil.Process().children(recursive=True)
    (killed,) = (process for process in processes if process.name().startswith(name))
    killed.kill()
    for _ in range(600):
        if (said := await tier.health()) is not None:
            break
        await asyncio.sleep(0.1)
    assert said is not None
    killed_one = "its process was killed, most likely for want of memory"
    untold = "one of its processes ended"  # vLLM tells of a worker before it knows its exit code
    causes = (killed_one, untold) if "Worker" in name else (killed_one,)
    assert said.startswith(tuple(f"tier1: the engine has died: {cause}" for cause in causes))
    assert await tier.health() == said
    await tier.stop()
    died = (tmp_path / "state/engines/died/tier1.log").read_text()
    assert "died unexpectedly" in died or "Worker" not in name
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("key", ["tool_parser", "reasoning_parser"])
async def test_a_parser_that_vllm_does_not_know_is_told_before_an_engine_is_made(
    demo_model: Path, tmp_path: Path, key: str
) -> None:
    said = await failure_of(tier_on(demo_model, tmp_path, **{key: "nope"}), ConfigError)
    assert said.startswith(f"tier 'tier1': engine.{key}: this vLLM knows no 'nope'; ")
    assert (tmp_path / "state/engines/tier1.log").read_text() == ""


@pytest.mark.parametrize("processes", [1, 3])  # the engine's; its resource tracker and its worker
async def test_a_start_that_is_given_up_leaves_no_process(
    demo_model: Path, tmp_path: Path, processes: int
) -> None:
    this = psutil.Process()
    tier = tier_on(demo_model, tmp_path)
    before = len(this.children(recursive=True))
    starting = asyncio.create_task(tier.start())
    while len(this.children(recursive=True)) - before < processes:
        await asyncio.sleep(0.05)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert await tier.health() == "tier1: the engine is not started"
    for _ in range(600):
        if not multiprocessing.active_children():
            break
        await asyncio.sleep(0.1)
    assert multiprocessing.active_children() == []
    assert len(this.children(recursive=True)) <= before + 1, "Python's own resource tracker"


async def test_a_context_that_the_kv_cache_cannot_hold_is_told_with_the_longest_that_it_can(
    demo_model: Path, tmp_path: Path
) -> None:
    said = await failure_of(tier_on(demo_model, tmp_path, kv_cache_gib=0.0005))
    assert "a context of 2048 tokens needs " in said
    assert "set max_model_len to " in said
    assert "tier1.log" in said


@pytest.mark.parametrize("left", [0.5, 0.0005])
async def test_damaged_weights_are_told(model: Path, tmp_path: Path, left: float) -> None:
    _cut(model / "model.safetensors", left)
    assert "damaged or not whole; fetch the model again" in await failure_of(
        tier_on(model, tmp_path)
    )


async def test_a_model_without_a_tokenizer_is_told(model: Path, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).unlink(missing_ok=True)
    assert "no tokenizer that can be read" in await failure_of(tier_on(model, tmp_path))


async def test_an_architecture_that_vllm_does_not_know_is_told(model: Path, tmp_path: Path) -> None:
    _rewrite(model, architectures=["NobodysForCausalLM"])
    said = await failure_of(tier_on(model, tmp_path), ConfigError)
    assert "does not know the architecture ['NobodysForCausalLM']" in said


async def test_a_model_type_that_transformers_does_not_know_is_told(
    model: Path, tmp_path: Path
) -> None:
    _rewrite(model, model_type="nobodys")
    said = await failure_of(tier_on(model, tmp_path), ConfigError)
    assert "does not know the model type nobodys" in said


async def test_a_quantisation_that_vllm_does_not_know_is_told(
    demo_model: Path, tmp_path: Path
) -> None:
    said = await failure_of(tier_on(demo_model, tmp_path, quantization="nobodys"), ConfigError)
    assert "does not know the quantisation nobodys" in said


async def test_a_context_longer_than_the_models_own_is_told(
    demo_model: Path, tmp_path: Path
) -> None:
    said = await failure_of(tier_on(demo_model, tmp_path, max_model_len=1_000_000), ConfigError)
    assert "max_model_len 1000000 is more than the model's own " in said


def _rewrite(model: Path, **told: object) -> None:
    file = model / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | told))


def _cut(file: Path, left: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * left)])
