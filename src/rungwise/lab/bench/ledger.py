"""How long does a report take on a large ledger? Millions of entries, one month, one report."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rungwise.ledger.lines import Group
from rungwise.types import Attempt, Baseline, Entry, Outcome, StepType, Usage

__all__ = ["drawn", "measure_ledger"]

DAYS = 30
BATCH = 20_000
ROUTES = ("auto", "auto:planning", "auto:code_generation", "tier3")
KEYS = 20
REPORTS: tuple[tuple[Group, ...], ...] = (
    ("route",),
    ("step_type",),
    ("key",),
    ("day",),
    ("route", "step_type"),
)


def measure_ledger(arguments: argparse.Namespace) -> dict[str, object]:
    """Fills a SQLite ledger in a temporary folder with `--entries`, drawn with a fixed seed, and
    reads every kind of report `--rounds` times. Each is from opening the file to the last line."""
    with tempfile.TemporaryDirectory(prefix="rungwise-bench-") as folder:
        place = Path(folder) / "ledger.db"
        begun = time.perf_counter()
        _fill(place, arguments.entries)
        filled_s = time.perf_counter() - begun
        taken = {
            ",".join(by): [_timed(place, by) for _ in range(arguments.rounds)] for by in REPORTS
        }
        size = place.stat().st_size
    reports = {
        by: {"median_s": sorted(times)[len(times) // 2], "most_s": max(times)}
        for by, times in taken.items()
    }
    return {
        "entries": arguments.entries,
        "days": DAYS,
        "file_gib": round(size / 2**30, 2),
        "filled_per_s": round(arguments.entries / filled_s),
        "reports": reports,
        "report_s": max(told["median_s"] for told in reports.values()),
    }


def drawn(count: int, *, begin: float, seed: int = 7) -> Iterator[Entry]:
    """Steps as a month of agents might leave them: a third climbs, one in twenty has an outcome."""
    chance = random.Random(seed)
    step_types = tuple(StepType)
    for number in range(count):
        climbed, cost = chance.random() < 1 / 3, chance.randrange(10_000, 2_000_000)
        latency = chance.lognormvariate(0.0, 0.8)
        low = _attempt("tier1", "abandoned" if climbed else "released", 20_000, latency / 2)
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


def _fill(place: Path, count: int) -> None:
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


def _timed(place: Path, by: tuple[Group, ...]) -> float:
    from rungwise.ledger.report import read_report

    begun = time.perf_counter()
    read_report(place, by)
    return time.perf_counter() - begun
