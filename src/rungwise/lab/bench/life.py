"""What becomes of open streams when the engine is killed, or the server is told to stop?

This server against vLLM's own, on the same model and engine flags: (1) SIGKILL to the engine's
process, (2) SIGTERM to the server, each with streams open. Of ours half the streams are held when
the engine is killed, and a rung that always answers stands above the engine. Each stream has as
many tokens by then, whichever server writes it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rungwise.config import VllmTierConfig
from rungwise.errors import ConfigError
from rungwise.lab.bench.command import command_of
from rungwise.lab.bench.compact import write_compact
from rungwise.lab.bench.fixed_upstream import MODEL as FIXED
from rungwise.lab.bench.life_streams import Stream, get, post
from rungwise.lab.bench.life_table import table
from rungwise.lab.bench.served import KEY_ENV, engine_of, name_of
from rungwise.lab.children import Child, child, free_port
from rungwise.lab.machine import describe
from rungwise.ledger.sql import read_entries
from rungwise.tiers.local.vllm_flags import engine_flags

__all__ = ["bench_life"]

Figures = dict[str, object]

BACK_S, END_S = 300.0, 120.0
"""So long it is waited for a server to serve again, and to end."""
LOOK_S = 0.1
UNDER_WAY = 64
"""Tokens of each stream that is not held have come before anything is done to it."""
WORDS = ("repetition", "language", "format", "hedging")
"""What the words themselves give reason to doubt."""
CORE = "VLLM::EngineCor"
"""What vLLM calls its engine's process, as far as the kernel keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """A server that runs: what to ask it, and what says whether it is ready."""

    name: str
    port: int
    ready: str
    model: str
    """Asked by this name it answers with the engine, or not at all."""
    shown: str
    """What the answers call it."""
    ladder: str | None
    """Asked by this one, it may answer with the rung above."""
    process: Child

    def asks(self, model: str, tokens: int, number: int = 0) -> dict[str, object]:
        """Noise that turns into one word again and again: the model was taught to end its answers,
        and this way it does not."""
        return {
            "model": model,
            "messages": [{"role": "user", "content": "x"}],
            "max_tokens": tokens,
            "temperature": 2.0,
            "frequency_penalty": -2.0,
            "seed": number % 2 + 1,  # with both the demo's model goes on
            "stream": tokens > 1,
        }


def bench_life(arguments: argparse.Namespace) -> int:
    """Measure, print a table, and write the figures where that was asked for. Raises ConfigError
    where a server does not start, RuntimeError where there is nothing to kill."""
    killed, stopped = list[Figures](), list[Figures]()
    about = {
        "command": command_of(arguments),
        "machine": describe(),
        "model": name_of(arguments),
        "streams": arguments.streams,
        "grace_s": arguments.grace,
    }
    with tempfile.TemporaryDirectory(prefix="rungwise-bench-") as folder:
        for _ in _measured(arguments, Path(folder), killed, stopped):
            write_compact(arguments.json, {**about, "killed": killed, "stopped": stopped})
    print(table(killed, stopped))
    return 0


def _measured(
    arguments: argparse.Namespace, folder: Path, killed: list[Figures], stopped: list[Figures]
) -> Iterator[None]:
    """Adds to both lists, server by server."""
    tier = engine_of(_loaded(arguments), folder)
    with _own(tier, folder, arguments.grace) as ours:
        killed.append(asyncio.run(_kill(ours, arguments)))
        yield
        stopped.append(asyncio.run(_stop(ours, arguments)))
    stopped[-1]["written_down"] = _written(folder / "life.db")
    yield
    with _vllms(tier, folder) as theirs:
        killed.append(asyncio.run(_kill(theirs, arguments)))
    yield
    for more in ((), ("--shutdown-timeout", f"{arguments.grace:.0f}")):
        try:
            with _vllms(tier, folder, *more) as theirs:
                stopped.append(asyncio.run(_stop(theirs, arguments)))
        except ConfigError as error:
            if not more:
                raise
            # versions differ in whether they know the flag
            stopped.append({"server": f"vllm {' '.join(more)}", "not_measured": str(error)})
        yield


