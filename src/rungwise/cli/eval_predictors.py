"""Which predictor of difficulty is best? `rungwise eval predictors`, on recorded ladders."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rungwise.cli.eval_routing import add_data, check_learning, read_sets
from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument("--rounds", type=int, default=5, help="how often the folds are dealt")
    parser.add_argument("--workers", type=int, help="processes that fit at once (one a core)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there, PNG")


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.lab.calibration.plots import check_matplotlib
    from rungwise.lab.machine import describe
    from rungwise.lab.predictors.compare import compare, fits

    check_learning()
    rounds = arguments.rounds
    workers = len(os.sched_getaffinity(0)) if arguments.workers is None else arguments.workers
    for name, value in (("rounds", rounds), ("workers", workers)):
        if value < 1:
            raise ConfigError(f"--{name}: must be 1 or more, not {value}")
    check_writable(json=arguments.json, plot=arguments.plot)
    if arguments.plot is not None:
        check_matplotlib()
    sets = read_sets(arguments)
    with tqdm(total=fits(sets, rounds), desc="folds", mininterval=0.5, leave=False) as bar:
        found = compare(sets, bar.update, rounds=rounds, workers=workers)
    print("\n".join(found.as_lines()))
    about = {"command": "rungwise eval predictors", "machine": describe()}
    write_json(arguments.json, {**about, **found.as_json()})
    if arguments.plot is not None:
        found.plot(arguments.plot)
    return 0
