"""What does a newcomer see? Real engines, a few hundred steps, one table, and a server to try."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.demo.figures import Answered

__all__ = ["add_arguments", "run"]

CONFIG = Path("configs/demo.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=CONFIG, help="the demo's ladder")
    parser.add_argument("--steps", type=int, default=450, help="steps sent by each route")
    parser.add_argument("--concurrency", type=int, default=8, help="requests open at once")
    parser.add_argument("--port", type=int, default=8080, help="where the server listens; 0: any")
    parser.add_argument("--once", action="store_true", help="stop after the table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(arguments: argparse.Namespace) -> int:
    from rungwise.lab.children import leaving_in_order

    for name in ("steps", "concurrency"):
        if getattr(arguments, name) < 1:
            raise ConfigError(f"--{name}: must be 1 or more, not {getattr(arguments, name)}")
    check_writable(json=arguments.json)
    start = time.monotonic()
    with (
        leaving_in_order(),
        tempfile.TemporaryDirectory(prefix="rungwise-demo-", ignore_cleanup_errors=True) as folder,
    ):
        return _demo(arguments, Path(folder), start)


def _demo(arguments: argparse.Namespace, folder: Path, start: float) -> int:
    from rungwise.demo.figures import figures
    from rungwise.demo.ladder import demo_ladder
    from rungwise.demo.table import shadowed, summary, table
    from rungwise.lab.machine import describe
    from rungwise.ledger.shadows import read_shadows
    from rungwise.ledger.sql import read_entries

    def tell(line: str) -> None:
        print(f"[{time.monotonic() - start:5.1f} s] {line}", flush=True)

    with demo_ladder(arguments.config, folder, arguments.port, tell) as server:
        ready = time.monotonic() - start
        tell(f"ready; sending {arguments.steps} steps of the test split by each of 4 routes")
        answered = _send(server.url, arguments)
        measured = figures(answered, read_entries(server.ledger))
        print(f"\n{table(measured)}\n\n{summary(measured)}")
        shadows = [line for line in read_shadows(server.ledger).lines if line.key == ("auto",)]
        print("\n".join(map(shadowed, shadows)), end="\n\n")
        failed = [step.error for step in answered if step.error is not None]
        if failed:
            print(f"{len(failed)} requests failed, the first with: {failed[0]}")
        about = {
            "command": "rungwise demo",
            "machine": describe(),
            "steps": arguments.steps,
            "concurrency": arguments.concurrency,
            "first_answer_s": server.first_answer_s,
            "ready_s": ready,
            "total_s": time.monotonic() - start,
        }
        write_json(arguments.json, {**about, **measured.as_json()})
        tell("done")
        if not arguments.once:
            _keep_serving(server.url)
        return 1 if failed else 0


def _send(url: str, arguments: argparse.Namespace) -> list[Answered]:
    from tqdm import tqdm

    from rungwise.demo.figures import ROUTES
    from rungwise.demo.run import demo_steps, send_all

    steps = demo_steps(arguments.steps)
    with tqdm(total=len(steps) * len(ROUTES), unit="step", mininterval=0.5) as bar:
        return asyncio.run(
            send_all(url, steps, concurrency=arguments.concurrency, progress=bar.update)
        )


def _keep_serving(url: str) -> None:
    from rungwise.demo.example import to_try

    print(to_try(url), flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print("\nstopping")