def _loaded(arguments: argparse.Namespace) -> argparse.Namespace:
    return argparse.Namespace(**vars(arguments), concurrency=[arguments.streams])


# ---- the engine is killed --------------------------------------------------------------------


async def _kill(server: _Server, arguments: argparse.Namespace) -> Figures:
    held = arguments.streams // 2 if server.ladder else 0
    streams, following = await _open(server, arguments, held)
    core = _core_of(server.process.process.pid)
    seen = list[tuple[float, str]]()
    watch = asyncio.create_task(_watch(server, seen))
    os.kill(core, signal.SIGKILL)
    blow = time.perf_counter()
    await _until_ended(following)
    meanwhile = None
    if server.ladder is not None:
        status, told = await post(server.port, server.asks(server.ladder, 1))
        meanwhile = told["model"] if status == 200 else f"status {status}"
    back_s = await _back(server, blow)
    watch.cancel()
    return {
        "server": server.name,
        "load": os.getloadavg()[0],
        "streams": [_figures(stream, blow) for stream in streams],
        "meanwhile": meanwhile,
        "lives": server.process.process.poll() is None,
        "back_s": back_s,
        "exit_status": server.process.process.poll(),
        server.ready: [[at - blow, said] for at, said in seen],
    }


async def _back(server: _Server, blow: float) -> float | None:
    """Seconds until its engine answers again; None where it ends, or does not in time."""
    while time.perf_counter() - blow < BACK_S and server.process.process.poll() is None:
        if (await post(server.port, server.asks(server.model, 1)))[0] == 200:
            return time.perf_counter() - blow
        await asyncio.sleep(LOOK_S)
    return None


def _core_of(pid: int) -> int:
    """Raises RuntimeError where there is not just one engine below this process."""
    below = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    cores = [one for one in below if Path(f"/proc/{one}/comm").read_text().startswith(CORE)]
    if len(cores) != 1:
        raise RuntimeError(f"one process named {CORE}... was to be found, and {len(cores)} were")
    return cores[0]


# ---- the server is told to stop --------------------------------------------------------------


async def _stop(server: _Server, arguments: argparse.Namespace) -> Figures:
    streams, following = await _open(server, arguments, 0)
    seen = list[tuple[float, str]]()
    watch = asyncio.create_task(_watch(server, seen))
    process = server.process.process
    process.send_signal(signal.SIGTERM)
    blow = time.perf_counter()
    await asyncio.sleep(5 * LOOK_S)
    new, _ = await post(server.port, server.asks(server.model, 1))
    await _until_ended(following)
    with suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, END_S)
    ended_s = time.perf_counter() - blow
    watch.cancel()
    return {
        "server": server.name,
        "load": os.getloadavg()[0],
        "streams": [_figures(stream, blow) for stream in streams],
        "new_work": "connection refused" if new is None else f"status {new}",
        "exit_status": process.poll(),
        "ended_s": ended_s,
        server.ready: [[at - blow, said] for at, said in seen],
    }


def _written(ledger: Path) -> list[Figures]:
    """What our ledger says of the streams, in the end."""
    return [
        {
            "state": entry.state,
            "attempts": [
                {"tier": a.tier, "state": a.state, "tokens": a.usage.output} for a in entry.attempts
            ],
        }
        for entry in read_entries(ledger)
        if any(attempt.usage.output > 1 for attempt in entry.attempts)
    ]


# ---- both ------------------------------------------------------------------------------------


