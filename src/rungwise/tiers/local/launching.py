"""How does an engine come up in this process, or why does it not?"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.process import BaseProcess
from typing import Any

from rungwise.config import AdapterTierConfig, VllmTierConfig
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.local import vllm_compat as compat
from rungwise.tiers.local import vllm_processes as processes
from rungwise.tiers.local.engine_log import EngineLog
from rungwise.tiers.local.root_cause import RootCause, cause_of, exceptions_in
from rungwise.tiers.local.vllm_faults import chain_of, one_line
from rungwise.tiers.local.vllm_flags import missing_folder, missing_template, parse_flags
from rungwise.tiers.local.vllm_labels import LabelReads

__all__ = ["Running", "launch"]


@dataclass(frozen=True, slots=True)
class Running:
    """A started engine and vLLM's own chat endpoint on it."""

    vllm: compat.Vllm
    engine: compat.TappedEngine
    serving: Any
    markers: frozenset[int]
    labels: LabelReads


async def launch(
    config: VllmTierConfig,
    adapters: Sequence[AdapterTierConfig],
    listeners: list[Any] | None,
    log: EngineLog | None,
) -> Running:
    """Start the engine's processes and vLLM's endpoint on it. When cancelled, none of them stays.

    Raises ConfigError where no second try would help: no model, no vLLM, settings that it does not
    know, a model that it cannot run; else TierError. Both in one line, with the mend where it is
    known.
    """
    if (folder := missing_folder(config.model)) is not None:
        raise ConfigError(
            f"tier {config.name!r}: no model in {folder} (config.json is missing); "
            "put a model there, or correct `model`"
        )
    if (template := missing_template(config.engine)) is not None:
        raise ConfigError(f"tier {config.name!r}: {template}")
    try:
        vllm = await asyncio.to_thread(compat.load)
    except ImportError as error:
        raise ConfigError(
            f"tier {config.name!r}: vLLM cannot be imported ({one_line(error)}); "
            "install rungwise[gpu] or rungwise[cpu], see ./scripts/install"
        ) from error
    try:
        args = parse_flags(vllm, config, adapters)
        _check_parsers(config, args)
        built = await _built(_Build(vllm, args, listeners, log.environment if log else {}))
        return await _serve(vllm, compat.TappedEngine(built, vllm.EngineDeadError), args)
    except ConfigError:
        raise
    except Exception as error:
        raise _fault(config, error, log) from error


def _check_parsers(config: VllmTierConfig, args: Any) -> None:
    """Raises ConfigError for one that this vLLM does not know: it would say so itself once the
    weights are loaded. A plug-in may bring others."""
    for kind in compat.PARSERS:
        asked, known = getattr(config.engine, kind), compat.known_parsers(kind)
        if asked and known and asked not in known and not getattr(args, f"{kind}_plugin", None):
            raise ConfigError(
                f"tier {config.name!r}: engine.{kind}: this vLLM knows no {asked!r}; correct it to "
                f"one of {', '.join(sorted(known))}"
            )


@dataclass(slots=True)
class _Build:
    """The making of an engine in a thread, because it takes from seconds to minutes and the loop
    has others to serve. It can be given up, and leaves no process behind then."""

    vllm: compat.Vllm
    args: Any
    listeners: list[Any] | None
    environment: Mapping[str, str]
    given_up: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> Any:
        with processes.making_processes(self.environment):
            engine_args = self.vllm.AsyncEngineArgs.from_cli_args(self.args)
            if self.given_up.is_set():
                return None
            engine = self.vllm.AsyncLLM.from_engine_args(engine_args, stat_loggers=self.listeners)
        compat.count_schedules_alone(engine)
        if self.given_up.is_set():
            engine.shutdown()
        return engine


async def _built(build: _Build) -> Any:
    others = set(multiprocessing.active_children())
    making = asyncio.ensure_future(asyncio.to_thread(build))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        build.given_up.set()
        _end(set(multiprocessing.active_children()) - others)
        making.add_done_callback(_heard)
        raise


def _end(processes: Iterable[BaseProcess]) -> None:
    """At once, with their workers: vLLM hears of a SIGTERM when it has started, after minutes."""
    psutil = import_module("psutil")  # comes with vLLM
    for process in processes:
        with suppress(psutil.Error):
            engine = psutil.Process(process.pid)
            for each in (*engine.children(recursive=True), engine):
                each.kill()


def _heard(making: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more, and asyncio would tell of an error that nobody heard."""
    if not making.cancelled():
        making.exception()


async def _serve(vllm: compat.Vllm, engine: compat.TappedEngine, args: Any) -> Running:
    try:
        return await _endpoint(vllm, engine, args)
    except BaseException:
        await asyncio.to_thread(engine.shutdown)
        raise


async def _endpoint(vllm: compat.Vllm, engine: compat.TappedEngine, args: Any) -> Running:
    state = vllm.State()
    await vllm.init_app_state(engine, state, args, await engine.get_supported_tasks())
    serving = state.openai_serving_chat
    labels = LabelReads(
        serving.renderer.tokenizer,
        most=compat.most_alternatives(engine),
        apart=not compat.mixes_label_reads(engine),
        named=not compat.speculates(engine),
    )
    return Running(vllm, engine, serving, compat.reasoning_markers(serving), labels)


def _fault(
    config: VllmTierConfig, error: BaseException, log: EngineLog | None
) -> TierError | ConfigError:
    """In one line. What this process raised says little where one of the engine's raised first."""
    here = [f"{type(step).__name__}: {step}" for step in chain_of(error)]
    there = exceptions_in(log.text()) if log is not None else []
    cause = cause_of([*there, *reversed(here)]) or RootCause(one_line(error))
    where = "" if log is None else f" (its log: {log.path})"
    if cause.for_good:
        return ConfigError(f"tier {config.name!r}: {cause.line}{where}")
    return TierError(config.name, "unavailable", f"{cause.line}{where}")
