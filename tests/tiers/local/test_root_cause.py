"""Is a failed start told in one line, with what mends it?"""

from __future__ import annotations

import pytest

from rungwise.tiers.local.root_cause import RootCause, cause_of, death_in, exceptions_in

LOG = """\
2026-11-26 04:41:57,485 954 INFO vllm.v1.worker.gpu_model_runner: Starting to load model m...
2026-11-26 04:41:59,001 954 ERROR vllm.v1.executor.multiproc_executor: WorkerProc failed to start.
Traceback (most recent call last):
  File "vllm/v1/executor/multiproc_executor.py", line 864, in worker_main
    worker = WorkerProc(*args, **kwargs)
ValueError: To serve at least one request with the model's max seq len (40960), (5.62 GiB KV
cache is needed, which is larger than the available KV cache memory (2.11 GiB).
2026-11-26 04:41:59,010 863 ERROR vllm.v1.engine.core: EngineCore failed to start.
Traceback (most recent call last):
  File "vllm/v1/engine/core.py", line 1494, in run_engine_core
Exception: WorkerProc initialization failed due to an exception in a background process. \
See stack trace for root cause.
"""


def test_the_exceptions_of_a_log_are_found_with_all_their_lines() -> None:
    first, second = exceptions_in(LOG)
    assert first.startswith("ValueError: To serve")
    assert first.endswith("(2.11 GiB).")
    assert second.startswith("Exception: WorkerProc initialization failed")


def test_what_only_points_to_another_is_passed_over() -> None:
    hollow = exceptions_in(LOG)[1]
    assert cause_of([hollow]) is None
    assert cause_of(["KeyError: 'layers'", hollow]) == RootCause("KeyError: 'layers'")


def test_an_unknown_one_is_told_as_it_stands_in_one_line() -> None:
    said = cause_of(["OSError: first", "ValueError: of two\nlines " + "x" * 1000])
    assert said is not None
    assert said.line.startswith("ValueError: of two lines xxx")
    assert len(said.line) == 400


def test_what_pydantic_puts_around_an_error_is_left_out() -> None:
    raised = "ValidationError: 1 validation error for Any\n  Value error, Odd. [type=x]\n  For"
    assert cause_of([raised]) == RootCause("ValidationError: Odd.")


# What this machine can produce: texts of vLLM 0.32 and transformers, cut. Some more are made with a
# real engine in tests/engine/test_starting.py.
PRODUCED = {
    "RuntimeError: Cannot find any model weights with `/models/m`": "no weights in /models/m; ",
    "1 validation error for VllmConfig\n  Value error, Cannot find the config file for awq": "the "
    "model was not quantised as awq; ",
    "OSError: It looks like the config file at 'm' is not a valid JSON file.": "damaged",
    "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 "
    "column 2 (char 1)": "a file of the model is damaged or not whole; ",
    "KeyError: \"Tool parser 'nope' not found.\"": "no tool parser nope; ",
    "TypeError: Error: --enable-auto-tool-choice requires tool_parser:'nope' which has not been "
    "registered": "no tool parser nope; ",
    "KeyError: \"Reasoning parser 'nope' not found. Available": "no reasoning parser nope; ",
    "VLLMValidationError: The supplied chat template (/nope.jinja) looks like a file path, but it "
    "failed to be opened. Tried": "there is no chat template /nope.jinja; ",
    "Value error, The repository m contains custom code which must be executed to correctly load "
    "the model.": "such is never run; ",
    "Value error, Total number of attention heads (4) must be divisible by tensor parallel size "
    "(3).": "3 GPUs cannot share the model's 4 attention heads; ",
    "ValueError: Couldn't instantiate the backend tokenizer from one of:\n(1)": "no tokenizer",
    "LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for the specified "
    "revision on the local disk and outgoing traffic has been disabled.": "fetch it first",
}