async def _open(
    server: _Server, arguments: argparse.Namespace, held: int
) -> tuple[list[Stream], list[asyncio.Task[None]]]:
    """So many streams, once all are under way; the first `held` of them by the ladder."""
    streams, following = list[Stream](), list[asyncio.Task[None]]()
    for number in range(arguments.streams):
        stream = Stream(own=server.shown, held=number < held, enough=UNDER_WAY)
        model = server.ladder if stream.held and server.ladder else server.model
        body = server.asks(model, arguments.max_tokens, number)
        streams.append(stream)
        following.append(asyncio.create_task(stream.follow(server.port, body)))
    async with asyncio.timeout(60):
        await asyncio.gather(*(stream.begun.wait() for stream in streams))
    if any(task.done() for task in following):
        raise RuntimeError("a stream ended before anything was done to it; use more --max-tokens")
    return streams, following


async def _until_ended(following: Sequence[asyncio.Task[None]]) -> None:
    """Or for so long: a server may leave its streams open for ever."""
    _, still = await asyncio.wait(following, timeout=END_S)
    for task in still:
        task.cancel()
    await asyncio.gather(*still, return_exceptions=True)


def _figures(stream: Stream, blow: float) -> Figures:
    return {
        "held": stream.held,
        "saw": stream.saw,
        "told": stream.told,
        "tokens": stream.tokens,
        "ended_s": stream.ended - blow,
    }


async def _watch(server: _Server, seen: list[tuple[float, str]]) -> None:
    """What it says of itself, until it is cancelled: each change, and when."""
    while True:
        said = _said(*await get(server.port, server.ready))
        if not seen or seen[-1][1] != said:
            seen.append((time.perf_counter(), said))
        await asyncio.sleep(LOOK_S)


def _said(status: int | None, told: Any) -> str:
    """With the rungs that can answer, where there are rungs."""
    if status is None:
        return "no connection"
    tiers = told.get("tiers") if isinstance(told, dict) else None
    return str(status) if tiers is None else f"{status} ({', '.join(tiers) or 'no rung'})"


# ---- the servers -----------------------------------------------------------------------------


@contextmanager
def _own(tier: VllmTierConfig, folder: Path, grace_s: float) -> Iterator[_Server]:
    port, above = free_port(), free_port()
    tier2 = {
        "name": "tier2",
        "kind": "openai",
        "model": FIXED,
        "base_url": f"http://127.0.0.1:{above}/v1",
        "api_key_env": KEY_ENV,
    }
    document = {
        "server": {"port": port, "grace_s": grace_s, "heartbeat_s": LOOK_S},
        "ledger": {"path": str(folder / "life.db")},
        "box": {"state": str(folder / "state")},
        "tiers": [tier.model_dump(mode="json", exclude_none=True), tier2],
        # held to its end, whatever it says
        "gates": [{"tier": tier.name, "accept": "checked", **dict.fromkeys(WORDS, False)}],
    }
    config = folder / "life.yaml"
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    upstream = ["rungwise.lab.bench.fixed_upstream", "--port", str(above)]
    command = ["rungwise", "serve", "--config", str(config)]
    with (
        child(upstream, folder / "upstream.log") as rung,
        child(command, folder / "serve.log", {KEY_ENV: "none"}) as process,
    ):
        rung.wait_for(f"http://127.0.0.1:{above}/")
        process.wait_for(f"http://127.0.0.1:{port}/readyz")
        yield _Server(
            name="rungwise",
            port=port,
            ready="/readyz",
            model=tier.name,
            shown=tier.shown_model,
            ladder="auto",
            process=process,
        )


@contextmanager
def _vllms(tier: VllmTierConfig, folder: Path, *more: str) -> Iterator[_Server]:
    port = free_port()
    command = ["vllm.entrypoints.openai.api_server", "--port", str(port), "--host", "127.0.0.1"]
    command += [*engine_flags(tier), "--disable-uvicorn-access-log", *more]
    with child(command, folder / "vllm.log") as process:
        process.wait_for(f"http://127.0.0.1:{port}/health")
        yield _Server(
            name=" ".join(("vllm", *more)),
            port=port,
            ready="/health",
            model=tier.shown_model,
            shown=tier.shown_model,
            ladder=None,
            process=process,
        )
