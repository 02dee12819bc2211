"""What does a GPU say? All figures that need one, in parts that share a time.

Each part is a command of its own, writes its figures as they come, and may fail without the others.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import shlex
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rungwise.lab.bench.compact import write_compact
from rungwise.lab.bench.gpu_summary import summary, told
from rungwise.lab.bench.shapes import SHAPES
from rungwise.lab.children import leaving_in_order
from rungwise.lab.machine import describe

__all__ = ["Part", "main", "measure", "parts_of", "times"]

QUIET_S = 20.0
"""After so long without a line of its own, a part is said to be still at work."""
OVERTIME_S = 60.0
"""What was begun in time may end after it; then the part is stopped."""
STOP_S = 40.0
"""For a part that is stopped to stop its engines; then it is killed."""
KILL_S = 5.0
"""For a part that is killed to be gone, and for the rest."""
NO_TIME = "not begun: no time was left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    weight: float
    """Its share of the time, among the parts that are left."""
    arguments: tuple[str, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1 where a part failed; what the others found is there all the same."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.tiny and arguments.model:
        parser.error("--tiny makes a shape small, and --model has weights of its own")
    if (fault := _fault(arguments)) is not None:
        parser.error(fault)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    with leaving_in_order():
        return asyncio.run(measure(parts_of(arguments), out, 60.0 * arguments.minutes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/gpu-figures",
        description="Measure this server and its engine on this machine's GPU: against vLLM's own "
        "server, the gate's log-probabilities, a shared prefix, early stops, energy.",
    )
    parser.add_argument(
        "--out", type=Path, default=Path(".build/gpu-figures"), help="the folder for all files"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=14.0,
        help="at most, for all of it, stopping included; 12 and more for an 8B model",
    )
    parser.add_argument("--shape", choices=tuple(SHAPES), default="qwen3-8b", help="random weights")
    parser.add_argument("--model", help="a model's folder: real weights instead")
    parser.add_argument("--kv-cache-gib", type=float, default=14.0, help="of each of two engines")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="try it without a GPU: the shape in small, and few requests, at 1 and 4 at a time",
    )
    return parser


def _fault(arguments: argparse.Namespace) -> str | None:
    """What no part could do anything with: told before the first begins."""
    least = (OVERTIME_S + STOP_S + KILL_S) / 60
    if not least < arguments.minutes < math.inf:
        return f"--minutes: must be a number above {least:.2f}, not {arguments.minutes}"
    if not 0 < arguments.kv_cache_gib < math.inf:
        return f"--kv-cache-gib: must be a number above 0, not {arguments.kv_cache_gib}"
    if min(arguments.concurrency) < 1:
        return f"--concurrency: must be 1 or more, not {min(arguments.concurrency)}"
    return None


# ---- what is measured ------------------------------------------------------------------------


def parts_of(arguments: argparse.Namespace) -> tuple[Part, ...]:
    """The rung first: one engine, and it leaves what it compiled to the others."""
    model = ["--model", arguments.model] if arguments.model else []
    model += [] if arguments.model else ["--random-weights", arguments.shape]
    rung, engine = _TINY if arguments.tiny else _whole(arguments)
    return (
        Part(name="rung", weight=0.4, arguments=("rung", *model, *rung)),
        Part(name="engine", weight=0.6, arguments=("engine", *model, *engine)),
    )


def _whole(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    shared = ["--compiled", "--kv-cache-gib", str(arguments.kv_cache_gib), "--max-tokens", "128"]
    rung = "--max-model-len 8192 --prefix-tokens 4000 --look-tokens 2000"
    # 5 rounds are the least that tell an interval; turns are shortened, and points left out, so
    # that those that are begun have them
    engine = (
        "--max-model-len 4096 --prompt-tokens 256 --rounds 8 --seconds 1 --answers stream whole"
    )
    at_once = ["--concurrency", *map(str, arguments.concurrency)]
    return (
        [*shared, *rung.split(), *"--concurrency 64 --rounds 5".split()],
        [*shared, *engine.split(), *at_once],
    )


_TINY = (
    "--tiny --max-tokens 16 --concurrency 4 --rounds 5 --seconds 0.2 "
    "--prefix-tokens 600 --look-tokens 200".split(),
    "--tiny --max-tokens 16 --concurrency 1 4 --rounds 5 --seconds 0.2 --prompt-tokens 64 "
    "--answers stream whole".split(),
)


# ---- one part after the other ----------------------------------------------------------------


async def measure(parts: Sequence[Part], out: Path, seconds: float) -> int:
    """Every part gets its share of what is left: what one does not need is the next ones', and what
    one takes too much they lack. After `seconds` all of it is over."""
    begin, ends = time.perf_counter(), dict[str, str]()
    end = begin + seconds
    files = {part.name: out / f"{part.name}.json" for part in parts}
    for file in files.values():
        file.unlink(missing_ok=True)  # of an earlier run
    about = {"command": "scripts/gpu-figures", "minutes": seconds / 60, "machine": describe()}
    for number, part in enumerate(parts):
        now = time.perf_counter()
        within, stop = times(parts[number:], now, end)
        ends[part.name] = await _run(part, out, within, stop) if now < stop else NO_TIME
        print(f"{part.name}: {ends[part.name]}", flush=True)
        found = summary(files)
        took = round(time.perf_counter() - begin)
        write_compact(
            out / "summary.json", {**about, "took_s": took, "parts": ends, "figures": found}
        )
    print(told(found))
    return int(any(not end.startswith("done") for end in ends.values()))


def times(parts: Sequence[Part], now: float, end: float) -> tuple[float, float]:
    """For how many seconds the first of these parts may begin something, and when it is stopped:
    so early that all of it is over by `end`, however long stopping takes."""
    left = end - OVERTIME_S - STOP_S - KILL_S - now
    within = max(1.0, left * parts[0].weight / sum(part.weight for part in parts))
    return within, min(now + within + OVERTIME_S, end - STOP_S - KILL_S)


async def _run(part: Part, out: Path, seconds: float, stop: float) -> str:
    """How it ended, in one line. What it says is passed on; what else is said goes to its log."""
    figures, log = out / f"{part.name}.json", out / f"{part.name}.log"
    command = ["bench", *part.arguments, "--within", f"{seconds:.0f}", "--json", str(figures)]
    command += ["--plot", str(out / f"{part.name}.png")] if _plots(part) else []
    print(f"{part.name}: rungwise {shlex.join(command)}", flush=True)
    begin = time.perf_counter()
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "rungwise", *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            process_group=0,
        )
        try:
            in_time = await _listen(process, part.name, begin, stop)
        finally:
            await _stop(process)
    took = f"{time.perf_counter() - begin:.0f} s"
    if not in_time:
        found = f"what it had found is in {figures.name}" if figures.exists() else "nothing found"
        return f"stopped after {took}; {found}"
    if process.returncode:
        return f"failed after {took}: {_last_line(log)}"
    return f"done in {took}"


def _plots(part: Part) -> bool:
    from importlib.util import find_spec

    return part.arguments[0] == "engine" and find_spec("matplotlib") is not None


async def _listen(
    process: asyncio.subprocess.Process, name: str, begin: float, stop: float
) -> bool:
    """Until it ends, or its time does."""
    assert process.stdout is not None
    while (left := stop - time.perf_counter()) > 0:
        try:
            line = await asyncio.wait_for(process.stdout.readline(), min(QUIET_S, left))
        except TimeoutError:
            print(f"{name}: at work for {time.perf_counter() - begin:.0f} s", flush=True)
            continue
        if not line:
            return await _within(left, process.wait())
        print(line.decode(errors="replace").rstrip("\n"), flush=True)
    return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    """It and all that it started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await _within(STOP_S, process.wait())
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await _within(KILL_S, process.wait())


async def _within(seconds: float, waiting: Coroutine[object, object, object]) -> bool:
    """Whether it came about in time."""
    with suppress(TimeoutError):
        await asyncio.wait_for(waiting, seconds)
        return True
    return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    sys.exit(main())