# What stands here was not produced by this machine: it has no GPU and no way to the hub. The texts
# are those of torch, vLLM (0.25.1 and 0.32.0) and huggingface_hub, with numbers put in.
RECORDED = {
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total "
    "capacity of 23.52 GiB of which 512.00 MiB is free.": "out of GPU memory; ",
    "ValueError: No available memory for the cache blocks. Try increasing "
    "`gpu_memory_utilization` when initializing the engine": "no memory for the KV cache; ",
    "ValueError: Free memory on device cuda:0 (3.52/23.52 GiB) on startup is less than desired GPU "
    "memory utilization (0.9, 21.17 GiB). Decrease GPU memory utilization or reduce GPU memory "
    "used by other processes.": "only 3.52 of the GPU's 23.52 GiB are free, and "
    "gpu_memory_utilization 0.9 asks for 21.17; ",
    "ValueError: To serve at least one request with the model's max seq len (40960), (5.62 GiB KV "
    "cache is needed, which is larger than the available KV cache memory (2.11 GiB). Based on the "
    "available memory, the estimated maximum model length is 15360. Try increasing "
    "`gpu_memory_utilization`": "needs 5.62 GiB of KV cache and there are 2.11; set max_model_len "
    "to 15360 or less",
    "RuntimeError: CUDA out of memory occurred when warming up sampler with 256 dummy requests. "
    "Please try lowering `max_num_seqs`": "out of GPU memory with 256 drafts at once; ",
    "RuntimeError: The NVIDIA driver on your system is too old (found version 12080). Please "
    "update your GPU driver": "driver is too old for this build of torch (it knows CUDA 12080); ",
    "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA "
    "GPU": "no GPU can be seen; ",
    "RuntimeError: CUDA error: invalid device ordinal": "a GPU that it wants is not there; ",
    "RuntimeError: CUDA error: no kernel image is available for execution on the device": "this "
    "vLLM was not built for this GPU",
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): "
    "{'EngineCore': -9}": "its process was killed, most likely for want of memory",
    "OSError: [Errno 28] No space left on device": "no space is left on a disk; ",
    "huggingface_hub.errors.GatedRepoError: 401 Client Error. Cannot access gated repo for url "
    "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/resolve/main/config.json.": "the "
    "model is gated: accept its terms",
    "OSError: You are trying to access a gated repo.\nMake sure to have access to it at "
    "https://huggingface.co/google/gemma-3-4b-it.": "the model is gated: accept its terms",
    "huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. Repository Not Found for "
    "url: https://huggingface.co/api/models/nobody/none.": "the hub has no such model, ",
    "huggingface_hub.errors.RevisionNotFoundError: 404 Client Error. Revision Not Found for "
    "url": "the hub has no such revision",
    "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot "
    "folder for the specified revision on the local disk and outgoing traffic has been "
    "disabled.": "not on this machine and the hub cannot be reached; ",
    "safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata, "
    "file not fully covered": "damaged or not whole; ",
    "ValueError: The quantization method fp8 is not supported for the current GPU. Minimum "
    "capability: 89. Current capability: 80.": "cannot run the quantisation fp8 (it needs compute "
    "capability 89, this is 80); ",
    "torch.distributed.DistNetworkError: The server socket has failed to listen on any local "
    "network address. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE, message: address "
    "already in use": "port 29500, by which its processes were to talk, is taken; ",
    "zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:29501')": "a port by which "
    "its processes were to talk is taken; ",
    "OSError: m does not appear to have a file named tokenizer_config.json": "no tokenizer",
    "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your "
    "Tesla T4 GPU has compute capability 7.5.": "set engine.dtype: float16",
}


@pytest.mark.parametrize(("raised", "told"), [*PRODUCED.items(), *RECORDED.items()])
def test_a_known_one_is_told_with_its_mend(raised: str, told: str) -> None:
    said = cause_of(["RuntimeError: something before", raised, "RuntimeError: and after"])
    assert said is not None
    assert told in said.line
    assert "\n" not in said.line


def test_a_file_of_the_tokenizer_in_another_complaint_is_not_a_tokenizer_that_is_missing() -> None:
    raised = "PermissionError: [Errno 13] Permission denied: '/models/m/tokenizer.json'"
    assert cause_of([raised]) == RootCause(raised)


def test_what_no_other_start_mends_is_known() -> None:
    def for_good(raised: str) -> bool:
        cause = cause_of([raised])
        return cause is not None and cause.for_good

    assert for_good("ValueError: Model architectures ['X'] are not supported for now.")
    assert for_good("KeyError: \"Tool parser 'nope' not found.\"")
    assert not for_good("torch.OutOfMemoryError: CUDA out of memory.")
    assert not for_good("KeyError: 'layers'")


FATAL = """\
2026-11-26 05:00:02,000 863 ERROR vllm.v1.engine.core: EngineCore encountered a fatal error.
Traceback (most recent call last):
  File "vllm/v1/engine/core.py", line 1500, in run_engine_core
RuntimeError: Executor failed.
"""


def died(line: str) -> str | None:
    return death_in(f"{LOG}2026-11-26 05:00:01,000 863 ERROR vllm: {line}\n{FATAL}")


def test_a_worker_that_was_killed_is_told_and_no_older_error() -> None:
    said = died(
        "Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor."
    )
    assert said is not None
    assert said.startswith("its process was killed, most likely for want of memory")


def test_a_worker_that_ended_otherwise_is_told_with_its_exit_code_where_that_is_known() -> None:
    end = "shutting down executor."
    assert died(f"Worker proc VllmWorker-0 died unexpectedly (exit code: -11), {end}") == (
        "one of its processes ended with exit code -11"
    )
    assert died(f"Worker proc VllmWorker-0 died unexpectedly, {end}") == (
        "one of its processes ended"
    )


def test_what_a_worker_raised_is_told_before_what_that_led_to() -> None:
    raised = "WorkerProc hit an exception.\nTraceback (most recent call last):\n"
    said = died(f"{raised}torch.OutOfMemoryError: CUDA out of memory. Tried to allocate")
    assert said is not None
    assert said.startswith("out of GPU memory; ")
    assert died(f"{raised}IndexError: list index out of range") == (
        "IndexError: list index out of range"
    )


def test_a_log_that_tells_no_death_gives_no_cause() -> None:
    assert death_in(LOG) is None
    assert death_in(FATAL) is None
    assert death_in("") is None


def test_a_first_process_that_was_killed_is_told_by_its_exit_code() -> None:
    said = death_in("", -9)
    assert said is not None
    assert said.startswith("its process was killed, most likely for want of memory")
    assert death_in(LOG, -11) == "one of its processes ended with exit code -11"
    assert death_in("", 1) is None
