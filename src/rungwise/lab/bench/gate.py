"""What does the gate cost? Our server with the gate on against off, beside the engine's own loss.

Three pairs, interleaved in one run: the same server with pinned requests (off) and judged ones
(on), and the bare engine without and with log-probabilities. The gate's own cost is what the first
loses beyond the second. Then, with a real calibration: how long a stream is held.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rungwise.config import VllmTierConfig
from rungwise.counted import percentile
from rungwise.lab.bench import by_round
from rungwise.lab.bench.load import Asked, Round, ask, load
from rungwise.lab.bench.served import Server, bodies, engine_of, name_of, own, prose
from rungwise.lab.chats import chat_of
from rungwise.lab.machine import describe
from rungwise.tiers.local.vllm import VllmTier

__all__ = ["bench_gate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Requests per second, by round, of the four things that are compared."""

    concurrency: int
    stream: bool
    off: tuple[float, ...]
    on: tuple[float, ...]
    bare: tuple[float, ...]
    reading: tuple[float, ...]

    def as_json(self) -> dict[str, object]:
        gate = by_round.ratio(self.on, self.off)
        engine = by_round.ratio(self.reading, self.bare)
        beyond = by_round.ratio(_ratios(self.on, self.off), _ratios(self.reading, self.bare))
        return {
            "concurrency": self.concurrency,
            "stream": self.stream,
            "rps": gate[0],
            "rps_interval": gate[1:],
            "engine_rps": engine[0],
            "engine_rps_interval": engine[1:],
            "beyond_engine": beyond[0],
            "beyond_engine_interval": beyond[1:],
            "off_rps": sum(self.off) / len(self.off),
            "rounds": len(self.on),
        }


