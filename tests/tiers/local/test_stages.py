"""Do the lines of vLLM's log tell how far a start has come?"""

from __future__ import annotations

import pytest

from rungwise.tiers.local.stages import Stage, begun_by

# 0.32.0 on a CPU, as it logged it here
CPU = """\
INFO vllm.v1.engine.core: Initializing a V1 LLM engine (v0.32.0) with config: model='m'
INFO vllm.distributed.parallel_state: rank 0 in world size 1 is assigned as DP rank 0, PP rank 0
INFO vllm.v1.worker.cpu_model_runner: Starting to load model models/demo/bottom...
INFO vllm.model_executor.model_loader.default_loader: Loading weights took 0.00 seconds
INFO vllm.v1.worker.cpu_model_runner: Warming up model for the compilation...
INFO vllm.compilation.monitor: [backbone] Initial profiling/warmup run took 0.02 s
INFO vllm.v1.worker.cpu_model_runner: Warming up done.
INFO vllm.v1.core.kv_cache_utils: CPU KV cache size: 524,288 tokens, Maximum concurrency 256.00x
INFO vllm.v1.engine.core: init engine (profile, create kv cache, warmup model) took 29.20 s
"""
# 0.25.1 on a GPU, put together from its sources
GPU = """\
INFO vllm.v1.engine.core: Initializing a V1 LLM engine (v0.25.1) with config: model='m'
INFO vllm.distributed.parallel_state: rank 0 in world size 1 is assigned as DP rank 0, PP rank 0
INFO vllm.v1.worker.gpu_model_runner: Starting to load model Qwen/Qwen3-8B...
INFO vllm.model_executor.model_loader.default_loader: Loading weights took 4.31 seconds
INFO vllm.v1.worker.gpu_model_runner: Model loading took 15.27 GiB memory and 5.120000 seconds
INFO vllm.compilation.backends: Using cache directory: /c/torch_compile_cache/1 for vLLM's \
torch.compile
INFO vllm.compilation.backends: Dynamo bytecode transform time: 4.72 s
INFO vllm.compilation.monitor: torch.compile took 24.10 s in total
INFO vllm.v1.worker.gpu_worker: Available KV cache memory: 45.01 GiB
INFO vllm.v1.core.kv_cache_utils: GPU KV cache size: 327,744 tokens
INFO vllm.v1.worker.gpu_model_runner: Graph capturing finished in 3 secs, took 0.62 GiB
INFO vllm.v1.engine.core: init engine (profile, create kv cache, warmup model) took 40.20 s
"""


def stages_of(log: str, *, compiles: bool = True) -> list[Stage]:
    found: list[Stage] = []
    for line in log.splitlines():
        stage = begun_by(line, compiles=compiles)
        if stage is not None and stage not in found:
            found.append(stage)
    return found


def test_a_cpus_log_tells_all_but_the_graphs() -> None:
    told = stages_of(CPU)
    assert told == [Stage.WEIGHTS, Stage.COMPILING, Stage.SIZING, Stage.WARMING]


def test_a_gpus_log_tells_all_of_them_in_their_order() -> None:
    assert stages_of(GPU) == [stage for stage in Stage if stage is not Stage.IMPORTING]


@pytest.mark.parametrize("log", [CPU, GPU])
def test_an_engine_that_does_not_compile_is_not_told_to(log: str) -> None:
    told = stages_of(log, compiles=False)
    assert told == [Stage.WEIGHTS, Stage.SIZING, Stage.WARMING]


def test_an_unknown_line_tells_nothing() -> None:
    assert begun_by("INFO vllm.somewhere: quite another thing", compiles=True) is None


def test_stages_follow_each_other() -> None:
    assert Stage.WARMING.follows(Stage.IMPORTING)
    assert not Stage.WEIGHTS.follows(Stage.WEIGHTS)
    assert all(stage.short in stage for stage in Stage)
