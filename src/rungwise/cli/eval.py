"""What do recorded outcomes say? `rungwise eval WHAT`: promises and calibrations here, the rest by
name."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli.calibrate import names
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.lab.calibration.eval_promise import PromiseCheck

__all__ = ["add_arguments", "run"]

READINGS = Path("models/calibration/demo-tier1.readings.jsonl.gz")
TEST_READINGS = Path("models/calibration/demo-tier1.test.jsonl.gz")
CALIBRATION = Path("models/calibration/demo-tier1.json")
ELSEWHERE = {
    "routing": ("rungwise.cli.eval_routing", "accuracy and cost of routing policies, as curves"),
    "predictors": ("rungwise.cli.eval_predictors", "which predictor of difficulty is best?"),
    "affinity": ("rungwise.cli.eval_affinity", "what warm prefixes save, over conversations"),
    "step-types": ("rungwise.cli.eval_step_types", "is the classifier of step types right?"),
    "drift": ("rungwise.cli.eval_drift", "how soon is a fall in accuracy called? simulated"),
    "record": ("rungwise.cli.eval_record", "draft the step suite on every rung of a ladder"),
}
"""Each module offers `add_arguments(parser)` and `run(arguments) -> exit status`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    promise = what.add_parser(
        "promise", help="is a promised loss kept, and a naive threshold's? over random splits"
    )
    promise.add_argument("--data", type=Path, default=READINGS, help="recorded readings, JSONL")
    promise.add_argument("--splits", type=int, default=200)
    promise.add_argument("--max-loss", type=float, default=0.02)
    promise.add_argument("--confidence", type=float, default=0.95)
    promise.add_argument("--pool-thin", action="store_true", help="test thin step types as one")
    promise.add_argument(
        "--hold",
        choices=("whole", "prefix"),
        help="prefix: prose leaves at its beginning (the default where the data has prefixes)",
    )
    promise.add_argument("--signals", type=names, metavar="A,B", help="which ones to use (all)")
    promise.add_argument("--fit-share", type=float, default=0.25)
    promise.add_argument("--seed", type=int, default=0)
    calibration = what.add_parser(
        "calibration", help="calibration error, Brier score, AUROC of a calibration file"
    )
    calibration.add_argument("--data", type=Path, default=TEST_READINGS)
    calibration.add_argument("--calibration", type=Path, default=CALIBRATION)
    for measure in (promise, calibration):
        measure.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
        measure.add_argument("--plot", type=Path, metavar="FILE", help="draw them there, PNG")
    for name, (module, purpose) in ELSEWHERE.items():
        import_module(module).add_arguments(what.add_parser(name, help=purpose))


def run(arguments: argparse.Namespace) -> int:
    if arguments.what in ELSEWHERE:
        elsewhere: Callable[[argparse.Namespace], int]
        elsewhere = import_module(ELSEWHERE[arguments.what][0]).run
        return elsewhere(arguments)
    return _measured(arguments)


def _measured(arguments: argparse.Namespace) -> int:
    from rungwise.lab.pictures import check_matplotlib

    if arguments.plot is not None:
        check_matplotlib()
    return _promise(arguments) if arguments.what == "promise" else _calibration(arguments)


