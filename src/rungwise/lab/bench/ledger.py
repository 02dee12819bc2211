"""How long does it take to look at a large ledger? Millions of entries of two weeks, and each thing
that the page, or a report, asks of them."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rungwise.ledger.lines import Group
from rungwise.types import Attempt, Baseline, Confidence, Entry, Outcome, StepType, Usage

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["drawn", "fill", "measure_ledger"]

Took: TypeAlias = tuple[float, float]
"""Seconds, and those of them in which a processor worked at it."""

DAYS = 14
BATCH = 20_000
ROUTES = ("auto", "auto:planning", "auto:code_generation", "tier3")
KEYS = 20
REPORTS: tuple[tuple[Group, ...], ...] = (
    ("route",),
    ("step_type",),
    ("key",),
    ("day",),
    ("route", "step_type"),
    ("key", "day"),
)


def measure_ledger(arguments: argparse.Namespace) -> dict[str, object]:
    """Fills a SQLite ledger in a temporary folder with `--entries`, drawn with a fixed seed, and
    reads everything `--rounds` times. A report is from opening the file to the last line; what the
    page asks for is read as the server does, from a database that is open. `processor_s` is what
    the median look took of a processor: on a busy machine the rest is waiting for one."""
    with tempfile.TemporaryDirectory(prefix="rungwise-bench-") as folder:
        place = Path(folder) / "ledger.db"
        begun = time.perf_counter()
        fill(place, arguments.entries)
        filled_s = time.perf_counter() - begun
        rounds = range(arguments.rounds)
        reports = {",".join(by): [_timed(place, by) for _ in rounds] for by in REPORTS}
        looks = _looked(place, arguments.rounds)
        size = place.stat().st_size
    told = {"reports": _summed(reports), "looks": _summed(looks)}
    return {
        "entries": arguments.entries,
        "days": DAYS,
        "file_gib": round(size / 2**30, 2),
        "filled_per_s": round(arguments.entries / filled_s),
        **told,
        "report_s": max(one["median_s"] for one in told["reports"].values()),
        "report_processor_s": max(one["processor_s"] for one in told["reports"].values()),
        "look_s": max(one["median_s"] for one in told["looks"].values()),
        "look_processor_s": max(one["processor_s"] for one in told["looks"].values()),
    }


def _summed(taken: Mapping[str, list[Took]]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "median_s": _median([took for took, _ in times]),
            "most_s": max(took for took, _ in times),
            "processor_s": _median([busy for _, busy in times]),
        }
        for name, times in taken.items()
    }


def _median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def _looks(now: float) -> Mapping[str, Callable[[Connection], Any]]:
    """What the page asks for, by what it is called in the figures."""
    from rungwise.ledger.listing import Place, Sought, glances
    from rungwise.ledger.reliability import reliability
    from rungwise.ledger.report import report
    from rungwise.ledger.series import WINDOWS, Stretch, latencies, series

    half = Place(at=now - DAYS * 43_200, id="")
    lists = {
        "answers": Sought(),
        "answers, half way back": Sought(before=half),
        "answers of a key": Sought(caller="key3"),
        "wrong answers": Sought(outcome="wrong"),
        "wrong answers of a key": Sought(caller="key3", outcome="wrong"),
        "answers of a task": Sought(task="task-77"),
        "answers of a route and rung that are rare": Sought(route="tier3", tier="tier2"),
        "answers that do not exist": Sought(state="lost"),
    }
    told: dict[str, Callable[[Connection], Any]] = {}
    for window in WINDOWS:
        told[f"series {window}"] = partial(series, sought=Stretch(window=window, now=now))
        told[f"latencies {window}"] = partial(
            latencies, sought=Stretch(window=window, now=now), shares=(0.5, 0.95)
        )
    own = Stretch(window="2w", now=now, caller="key3")
    told["series 2w of a key"] = partial(series, sought=own)
    for name, sought in lists.items():
        told[name] = partial(glances, sought=sought)
    for by in REPORTS:
        told[f"figures by {','.join(by)}"] = partial(report, by=by)
    told["figures by route of a key"] = partial(report, by=("route",), caller="key3")
    told["calibrations"] = reliability
    return told


def _looked(place: Path, rounds: int) -> dict[str, list[Took]]:
    from rungwise.store.database import Database

    database = Database(place)
    database.open()
    try:
        return {
            name: [_took(partial(database.read, job)) for _ in range(rounds)]
            for name, job in _looks(time.time()).items()
        }
    finally:
        database.close()


def _took(job: Callable[[], Any]) -> Took:
    begun, busy = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - begun, time.process_time() - busy


def drawn(count: int, *, begin: float, seed: int = 7) -> Iterator[Entry]:
    """Steps as two weeks of agents might leave them: a third climbs, one in twenty has an outcome,
    half are steps of a task of five."""
    chance = random.Random(seed)
    step_types = tuple(StepType)
    for number in range(count):
        climbed, cost = chance.random() < 1 / 3, chance.randrange(10_000, 2_000_000)
        latency = chance.lognormvariate(0.0, 0.8)
        low = _attempt("tier1", "abandoned" if climbed else "released", 20_000, latency / 2)
        low = replace(low, confidence=Confidence(probability=chance.random(), calibration="c"))
        high = (_attempt("tier3", "released", cost, latency),) if climbed else ()
        yield Entry(
            id=f"req_{number:024x}",
            at=begin + DAYS * 86_400 * number / count,
            caller=f"key{chance.randrange(KEYS)}",
            route=chance.choice(ROUTES),
            step_type=chance.choice(step_types),
            plan_why="drawn",
            attempts=(low, *high),
            state="answered",
            first_byte_s=latency / 2,
            latency_s=latency,
            stream=number % 2 == 0,
            outcome=Outcome(right=chance.random() < 0.96) if number % 20 == 0 else None,
            task=f"task-{number // 5}" if number // 5 % 2 else None,
            baselines=(
                Baseline(tier="tier2", nano=cost // 3),
                Baseline(tier="tier3", nano=cost),
            ),
        )


def _attempt(tier: str, state: str, cost: int, ended_s: float) -> Attempt:
    return Attempt(
        tier=tier,
        model=f"model-of-{tier}",
        state=state,  # type: ignore[arg-type]
        reason="drawn",
        usage=Usage(input=400, cache_read=800, output=120),
        cost_nano=cost,
        started_s=0.0,
        first_piece_s=ended_s / 2,
        ended_s=ended_s,
        engine_s=0.05 if tier == "tier1" else None,
        uncached_nano=None if tier == "tier1" else cost * 2,
    )


def fill(place: Path, count: int) -> None:
    from tqdm import tqdm

    from rungwise.ledger.sql import SqlLedger
    from rungwise.store.database import Database
    from rungwise.store.sql import Store

    database, ledger = Database(place), SqlLedger(Store(place))
    database.open()
    try:
        with tqdm(total=count, unit="entry", mininterval=1) as bar:
            for batch in _batches(drawn(count, begin=time.time() - DAYS * 86_400)):
                (fault,) = database.write([partial(ledger.insert, entries=batch)])
                if fault is not None:
                    raise fault
                bar.update(len(batch))
    finally:
        database.close()


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _timed(place: Path, by: tuple[Group, ...]) -> Took:
    from rungwise.ledger.report import read_report

    return _took(partial(read_report, place, by))
