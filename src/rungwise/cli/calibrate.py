"""How are a gate's thresholds fitted? On labelled drafts, for a promise that the user names."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli import label_share
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.cli.labelled import Labelled
    from rungwise.lab.calibration.calibrate import Calibrated, Options
    from rungwise.lab.calibration.promise import Aim
    from rungwise.lab.calibration.readings import Sample

__all__ = ["add_arguments", "names", "run"]

MAX_LOSS = 0.02


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_argument_group(
        "source", "the step suite, drafted by a tier, unless one of these is named"
    ).add_mutually_exclusive_group()
    source.add_argument("--data", type=Path, metavar="FILE", help="recorded readings, JSONL")
    source.add_argument("--ledger", type=Path, metavar="FILE", help="outcomes that callers sent")
    source.add_argument(
        "--answers", type=Path, metavar="FILE", help="labelled answers, JSONL; the tier scores them"
    )
    subject = parser.add_argument_group("whose drafts")
    subject.add_argument("--config", type=Path)
    subject.add_argument("--tier")
    subject.add_argument("--model", help="instead of --config and --tier, where nothing is drafted")
    subject.add_argument("--revision", help="with --model: which weights")
    suite = parser.add_argument_group("the step suite")
    suite.add_argument("--count", type=int, help="steps of the calibration split (6000)")
    suite.add_argument("--test", type=int, help="steps of the test split to report on (900)")
    suite.add_argument("--reference", metavar="TIER", help="a loss counts where this one is right")
    suite.add_argument("--standin", action="store_true", default=None, help="start the demo's")
    suite.add_argument("--concurrency", type=int, default=16)
    promise = parser.add_argument_group("promise")
    kind = promise.add_mutually_exclusive_group()
    kind.add_argument(
        "--max-loss", type=float, help=f"share of steps accepted and wrong ({MAX_LOSS})"
    )
    kind.add_argument("--max-escalated", type=float, metavar="SHARE", help="of steps that climb")
    kind.add_argument("--max-spend", type=float, metavar="USD", help="a step, with --climb-cost")
    promise.add_argument("--climb-cost", type=float, metavar="USD", help="of a step that climbs")
    promise.add_argument("--confidence", type=float, default=0.95)
    promise.add_argument(
        "--pool-thin", action="store_true", help="test step types with few labels as one"
    )
    promise.add_argument(
        "--hold",
        choices=("prefix", "whole"),
        default="prefix",
        help="prefix: thresholds serve prose that leaves at its beginning, too",
    )
    fitting = parser.add_argument_group("fitting")
    fitting.add_argument("--signals", type=names, metavar="A,B,C", help="which ones to read")
    fitting.add_argument("--fit-share", type=float, default=0.25, help="the rest tests thresholds")
    fitting.add_argument("--seed", type=int, default=0)
    label_share.add_option(fitting)
    written = parser.add_argument_group("written")
    written.add_argument("--out", type=Path, metavar="FILE", help="the calibration")
    written.add_argument("--record", type=Path, metavar="FILE", help="the readings, .jsonl or .gz")
    written.add_argument("--record-test", type=Path, metavar="FILE", help="the test split's")
    written.add_argument("--plot", type=Path, metavar="FILE", help="reliability and risk, PNG")
    written.add_argument("--json", type=Path, metavar="FILE", help="the figures")


def names(text: str) -> tuple[str, ...]:
    """What stands between the commas, each once."""
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise argparse.ArgumentTypeError("name at least one signal")
    return found


def run(arguments: argparse.Namespace) -> int:
    from rungwise.cli.labelled import gather
    from rungwise.lab.calibration.calibrate import calibrate
    from rungwise.lab.calibration.readings import sample_of
    from rungwise.lab.pictures import check_matplotlib

    options = _options(arguments)
    if arguments.plot is not None:
        check_matplotlib()
    labelled = gather(arguments)
    _record(arguments, labelled)
    calibrated = calibrate(sample_of(labelled.items, labelled.signals), options)
    held_out = calibrated.testing
    if labelled.held_out:
        held_out = sample_of(labelled.held_out, labelled.signals)
    _tell(arguments, labelled, calibrated, options.aim, held_out)
    if arguments.out is not None and not _write(arguments, labelled, calibrated, options):
        return 1
    return 0 if calibrated.thresholds() else 1


def _options(arguments: argparse.Namespace) -> Options:
    from rungwise.lab.calibration.calibrate import Options

    for name in ("count", "concurrency"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name}: must be 1 or more, not {value}")
    if arguments.test is not None and arguments.test < 0:
        raise ConfigError(f"--test: must be 0 or more, not {arguments.test}")
    if arguments.seed < 0:
        raise ConfigError(f"--seed: must be 0 or more, not {arguments.seed}")
    for name in ("max_loss", "max_escalated", "confidence", "fit_share"):
        value = getattr(arguments, name)
        if value is not None and not 0 < value < 1:
            raise ConfigError(f"--{name.replace('_', '-')}: must lie between 0 and 1, not {value}")
    label_share.check(arguments.most_share)
    return Options(
        aim=_aim(arguments),
        hold=arguments.hold,
        fit_share=arguments.fit_share,
        seed=arguments.seed,
    )


def _aim(arguments: argparse.Namespace) -> Aim:
    from rungwise.lab.calibration.promise import Aim

    spending = arguments.max_escalated
    if (arguments.max_spend is None) != (arguments.climb_cost is None):
        raise ConfigError("--max-spend and --climb-cost: give both, or neither")
    if arguments.max_spend is not None:
        if not (arguments.max_spend > 0 and arguments.climb_cost > 0):
            raise ConfigError("--max-spend and --climb-cost: must be above 0")
        spending = arguments.max_spend / arguments.climb_cost
        if not spending < 1:
            raise ConfigError(
                "--max-spend: every step may climb at that price, so there is nothing to promise; "
                "name less, or use --max-loss"
            )
    limit = spending or arguments.max_loss or MAX_LOSS
    return Aim(
        kind="loss" if spending is None else "spending",
        limit=limit,
        confidence=arguments.confidence,
        pool_thin=arguments.pool_thin,
    )


def _record(arguments: argparse.Namespace, labelled: Labelled) -> None:
    from rungwise.lab.calibration.recorded import write_recorded

    if arguments.record is not None:
        write_recorded(arguments.record, labelled.items)
    if arguments.record_test is not None:
        write_recorded(arguments.record_test, labelled.held_out)


def _tell(
    arguments: argparse.Namespace,
    labelled: Labelled,
    calibrated: Calibrated,
    aim: Aim,
    held_out: Sample,
) -> None:
    from rungwise.lab.calibration.charts import reliability_chart, risk_chart
    from rungwise.lab.calibration.figures import as_json, as_lines, measure
    from rungwise.lab.calibration.plots import plot_calibration
    from rungwise.lab.calibration.threshold_report import promise_as_json, promise_as_lines
    from rungwise.lab.machine import describe

    best = calibrated.finished.best
    measured = measure(best, held_out, calibrated.thresholds())
    p = best.probabilities(held_out.finished)
    where = "the test split" if labelled.held_out else "the part that was not fitted on"
    _print(reliability_chart(p, held_out.right))
    _print(risk_chart(p, held_out.right))
    _print([f"on {where}:", *as_lines(measured)])
    losses = ", ".join(f"{k} {v:.4f}" for k, v in calibrated.finished.losses.items())
    _print([f"held-out log loss: {losses or 'cannot be told, the labels agree'}"])
    _print(promise_as_lines(calibrated, aim))
    if arguments.plot is not None:
        kinds = calibrated.finished.kinds.items()
        curves = [(kind, fitted.probabilities(held_out.finished)) for kind, fitted in kinds]
        plot_calibration(arguments.plot, curves, held_out.right)
    if arguments.json is not None:
        about = {
            "command": "rungwise calibrate",
            "machine": describe(),
            "tier": arguments.tier,
            "data": labelled.source,
            "labels": len(labelled.items),
            "signals": list(labelled.signals),
            "reference": labelled.reference,
        }
        found = {**about, **promise_as_json(calibrated, aim), **as_json(measured)}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _print(lines: Sequence[str]) -> None:
    print("\n".join(lines), end="\n\n")


def _write(
    arguments: argparse.Namespace, labelled: Labelled, calibrated: Calibrated, options: Options
) -> bool:
    """Whether the calibration could be written."""
    from rungwise.confidence.signals import SIGNALS
    from rungwise.lab.calibration.artefact import Origin, artefact, write_artefact

    unreadable = [name for name in labelled.signals if name not in SIGNALS]
    if unreadable:
        told = ", ".join(unreadable)
        print(
            f"rungwise: the gate cannot read: {told}; {arguments.out} is not written, name others "
            "with --signals",
            file=sys.stderr,
        )
        return False
    assert labelled.subject is not None, "asked for before anything was read"
    origin = Origin(
        model=labelled.subject.model,
        revision=labelled.subject.revision,
        source=labelled.source,
        reference=labelled.reference,
    )
    name = arguments.out.stem
    made = artefact(name, calibrated, labelled.items, labelled.signals, options, origin)
    write_artefact(arguments.out, made)
    print(f"wrote {arguments.out}")
    return True