def _promise(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.lab.calibration.calibrate import Hold, Options
    from rungwise.lab.calibration.eval_promise import check_promise
    from rungwise.lab.calibration.plots import plot_promise
    from rungwise.lab.calibration.promise import Aim
    from rungwise.lab.calibration.readings import sample_of
    from rungwise.lab.calibration.recorded import read_recorded

    _check(arguments)
    items = read_recorded(arguments.data, signals=arguments.signals)
    there = any(item.prefixes and item.prose for item in items)
    if arguments.hold == "prefix" and not there:
        raise ConfigError(
            f"--hold: {arguments.data} has no prefixes of prose; record some, or use whole"
        )
    hold: Hold = arguments.hold or ("prefix" if there else "whole")
    aim = Aim(
        limit=arguments.max_loss,
        confidence=arguments.confidence,
        pool_thin=arguments.pool_thin,
    )
    options = Options(aim=aim, hold=hold, fit_share=arguments.fit_share, seed=arguments.seed)
    sample = sample_of(items, tuple(items[0].readings))
    with tqdm(total=arguments.splits, desc="splits", mininterval=0.5) as bar:
        checked = check_promise(sample, options, splits=arguments.splits, progress=bar.update)
    _check_hold(arguments, hold, checked)
    if not checked.kept[None].found.any():
        print(
            f"rungwise: {len(items)} labels in {arguments.data} support no threshold in any split: "
            "the promise is kept by accepting nothing; record more, or allow more with --max-loss "
            "or --pool-thin",
            file=sys.stderr,
        )
    print("\n".join(checked.as_lines()))
    print(
        f"broken: the loss on the test half is above {arguments.max_loss:.2%}; promised in at most "
        f"{1 - arguments.confidence:.0%} of splits (and the test half errs, too); drafts are held "
        + ("by their beginning, prose only" if checked.hold == "prefix" else "whole")
        + ("; one step of each group and step type counts" if checked.grouped else "")
    )
    if arguments.plot is not None:
        by_type = {
            name: (checked.kept[name].losses, checked.naive[name].losses)
            for name in checked.counts
            if name is not None
        }
        overall = (checked.kept[None].losses, checked.naive[None].losses)
        plot_promise(arguments.plot, *overall, by_type, arguments.max_loss)
    about = {
        "max_loss": arguments.max_loss,
        "confidence": arguments.confidence,
        "signals": list(sample.finished.signals),
        "fit_share": arguments.fit_share,
        "pool_thin": arguments.pool_thin,
        "seed": arguments.seed,
    }
    _write(arguments, {**about, **checked.as_json()})
    return 0


def _check_hold(arguments: argparse.Namespace, hold: str, checked: PromiseCheck) -> None:
    """Says so where another way to hold drafts was measured than was meant."""
    if hold == "whole" or checked.early == checked.splits:
        return
    told = f"too few drafts of {arguments.data} get as far as a prefix"
    if arguments.hold == "prefix" and not checked.early:
        raise ConfigError(f"--hold: {told} in any split; record more, or use whole")
    where = f"in {checked.splits - checked.early} of {checked.splits} splits"
    print(f"rungwise: {told}: {where} all were held whole", file=sys.stderr)


def _check(arguments: argparse.Namespace) -> None:
    for name in ("max_loss", "confidence", "fit_share"):
        value = getattr(arguments, name)
        if not 0 < value < 1:
            raise ConfigError(f"--{name.replace('_', '-')}: must lie between 0 and 1, not {value}")
    if arguments.splits < 1:
        raise ConfigError(f"--splits: must be 1 or more, not {arguments.splits}")
    if arguments.seed < 0:
        raise ConfigError(f"--seed: must be 0 or more, not {arguments.seed}")


def _calibration(arguments: argparse.Namespace) -> int:
    from rungwise.confidence.calibration import read_calibration
    from rungwise.lab.calibration.artefact import fitted_of
    from rungwise.lab.calibration.charts import reliability_chart, risk_chart
    from rungwise.lab.calibration.figures import as_json, as_lines, measure
    from rungwise.lab.calibration.plots import plot_calibration
    from rungwise.lab.calibration.readings import sample_of
    from rungwise.lab.calibration.recorded import read_recorded
    from rungwise.types import StepType

    mend = "run `rungwise calibrate`, or correct --calibration"
    calibration = read_calibration(arguments.calibration, mend)
    step_types = [step_type.value for step_type in StepType]
    items = read_recorded(arguments.data, step_types, calibration.signals)
    fitted = fitted_of(calibration.finished)
    sample = sample_of(items, calibration.signals)
    found = {t.value: item.whole for t, item in calibration.thresholds.items()}
    measured = measure(fitted, sample, {name: v for name, v in found.items() if v is not None})
    p = fitted.probabilities(sample.finished)
    for lines in (reliability_chart(p, sample.right), risk_chart(p, sample.right)):
        print("\n".join(lines), end="\n\n")
    print("\n".join(as_lines(measured)))
    if arguments.plot is not None:
        plot_calibration(arguments.plot, [(calibration.name, p)], sample.right)
    _write(arguments, {"calibration": calibration.name, **as_json(measured)})
    return 0


def _write(arguments: argparse.Namespace, figures: Mapping[str, object]) -> None:
    from rungwise.lab.machine import describe

    if arguments.json is None:
        return
    about = {
        "command": f"rungwise eval {arguments.what}",
        "machine": describe(),
        "data": str(arguments.data),
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({**about, **figures}, indent=2) + "\n", encoding="utf-8")
