"""What does a local rung cost, and what do its shortcuts save? One engine in this process.

What a shared prefix saves before the first token, what log-probabilities cost, what stopping
doubtful drafts saves, energy and price of drafts, what a draft costs that is stopped early, and
what a look at the first token costs beyond reading the prompt.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from rungwise.config import BoxConfig, VllmTierConfig
from rungwise.lab.bench.command import command_of
from rungwise.lab.bench.compact import compact, write_compact
from rungwise.lab.bench.rung_doubtful import doubtful_figures
from rungwise.lab.bench.rung_figures import (
    energy_figures,
    look_figures,
    prefix_figures,
    stopped_figures,
)
from rungwise.lab.bench.rung_reading import reading_figures
from rungwise.lab.bench.served import engine_of, name_of
from rungwise.lab.machine import describe
from rungwise.observe.gpu import energy_joules
from rungwise.tiers.local.energy import Energy
from rungwise.tiers.local.vllm import VllmTier
from rungwise.tiers.local.vllm_compat import visible_gpus

__all__ = ["bench_rung"]

Figures = dict[str, object]


def bench_rung(arguments: argparse.Namespace) -> int:
    """Measure, print, and write each part as soon as it is there."""
    about: Figures = {
        "command": command_of(arguments),
        "machine": describe(),
        "model": name_of(arguments),
        "max_tokens": arguments.max_tokens,
        "compiled": arguments.compiled,
        "rounds": arguments.rounds,
        "usd_per_gpu_hour": arguments.usd_per_gpu_hour,
    }
    with tempfile.TemporaryDirectory(prefix="rungwise-bench-") as folder:
        config = engine_of(arguments, Path(folder))
        asyncio.run(_measure(config, arguments, about))
    return 0


async def _measure(config: VllmTierConfig, arguments: argparse.Namespace, about: Figures) -> None:
    counters = energy_joules(visible_gpus())
    tier = VllmTier(
        config.model_copy(update={"usd_per_gpu_hour": arguments.usd_per_gpu_hour}),
        box=BoxConfig(),
        energy=None if counters is None else Energy(counters, time.perf_counter),
    )

    def joules() -> float | None:
        counted = None if counters is None else counters()
        return None if counted is None else counted[0]

    rounds, seats, most = arguments.rounds, arguments.concurrency, arguments.max_tokens
    parts: Mapping[str, Callable[[], Awaitable[object]]] = {
        "prefix": lambda: prefix_figures(tier, arguments.prefix_tokens, rounds),
        "reading": lambda: reading_figures(tier.bare, seats, most, rounds),
        "doubtful": lambda: doubtful_figures(tier, joules, seats, most, rounds),
        "energy": lambda: energy_figures(tier, joules, seats, most, rounds),
        "look": lambda: look_figures(tier, arguments.look_tokens, rounds),
        "stopped": lambda: stopped_figures(tier, seats, most, rounds),
        "idle": lambda: _idle(tier, arguments.seconds),
    }
    begin = time.perf_counter()
    await tier.start()
    about["start_s"] = time.perf_counter() - begin
    try:
        for number, (name, part) in enumerate(parts.items()):
            if arguments.within is not None and time.perf_counter() - begin > arguments.within:
                about["left_out"] = [*parts][number:]
                print(f"no time left for: {', '.join([*parts][number:])}")
                break
            about[name] = await part()
            print(compact({name: about[name]}), flush=True)
            write_compact(arguments.json, about)
        write_compact(arguments.json, about)
    finally:
        await tier.stop()


async def _idle(tier: VllmTier, seconds: float) -> Figures | None:
    """The power of an engine that is up and has nothing to do; None where nothing measures it."""
    await asyncio.sleep(1.0)  # what the last draft left running
    before = tier.standing()
    await asyncio.sleep(max(2.0, seconds))
    after = tier.standing()
    joules = after.idle_joules - before.idle_joules
    return {"watts": joules / (after.up_s - before.up_s)} if joules else None
