"""Which policy gives most for its cost? `rungwise eval routing`, on recorded ladders."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.lab.ladders.rows import RecordedLadder
    from rungwise.lab.routing.evaluate import Options, SetFigures

__all__ = ["add_arguments", "add_data", "check_learning", "listed", "read_sets", "run"]

DATA = Path("models/router/demo.test.jsonl.gz")
TRAIN = Path("models/router/demo.recorded.jsonl.gz")
AS_IT_IS = "-"
LEAST = {"folds": 2, "rounds": 1, "resamples": 1, "seed": 0, "second_usd": 0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument(
        "--train",
        type=Path,
        action="append",
        metavar="FILE",
        help="learn on this file, and not on other folds of the same one: one for all of --data, "
        f"or one for each (without --data: {TRAIN})",
    )
    parser.add_argument("--prices", type=Path, metavar="FILE", help="rung -> {input, output}, YAML")
    parser.add_argument("--policies", type=listed, metavar="A,B", help="which ones (all)")
    parser.add_argument(
        "--second-usd", type=float, default=0.0, help="what a second of waiting costs"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often the folds are dealt; not with --train"
    )
    parser.add_argument("--resamples", type=int, default=1000, help="for the intervals")
    parser.add_argument(
        "--by-row", action="store_true", help="intervals over steps, and not over their groups"
    )
    parser.add_argument("--seed", type=int, default=0, help="of folds and resamples")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves there, PNG")
    parser.add_argument("--html", type=Path, metavar="FILE", help="one page with all of it")


def check_learning() -> None:
    """Raises ConfigError where nothing can be learned: before long work, not after it."""
    if find_spec("sklearn") is None:
        raise ConfigError("scikit-learn is not installed; install rungwise[lab]")


def listed(text: str) -> tuple[str, ...]:
    """What stands between the commas."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise argparse.ArgumentTypeError("name at least one")
    return found


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        metavar="FILE",
        help=f"what every rung answered, JSONL; may be given again ({DATA})",
    )
    parser.add_argument(
        "--ladder",
        type=listed,
        action="append",
        metavar="A,B,C",
        help="the rungs, lowest first: one for all files, or one for each, `-` for a file's own",
    )


def run(arguments: argparse.Namespace) -> int:
    from rungwise.lab.machine import describe
    from rungwise.lab.pictures import check_matplotlib
    from rungwise.lab.routing.report import as_json, as_lines

    check_learning()
    options = _options(arguments)
    check_writable(json=arguments.json, plot=arguments.plot, html=arguments.html)
    if arguments.plot is not None:
        check_matplotlib()
    found = []
    for data, train in _sets(arguments):
        found.append(_evaluated(data, train, options))
        print("\n".join(as_lines(found[-1])), end="\n\n")
    print(
        "means over the dealings of folds; [low, high] are 95 % bootstrap intervals over steps and "
        "dealings; APGR and CPT by calls as RouteLLM has them, by cost over the axis from the "
        f"lowest to the highest rung alone; seed {options.seed}"
    )
    about = {"command": "rungwise eval routing", "machine": describe(), "seed": options.seed}
    write_json(arguments.json, {**about, **as_json(found)})
    _draw(arguments, found)
    return 0


def _evaluated(data: RecordedLadder, train: RecordedLadder | None, options: Options) -> SetFigures:
    from tqdm import tqdm

    from rungwise.lab.routing.curves import NoAxis
    from rungwise.lab.routing.evaluate import evaluate, work
    from rungwise.lab.routing.fitted import fit_columns
    from rungwise.lab.training.fit import TooLittle

    total = work(train is not None, options)
    with tqdm(total=total, desc=data.name, mininterval=0.5, leave=False) as bar:
        try:
            return evaluate(data, fit_columns, options, train=train, progress=bar.update)
        except (TooLittle, NoAxis) as error:
            raise ConfigError(f"{data.name}: {error}") from None


def _draw(arguments: argparse.Namespace, found: Sequence[SetFigures]) -> None:
    from rungwise.lab.pages import write_page
    from rungwise.lab.routing.drawn import picture_of
    from rungwise.lab.routing.page import routing_page
    from rungwise.lab.routing.plots import plot_routing

    if arguments.plot is not None:
        plot_routing(arguments.plot, [picture_of(one) for one in found])
    if arguments.html is not None:
        write_page(arguments.html, routing_page(found))


def read_sets(arguments: argparse.Namespace) -> list[RecordedLadder]:
    """What --data and --ladder name. Raises ConfigError."""
    from rungwise.lab.ladders.data import read_ladder

    files = arguments.data or [DATA]
    told = arguments.ladder or [[AS_IT_IS]]
    if len(told) not in (1, len(files)):
        raise ConfigError(f"--ladder: one for all, or one for each of {len(files)} files")
    ladders = told * len(files) if len(told) == 1 else told
    sets = [
        read_ladder(file, None if list(ladder) == [AS_IT_IS] else ladder)
        for file, ladder in zip(files, ladders, strict=True)
    ]
    known = [data.name for data in sets]
    if len(set(known)) < len(known):
        raise ConfigError(f"--data: two files with one name: {', '.join(known)}; rename one")
    return sets


def _sets(arguments: argparse.Namespace) -> list[tuple[RecordedLadder, RecordedLadder | None]]:
    """Each set, and what is learned on; None: on the set itself."""
    from rungwise.lab.ladders.costs import priced, read_prices
    from rungwise.lab.ladders.data import read_ladder

    prices = None if arguments.prices is None else read_prices(arguments.prices)
    sets = [priced(data, prices) for data in read_sets(arguments)]
    files = arguments.train or ([] if arguments.data else [TRAIN])
    if not files:
        return [(data, None) for data in sets]
    if len(files) not in (1, len(sets)):
        raise ConfigError(f"--train: one for all, or one for each of {len(sets)} files")
    if len(files) < len(sets) and len({data.tiers for data in sets}) > 1:
        raise ConfigError("--train: the files of --data have different rungs; ask for one")
    each = files * len(sets) if len(files) < len(sets) else files
    found: list[tuple[RecordedLadder, RecordedLadder | None]] = []
    for data, file in zip(sets, each, strict=True):
        train = priced(read_ladder(file, data.tiers), prices)
        found.append((data.without(train), train))
    return found


def _options(arguments: argparse.Namespace) -> Options:
    from rungwise.lab.routing.evaluate import POLICIES, Options

    chosen = tuple(arguments.policies or POLICIES)
    for name in chosen:
        if name not in POLICIES:
            raise ConfigError(f"--policies: no policy {name!r}; known: {', '.join(POLICIES)}")
    for name, least in LEAST.items():
        value = getattr(arguments, name)
        if not least <= value < float("inf"):
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag}: must be {least} or more, not {value}")
    return Options(
        policies=chosen,
        second_usd=arguments.second_usd,
        folds=arguments.folds,
        rounds=arguments.rounds,
        resamples=arguments.resamples,
        by_row=arguments.by_row,
        seed=arguments.seed,
    )