def bench_gate(arguments: argparse.Namespace) -> int:
    """Measure and print. Raises RuntimeError, ConfigError or TierError where it cannot."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rungwise-bench-")))
        tier = engine_of(arguments, folder)
        with own(tier, folder) as (off, on):
            points = asyncio.run(_measure(tier, off, on, arguments))
        held: dict[str, object] | None = None
        if arguments.calibration is not None and not arguments.random_weights:
            served = tier.model_copy(update={"served_as": arguments.served_as})
            with own(served, folder, arguments.calibration.resolve()) as (off, on):
                held = asyncio.run(_held(off, on, arguments))
    ratios = [point.as_json() for point in points]
    print(_table(ratios))
    if held is not None:
        print(_told(held))
    if arguments.json is not None:
        about = {
            "command": "rungwise bench gate",
            "machine": describe(),
            "model": name_of(arguments),
            "max_tokens": arguments.max_tokens,
        }
        document = {**about, "ratios": ratios, **({"held": held} if held else {})}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0


# ---- requests per second ---------------------------------------------------------------------


async def _measure(
    config: VllmTierConfig, off: Server, on: Server, arguments: argparse.Namespace
) -> list[Point]:
    from tqdm import tqdm

    tier = VllmTier(config)
    await tier.start()
    points = [(c, stream) for c in arguments.concurrency for stream in (False, True)]
    try:
        with tqdm(total=len(points) * arguments.rounds, unit="round", mininterval=1) as bar:
            return [await _point(tier, off, on, c, s, arguments, bar.update) for c, s in points]
    finally:
        await tier.stop()


async def _point(
    tier: VllmTier,
    off: Server,
    on: Server,
    concurrency: int,
    stream: bool,
    arguments: argparse.Namespace,
    progress: object,
) -> Point:
    steps = prose(96)
    chats = [chat_of(step, max_tokens=arguments.max_tokens) for step in steps]
    asked = {s.name: bodies(s, stream, arguments.max_tokens, steps) for s in (off, on)}
    trial = await _load(off, asked["off"], concurrency, 3 * concurrency)
    count = max(1, round(trial.rps * float(arguments.seconds) / concurrency)) * concurrency
    prompts = [chats[i % len(chats)] for i in range(count)]
    found: dict[str, list[float]] = {name: [] for name in ("off", "on", "bare", "reading")}
    for _ in range(arguments.rounds):
        for server in (off, on):
            done = await _load(server, asked[server.name], concurrency, count)
            found[server.name].append(done.rps)
        for name, read in (("bare", False), ("reading", True)):
            start = time.perf_counter()
            await tier.bare(prompts, concurrency=concurrency, read=read)
            found[name].append(count / (time.perf_counter() - start))
        assert callable(progress)
        progress()
    rounds = {name: tuple(values) for name, values in found.items()}
    return Point(concurrency=concurrency, stream=stream, **rounds)


async def _load(server: Server, asked: Sequence[bytes], concurrency: int, count: int) -> Round:
    return await load("127.0.0.1", server.port, asked, concurrency=concurrency, requests=count)


def _ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=True)]


def _table(ratios: Sequence[dict[str, object]]) -> str:
    lines = ["concurrency  stream  gate on / off [95 %]    engine reading / not  beyond the engine"]
    for row in ratios:
        cells = [_cell(row[name], row[f"{name}_interval"]) for name in ("rps", "engine_rps")]
        beyond = _cell(row["beyond_engine"], row["beyond_engine_interval"])
        lines.append(
            f"{row['concurrency']:>11}  {row['stream']!s:<6}  {'  '.join(cells)}  {beyond}"
        )
    return "\n".join(lines)


def _cell(value: object, interval: object) -> str:
    assert isinstance(value, float) and isinstance(interval, tuple)
    return by_round.shown((value, *interval))


# ---- how long a stream is held ---------------------------------------------------------------


async def _held(off: Server, on: Server, arguments: argparse.Namespace) -> dict[str, object]:
    """Each step as a stream, unjudged and judged, one after the other; only what the local rung
    answered under the gate counts."""
    from tqdm import tqdm

    steps = prose(arguments.streams)
    pairs: list[_Pair] = []
    unjudged, judged = (bodies(s, True, arguments.max_tokens, steps) for s in (off, on))
    with tqdm(total=len(steps), unit="stream", mininterval=1) as bar:
        for step, first, second in zip(steps, unjudged, judged, strict=True):
            free = await ask("127.0.0.1", off.port, first)
            held = await ask("127.0.0.1", on.port, second)
            if free.status == held.status == 200:
                pairs.append(_Pair(step.step_type, free, held))
            bar.update()
    if not pairs:
        raise RuntimeError("the gate accepted no stream, so nothing could be measured")
    types = sorted({pair.step_type for pair in pairs})
    own_types = {t: _shares([p for p in pairs if p.step_type == t]) for t in types}
    return {"streams": len(steps), **_shares(pairs), "by_step_type": own_types}


@dataclass(frozen=True, slots=True)
class _Pair:
    step_type: str
    free: Asked
    held: Asked

    @property
    def added_s(self) -> float:
        return self.held.first_s - self.free.first_s


def _shares(pairs: Sequence[_Pair]) -> dict[str, object]:
    added = [pair.added_s for pair in pairs]
    shares = [pair.added_s / pair.free.latency_s for pair in pairs]
    early = sum(pair.held.first_s < 0.9 * pair.held.latency_s for pair in pairs)
    return {
        "accepted": len(pairs),
        "added_first_byte_ms": {q: _quantile(added, q, 1000) for q in ("p50", "p95")},
        "share_of_own_duration": {q: _quantile(shares, q) for q in ("p50", "p95")},
        "left_before_their_end": early / len(pairs),
    }


def _quantile(values: Sequence[float], name: str, scale: float = 1.0) -> float:
    found = percentile(values, int(name[1:]) / 100)
    assert found is not None
    return found * scale


def _told(held: dict[str, object]) -> str:
    share, added = held["share_of_own_duration"], held["added_first_byte_ms"]
    assert isinstance(share, dict) and isinstance(added, dict)
    return (
        f"held streams: {held['accepted']} of {held['streams']} accepted; first byte later by "
        f"{added['p50']:.0f} ms (p50), which is {share['p50']:.0%} of the draft's own duration; "
        f"{held['left_before_their_end']:.0%} left before they were finished"
    )
