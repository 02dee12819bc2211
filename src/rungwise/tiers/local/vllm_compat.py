"""Where does this vLLM (0.25 to 0.33) keep what we need? The only file that knows."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rungwise.tiers.local.engine_stats import EngineStats
from rungwise.tiers.local.vllm_processes import prepare

__all__ = [
    "PARSERS",
    "TAP",
    "TappedEngine",
    "Vllm",
    "ask_for_tokens",
    "count_schedules_alone",
    "first_of",
    "known_parsers",
    "listeners",
    "load",
    "mixes_label_reads",
    "most_alternatives",
    "reasoning_markers",
    "speculates",
    "visible_gpus",
]

# Newest place first: the old ones still import in newer versions, but warn.
_INIT_APP_STATE = (
    "vllm.entrypoints.launchers.api_server.app_state",  # 0.30 on
    "vllm.entrypoints.openai.api_server",  # up to 0.28
)
_MAKE_ARG_PARSER = (
    "vllm.entrypoints.common.cli_args",  # 0.33
    "vllm.entrypoints.launchers.cli_args",  # 0.30
    "vllm.entrypoints.openai.cli_args",
)
_CHAT_REQUEST = (
    "vllm.entrypoints.openai.chat_completion.protocol",
    "vllm.entrypoints.openai.protocol",
)
PARSERS = {
    "tool_parser": ("ToolParserManager", ("vllm.tool_parsers",)),
    "reasoning_parser": ("ReasoningParserManager", ("vllm.reasoning",)),
}
"""By the keys of EngineConfig that name one: who knows them."""
_ARGUMENT_PARSER = ("vllm.utils.argparse_utils", "vllm.utils")


@dataclass(frozen=True, slots=True)
class Vllm:
    """The parts of vLLM that we touch, whatever its version."""

    AsyncLLM: Any
    AsyncEngineArgs: Any
    ArgumentParser: Any
    make_arg_parser: Any
    init_app_state: Any
    ChatCompletionRequest: Any
    EngineDeadError: type[Exception]
    OutputKind: Any
    State: Any


def load() -> Vllm:
    """Import vLLM. Raises ImportError when it is missing, or moved beyond what is known here."""
    prepare()
    return Vllm(
        AsyncLLM=first_of("AsyncLLM", ("vllm.v1.engine.async_llm",)),
        AsyncEngineArgs=first_of("AsyncEngineArgs", ("vllm.engine.arg_utils",)),
        ArgumentParser=first_of("FlexibleArgumentParser", _ARGUMENT_PARSER),
        make_arg_parser=first_of("make_arg_parser", _MAKE_ARG_PARSER),
        init_app_state=first_of("init_app_state", _INIT_APP_STATE),
        ChatCompletionRequest=first_of("ChatCompletionRequest", _CHAT_REQUEST),
        EngineDeadError=first_of("EngineDeadError", ("vllm.v1.engine.exceptions",)),
        OutputKind=first_of("RequestOutputKind", ("vllm.sampling_params",)),
        State=first_of("State", ("starlette.datastructures",)),
    )


def first_of(name: str, modules: Sequence[str]) -> Any:
    """The attribute `name` of the first of these modules that has it. Raises ImportError."""
    tried: list[str] = []
    for module in modules:
        try:
            return getattr(import_module(module), name)
        except (ModuleNotFoundError, AttributeError) as error:
            missing = getattr(error, "name", None) or ""
            if isinstance(error, ModuleNotFoundError) and not module.startswith(missing):
                raise  # a dependency of vLLM is missing: the module itself is there
            tried.append(module)
    raise ImportError(f"{name} is in none of {', '.join(tried)}", name=modules[0])


def known_parsers(kind: str) -> frozenset[str]:
    """The names that this vLLM knows; empty where it does not tell them as it did."""
    try:
        return frozenset(first_of(*PARSERS[kind]).list_registered())
    except (ImportError, AttributeError):
        return frozenset()


# ---- what one request may ask ---------------------------------------------------------------


def ask_for_tokens(params: Any, token_ids: Sequence[int]) -> bool:
    """Ask for the log-probabilities of just these tokens; False where this vLLM cannot."""
    if not hasattr(params, "logprob_token_ids"):
        return False
    # the number must agree; without it, the oldest versions that know the list give nothing
    params.logprobs, params.logprob_token_ids = len(token_ids), list(token_ids)
    return True


def mixes_label_reads(engine: Any) -> bool:
    """Whether one step may hold a label read beside drafts that want alternatives: vLLM's second
    model runner knows what each of them asked for, the first gives all of them the labels."""
    return bool(getattr(engine.vllm_config, "use_v2_model_runner", False))


def speculates(engine: Any) -> bool:
    """Whether tokens are guessed ahead. No model runner then reads the log-probabilities of named
    tokens: the second gives the likeliest ones, the first breaks off, and the engine with it."""
    return getattr(engine.vllm_config, "speculative_config", None) is not None


def most_alternatives(engine: Any) -> int:
    """How many alternatives a token may have at the most (vLLM's max_logprobs)."""
    most: int = engine.vllm_config.model_config.max_logprobs
    return most if most >= 0 else 1024  # -1 is the whole vocabulary


def reasoning_markers(serving: Any) -> frozenset[int]:
    """The token ids that open and close reasoning; empty where the parser names none."""
    parser = getattr(getattr(serving, "parser_cls", None), "reasoning_parser_cls", None)
    parser = parser or getattr(serving, "reasoning_parser_cls", None)
    if parser is None:
        return frozenset()
    tokenizer = serving.renderer.tokenizer
    try:
        made = parser(tokenizer)
    except Exception:  # a parser that needs more than a tokenizer has no plain markers either
        return frozenset()
    names = ("reasoning_start_str", "reasoning_end_str", "start_token", "end_token")
    vocabulary = tokenizer.get_vocab()
    ids = (vocabulary.get(getattr(made, name, None)) for name in names)
    return frozenset(i for i in ids if i is not None)


# ---- the machine -----------------------------------------------------------------------------


def visible_gpus() -> tuple[str, ...] | None:
    """The GPUs that CUDA shows to this process, by index or UUID, in its order; None is all."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if told is None else tuple(part.strip() for part in told.split(",") if part.strip())


def listeners(stats: EngineStats) -> list[Any] | None:
    """What AsyncLLM takes as `stat_loggers` to tell us; None where this vLLM has it otherwise."""
    try:
        listener = first_of("PrometheusStatLogger", ("vllm.v1.metrics.loggers",))
    except ImportError:
        return None

    # As one of vLLM's Prometheus loggers, so that it adds no other: two engines in one process
    # unregister each other's
    class Listener(listener):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **more: Any) -> None: ...

        def record(
            self,
            scheduler_stats: Any = None,
            iteration_stats: Any = None,
            mm_cache_stats: Any = None,
            engine_idx: int = 0,
            **more: Any,
        ) -> None:
            if scheduler_stats is not None:
                with suppress(AttributeError, TypeError):  # its insides may look otherwise
                    _scheduled(stats, engine_idx, scheduler_stats)

        def log(self, *args: Any, **more: Any) -> None: ...

        def log_engine_initialized(self, *args: Any, **more: Any) -> None: ...

        def record_sleep_state(self, *args: Any, **more: Any) -> None: ...

        def record_admission_rejection(self, *args: Any, **more: Any) -> None: ...

    return [Listener]


def _scheduled(stats: EngineStats, copy: int, told: Any) -> None:
    stats.stand(
        copy,
        running=told.num_running_reqs,
        waiting=told.num_waiting_reqs + getattr(told, "num_skipped_waiting_reqs", 0),
        kv_use=getattr(told, "kv_cache_usage", None),
    )
    if (prefix := getattr(told, "prefix_cache_stats", None)) is not None:
        stats.queried += prefix.queries
        stats.hits += prefix.hits
        stats.preempted += prefix.preempted_requests
    if (guessing := getattr(told, "spec_decoding_stats", None)) is not None:
        stats.guessed = (stats.guessed or 0) + guessing.num_draft_tokens
        stats.guessed_right += guessing.num_accepted_tokens


def count_schedules_alone(engine: Any) -> None:
    """Have a new AsyncLLM make no statistics of each token: its meters count them for less. It
    looks here once, with its first request. vLLM's own traces need them."""
    if not getattr(engine.output_processor, "tracing_enabled", False):
        engine.log_stats = False


# ---- the engine ----------------------------------------------------------------------------

_SHUTDOWN_S = 15.0
"""vLLM's own 5 s are as long as its engine waits for its workers: it killed one of two."""
_JOIN_S = 2.0

TAP: ContextVar[Any] = ContextVar("draft_tap", default=None)
"""The tap of the draft whose request is being made just now."""


class TappedEngine:
    """AsyncLLM with a tap on every generation; all else is AsyncLLM's own."""

    def __init__(self, engine: Any, dead: type[Exception]) -> None:
        self._engine, self._dead = engine, dead
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def unfinished(self) -> int:
        """How many generations there are; of vLLM 0.25 AsyncLLM itself tells none."""
        return int(self._engine.output_processor.get_num_unfinished_requests())

    # A plain def: it must read the tap while its own draft is the one that calls.
    def generate(self, prompt: Any, sampling_params: Any, request_id: str, **more: Any) -> Any:
        if self._closed:
            raise self._dead()
        tap = TAP.get()
        if tap is not None:
            tap.shape(sampling_params)
        results = self._engine.generate(prompt, sampling_params, request_id, **more)
        return results if tap is None else tap.opened(results, request_id)

    def leave_token_text_out(self, request_id: str) -> None:
        """Stop decoding each token's text for its log-probability: the gate reads numbers only.

        vLLM has no setting for it and it is half of what reading costs. Where its insides look
        otherwise, the text is decoded in vain and nothing else changes.
        """
        processor = self._engine.output_processor
        with suppress(AttributeError, KeyError):
            for internal_id in processor.external_req_ids.get(request_id, ()):
                processor.request_states[internal_id].logprobs_processor.tokenizer = None

    def work_of(self, request_id: str) -> Callable[[], tuple[int, int]]:
        """Asks how many prompt tokens the engine has read, cached ones left out, and how many it
        has written, for a generation that tells nothing before its end.

        Zeros while it waits, and where vLLM's insides look otherwise.
        """
        found: list[Any] = []
        processor = self._engine.output_processor

        def work() -> tuple[int, int]:
            with suppress(AttributeError, LookupError):
                if not found:
                    ids = processor.external_req_ids.get(request_id, ())
                    found.append(processor.request_states[ids[0]])
                state = found[0]
                if not state.is_prefilling:
                    written: int = state.detokenizer.num_output_tokens()
                    return state.prompt_len - (state.num_cached_tokens or 0), written
            return 0, 0

        return work

    async def answers(self) -> None:
        """Until the engine, each copy of it, has answered something that costs it nothing. It does
        between two steps, or at once when it has nothing to do."""
        await self._engine.is_sleeping()

    def exit_code(self) -> int | None:
        """Of its first process, where that ended by itself, as Python tells it: that of a signal is
        negative. None where vLLM's insides look otherwise."""
        with suppress(AttributeError):
            manager = self._engine.engine_core.resources.engine_manager
            ended = (p for p in manager.processes if p.name == manager.failed_proc_name)
            code: int | None = next((process.exitcode for process in ended), None)
            return code
        return None

    async def close(self) -> None:
        """Take no more generations and end those that run: a shutdown alone leaves them waiting."""
        self._closed = True
        await self._engine.abort(list(self._engine.output_processor.request_states), internal=True)
        if (reader := self._engine.output_handler) is not None:
            reader.cancel()  # or it reports the engine's planned end as its death

    def shutdown(self) -> None:
        """End the engine's processes. Blocks until they are gone, or killed."""
        processes: list[Any] = []
        with suppress(AttributeError):
            processes = list(self._engine.engine_core.resources.engine_manager.processes)
        self._engine.shutdown(timeout=_SHUTDOWN_S)
        for process in processes:
            process.join(_JOIN_S)  # vLLM leaves one that it killed as a zombie
