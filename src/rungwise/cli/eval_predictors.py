"""Which predictor of difficulty is best? `rungwise eval predictors`, on recorded ladders."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli.eval_routing import add_data, check_learning, read_sets
from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.lab.ladders.rows import RecordedLadder
    from rungwise.lab.predictors.candidate import Candidate

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument("--rounds", type=int, default=5, help="how often the folds are dealt")
    parser.add_argument("--workers", type=int, help="processes that fit at once (one a core)")
    parser.add_argument(
        "--local-model",
        type=Path,
        metavar="FOLDER",
        help="the lowest rung's own model: its first token's entropy, a probe on its last hidden "
        "state; of one --data",
    )
    parser.add_argument(
        "--encoder", type=Path, metavar="FOLDER", help="a sentence encoder; of one --data"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there, PNG")


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.lab.machine import describe
    from rungwise.lab.pictures import check_matplotlib
    from rungwise.lab.predictors.compare import CANDIDATES, compare, fits

    check_learning()
    rounds = arguments.rounds
    workers = len(os.sched_getaffinity(0)) if arguments.workers is None else arguments.workers
    for name, value in (("rounds", rounds), ("workers", workers)):
        if value < 1:
            raise ConfigError(f"--{name}: must be 1 or more, not {value}")
    check_writable(json=arguments.json, plot=arguments.plot)
    if arguments.plot is not None:
        check_matplotlib()
    for name in ("local_model", "encoder"):
        _check_folder(name, getattr(arguments, name), len(arguments.data or ()))
    sets = read_sets(arguments)
    candidates = {**CANDIDATES, **_that_read(arguments, sets[0])}
    with tqdm(total=fits(sets, rounds), desc="folds", mininterval=0.5, leave=False) as bar:
        found = compare(sets, bar.update, candidates, rounds=rounds, workers=workers)
    print("\n".join(found.as_lines()))
    about = {"command": "rungwise eval predictors", "machine": describe()}
    write_json(arguments.json, {**about, **found.as_json()})
    if arguments.plot is not None:
        found.plot(arguments.plot)
    return 0


def _check_folder(name: str, folder: Path | None, sets: int) -> None:
    flag = f"--{name.replace('_', '-')}"
    if folder is None:
        return
    if sets > 1:
        raise ConfigError(f"{flag}: reads the prompts of one --data, not of {sets}; ask for each")
    if not (folder / "config.json").exists():
        raise ConfigError(f"{flag}: {folder}: no model there; name the folder of its config.json")


def _that_read(arguments: argparse.Namespace, ladder: RecordedLadder) -> dict[str, Candidate]:
    """The candidates that read each prompt with a model first."""
    from tqdm import tqdm

    from rungwise.lab.predictors.encoder import embedded, encoded, encoded_and_boosted
    from rungwise.lab.predictors.prefill import first_token, prefilled, probe

    found: dict[str, Candidate] = {}
    if arguments.local_model is not None:
        with tqdm(total=len(ladder.rows), desc="prefill", mininterval=0.5, leave=False) as bar:
            told, states = prefilled(ladder.rows, arguments.local_model, bar.update)
        found |= {"first_token_entropy": first_token(told), "prefill_probe": probe(told, states)}
    if arguments.encoder is not None:
        texts = [row.prompt for row in ladder.rows]
        with tqdm(total=len(texts), desc="encoder", mininterval=0.5, leave=False) as bar:
            vectors = embedded(texts, arguments.encoder, bar.update)
        found |= {"encoder": encoded(vectors), "encoder_boosted": encoded_and_boosted(vectors)}
    return found
