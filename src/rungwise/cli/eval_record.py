"""What does every rung make of the step suite? `rungwise eval record` drafts for `eval routing`."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli.standing_in import configured
from rungwise.cli.written import check_writable
from rungwise.confidence.signals import DEFAULT, SIGNALS
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.config import Config
    from rungwise.lab.ladders.rows import Row

__all__ = ["add_arguments", "run"]

CONFIG = Path("configs/demo.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=CONFIG, help="whose ladder drafts")
    parser.add_argument(
        "--standin", action="store_true", help="the demo's stand-in answers for the hosted rungs"
    )
    parser.add_argument("--split", choices=("calibration", "test"), default="calibration")
    parser.add_argument("--count", type=int, default=3000, help="steps of the suite")
    parser.add_argument("--seed", type=int, default=5, help="of the steps")
    parser.add_argument("--concurrency", type=int, default=8, help="steps open at once")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSONL, or .gz")


def run(arguments: argparse.Namespace) -> int:
    from rungwise.lab.children import leaving_in_order
    from rungwise.lab.ladders.lines import write_ladder

    for name in ("count", "concurrency"):
        if getattr(arguments, name) < 1:
            raise ConfigError(f"--{name}: must be 1 or more, not {getattr(arguments, name)}")
    check_writable(out=arguments.out)
    with (
        leaving_in_order(),
        configured(arguments.config, standin=arguments.standin) as config,
    ):
        rows = asyncio.run(_record(arguments, config))
    write_ladder(arguments.out, rows)
    print("\n".join(_told(rows)))
    print(
        f"{len(rows)} steps, split {arguments.split}, seed {arguments.seed}; the rungs of a "
        f"step one after the other, {arguments.concurrency} steps open at once: latencies are of "
        "that load"
    )
    return 0


async def _record(arguments: argparse.Namespace, config: Config) -> list[Row]:
    from tqdm import tqdm

    from rungwise.build import build_ladder
    from rungwise.lab.ladders.record import record_ladder
    from rungwise.lab.steps import generate

    tiers = build_ladder(config)
    steps = list(generate(arguments.split, arguments.count, seed=arguments.seed))
    async with AsyncExitStack() as started:
        for tier in tiers:
            started.push_async_callback(tier.stop)
            await tier.start()
        with tqdm(total=len(steps) * len(tiers), desc="drafts", mininterval=0.5) as bar:
            return await record_ladder(
                tiers,
                steps,
                _signals(config),
                concurrency=arguments.concurrency,
                clock=time.perf_counter,
                progress=bar.update,
            )


def _signals(config: Config) -> dict[str, tuple[str, ...]]:
    """By tier, what its gate reads of the tokens: by its calibration, its own list, or the usual
    ones."""
    from rungwise.confidence.calibration import read_calibration

    found: dict[str, tuple[str, ...]] = {}
    for gate in config.gates:
        names: Sequence[str] = gate.signals or DEFAULT
        if gate.calibration is not None:
            names = read_calibration(gate.calibration, "correct gates[].calibration").signals
        found[gate.tier] = tuple(name for name in names if SIGNALS[name].make is not None)
    return found


def _told(rows: Sequence[Row]) -> list[str]:
    lines = []
    for name in rows[0].tiers:
        results = [row.tiers[name] for row in rows]
        right = sum(result.correct for result in results) / len(results)
        costs = [result.cost_usd for result in results if result.cost_usd is not None]
        price = f"${sum(costs) / len(costs) * 1e3:.4f} for 1,000" if costs else "price unknown"
        waits = sorted(r.latency_ms for r in results if r.latency_ms is not None)
        lines.append(f"{name}: {right:.1%} right, {price}, median {waits[len(waits) // 2]:.0f} ms")
    return lines
