"""How is a predictor of difficulty learnt? From recorded steps, or from the ledger's outcomes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli import label_share
from rungwise.cli.days import end
from rungwise.cli.eval_routing import check_learning, listed
from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.lab.training.examples import Examples
    from rungwise.lab.training.train import Options, Trained

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_argument_group("source").add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="what every rung made of the same steps, JSONL",
    )
    source.add_argument(
        "--ledger",
        metavar="PLACE",
        help="a SQLite file, an address of Postgres, or a configuration (.yaml): its entries with "
        "an outcome and a sketch (routing.keep_sketches)",
    )
    parser.add_argument(
        "--until",
        type=date.fromisoformat,
        metavar="DATE",
        help="of a ledger, the entries up to this day: `rungwise replay --since` the next one",
    )
    parser.add_argument(
        "--ladder",
        type=listed,
        metavar="A,B,C",
        help="the rungs, lowest first; else those of the data or of the configuration",
    )
    parser.add_argument("--folds", type=int, default=5, help="of the cross-validation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--least", type=int, help="labels that each rung must have, a tenth of either kind (100)"
    )
    label_share.add_option(parser)
    written = parser.add_argument_group("written")
    written.add_argument("--out", type=Path, metavar="FILE", help="the predictor, JSON")
    written.add_argument(
        "--report", type=Path, metavar="DIR|FILE.html", help="pictures, as PNG or on one page"
    )
    written.add_argument("--json", type=Path, metavar="FILE", help="the figures")


def run(arguments: argparse.Namespace) -> int:
    from rungwise.lab.training.told import as_lines
    from rungwise.lab.training.train import check_enough, fits, train

    options = _options(arguments)
    _check(arguments)
    examples = _examples(arguments)
    check_enough(examples, options)
    with _bar("fits", fits(options)) as progress:
        trained = train(examples, options, progress)
    print("\n".join(as_lines(trained.report)))
    _write(arguments, trained)
    return 0


def _options(arguments: argparse.Namespace) -> Options:
    from rungwise.lab.training.train import LEAST, Options

    if arguments.folds < 2:
        raise ConfigError(f"--folds: must be 2 or more, not {arguments.folds}")
    if arguments.seed < 0:
        raise ConfigError(f"--seed: must be 0 or more, not {arguments.seed}")
    least = LEAST if arguments.least is None else arguments.least
    if least < 1:
        raise ConfigError(f"--least: must be 1 or more, not {least}")
    return Options(folds=arguments.folds, seed=arguments.seed, least=least)


def _check(arguments: argparse.Namespace) -> None:
    """Whatever would stop it in the end stops it at the beginning."""
    check_learning()
    label_share.check(arguments.most_share)
    if arguments.until is not None and arguments.ledger is None:
        raise ConfigError("--until: the steps of --data have no days; give it with --ledger")
    report: Path | None = arguments.report
    page = report if _is_page(report) else None
    check_writable(out=arguments.out, report=page, json=arguments.json)
    if report is None:
        return
    if find_spec("matplotlib") is None:
        raise ConfigError("--report: matplotlib is not installed; install rungwise[lab]")
    if page is None and report.exists() and not report.is_dir():
        raise ConfigError(f"--report: {report} is a file; name a folder, or a page as X.html")


def _is_page(report: Path | None) -> bool:
    return report is not None and report.suffix.lower() in (".html", ".htm")


def _examples(arguments: argparse.Namespace) -> Examples:
    from rungwise.lab.training.examples import of_entries, of_ladder

    if arguments.data is not None:
        from rungwise.lab.ladders.data import read_ladder

        ladder = read_ladder(arguments.data, arguments.ladder)
        with _bar("steps", len(ladder.rows)) as progress:
            return of_ladder(ladder, progress)
    from rungwise.ledger.sql import read_entries

    place, tiers, most_share = _ledger(arguments)
    until = math.inf if arguments.until is None else end(arguments.until)
    with _bar("entries", None) as progress:
        return of_entries(
            read_entries(place, until=until),
            tiers,
            progress,
            most_share=most_share,
            seed=arguments.seed,
        )


def _ledger(arguments: argparse.Namespace) -> tuple[Path | str, Sequence[str], float]:
    """Where it is, the rungs, and how much one key may say."""
    from rungwise.lab.shares import MOST_SHARE

    told: str = arguments.ledger
    share: float | None = arguments.most_share
    if not told.endswith((".yaml", ".yml")):
        if arguments.ladder is None:
            raise ConfigError("--ladder: name the rungs, lowest first; or give --ledger a .yaml")
        place = told if "://" in told else Path(told)
        return place, arguments.ladder, MOST_SHARE if share is None else share
    from rungwise.config import load

    config = load(Path(told), serving=False)
    rungs = arguments.ladder or [tier.name for tier in config.tiers]
    return config.ledger.place, rungs, config.outcomes.most_share if share is None else share


@contextmanager
def _bar(name: str, total: int | None) -> Iterator[Callable[[], object]]:
    from tqdm import tqdm

    with tqdm(total=total, desc=name, mininterval=0.5) as bar:
        yield bar.update


def _write(arguments: argparse.Namespace, trained: Trained) -> None:
    if arguments.report is not None:
        _picture(arguments.report, trained)
    if arguments.out is not None:
        from rungwise.lab.training.fit import write_difficulty

        write_difficulty(arguments.out, trained.difficulty)
        print(f"{arguments.out}: written; `rungwise router promote` puts it in force")
    if arguments.json is not None:
        from rungwise.lab.machine import describe
        from rungwise.lab.training.told import as_json

        about = {
            "command": "rungwise train-router",
            "machine": describe(),
            "provenance": trained.difficulty.provenance.model_dump(),
        }
        write_json(arguments.json, {**about, **as_json(trained.report)})


def _picture(report: Path, trained: Trained) -> None:
    from rungwise.lab.training.plots import draw, write_page, write_pictures

    pictures = draw(trained.report, trained.foreseen)
    if _is_page(report):
        write_page(report, trained.report, pictures)
    else:
        write_pictures(report, pictures)
