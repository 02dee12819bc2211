"""What does a newcomer see? Real engines, a few hundred steps, one table, and a server to try."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.demo.figures import Task

__all__ = ["add_arguments", "run"]

CONFIG = Path("configs/demo.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=CONFIG, help="the demo's ladder")
    parser.add_argument("--steps", type=int, default=225, help="steps sent per policy")
    parser.add_argument("--concurrency", type=int, default=8, help="requests open at once")
    parser.add_argument("--port", type=int, default=8080, help="where the server listens; 0: any")
    parser.add_argument("--once", action="store_true", help="stop after the table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def run(arguments: argparse.Namespace) -> int:
    if not arguments.config.exists():
        raise ConfigError(f"{arguments.config}: not found; run this in a checkout of rungwise")
    for name in ("steps", "concurrency"):
        if getattr(arguments, name) < 1:
            raise ConfigError(f"--{name}: must be 1 or more, not {getattr(arguments, name)}")
    start = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="rungwise-demo-"))
    try:
        return _demo(arguments, folder, start)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _demo(arguments: argparse.Namespace, folder: Path, start: float) -> int:
    from rungwise.demo.figures import figures
    from rungwise.demo.ladder import demo_ladder
    from rungwise.demo.table import summary, table
    from rungwise.lab.machine import describe

    def tell(line: str) -> None:
        print(f"[{time.monotonic() - start:5.1f} s] {line}", flush=True)

    with demo_ladder(arguments.config, folder, arguments.port, tell) as server:
        ready = time.monotonic() - start
        tell(f"ready; sending {arguments.steps} steps of the test split to each of 4 policies")
        tasks = _send(server.url, server.ledger, arguments)
        measured = figures(tasks)
        print(f"\n{table(measured)}\n\n{summary(measured)}\n")
        failed = [task.error for task in tasks if task.error is not None]
        if failed:
            print(f"{len(failed)} requests failed, the first with: {failed[0]}")
        if arguments.json is not None:
            about = {
                "command": "rungwise demo",
                "machine": describe(),
                "steps": arguments.steps,
                "concurrency": arguments.concurrency,
                "first_answer_s": server.first_answer_s,
                "ready_s": ready,
                "total_s": time.monotonic() - start,
            }
            arguments.json.write_text(json.dumps({**about, **measured.as_json()}, indent=2) + "\n")
        tell("done")
        if not arguments.once:
            _keep_serving(server.url)
        return 1 if failed else 0


def _send(url: str, ledger: Path, arguments: argparse.Namespace) -> list[Task]:
    from tqdm import tqdm

    from rungwise.demo.figures import POLICIES
    from rungwise.demo.run import demo_steps, send_all

    steps = demo_steps(arguments.steps)
    with tqdm(total=len(steps) * len(POLICIES), unit="step", mininterval=0.5) as bar:
        return asyncio.run(
            send_all(url, ledger, steps, concurrency=arguments.concurrency, progress=bar.update)
        )


def _keep_serving(url: str) -> None:
    print(
        f"""Still serving. Try it:

  curl {url}/v1/chat/completions -H 'content-type: application/json' -d '{{
    "model": "auto", "messages": [{{"role": "user", "content": "Hello, who are you?"}}]}}'

Ctrl-C stops everything."""
    )
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print("\nstopping")
