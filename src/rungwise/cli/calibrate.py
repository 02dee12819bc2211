"""How are a gate's thresholds fitted? On the step suite, drafted by one tier of a configuration."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.config import Config, load
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.contracts import Tier
    from rungwise.lab.fit import Labelled
    from rungwise.lab.steps import Split

__all__ = ["add_arguments", "run"]

SIGNALS = ("mean_logprob", "worst_window_logprob", "min_logprob")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--tier", required=True, help="whose drafts are read")
    parser.add_argument("--out", type=Path, required=True, help="the calibration file to write")
    parser.add_argument("--count", type=int, default=900, help="steps of the calibration split")
    parser.add_argument(
        "--test", type=int, default=450, help="steps of the test split to report on"
    )
    parser.add_argument("--max-loss", type=float, default=0.01, help="accepted and wrong, of all")
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--standin", action="store_true", help="start the demo's hosted stand-in")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the quality figures there")


def run(arguments: argparse.Namespace) -> int:
    from rungwise.lab.calibrate import calibrate, quality
    from rungwise.lab.machine import describe

    for name in ("count", "test", "concurrency"):
        if getattr(arguments, name) < 1:
            raise ConfigError(f"--{name}: must be 1 or more, not {getattr(arguments, name)}")
    for name in ("max_loss", "confidence"):
        if not 0 < getattr(arguments, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')}: must lie between 0 and 1")
    with _config(arguments) as config:
        shown = _tier_model(config, arguments.tier)
        data, held_out = asyncio.run(_drafts(config, arguments))
    calibration = calibrate(
        data,
        name=arguments.out.stem,
        model=shown,
        signals=SIGNALS,
        source=f"step suite, calibration split, {arguments.count} steps",
        max_loss=arguments.max_loss,
        confidence=arguments.confidence,
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
    measured = quality(calibration, held_out)
    print(json.dumps(measured, indent=2))
    print(f"wrote {arguments.out}: threshold {calibration.threshold}")
    if arguments.json is not None:
        about = {"command": "rungwise calibrate", "machine": describe(), "tier": arguments.tier}
        arguments.json.write_text(json.dumps({**about, **measured}, indent=2) + "\n")
    return 0 if calibration.threshold is not None else 1


async def _drafts(
    config: Config, arguments: argparse.Namespace
) -> tuple[list[Labelled], list[Labelled]]:
    from rungwise.build import build_ladder

    tier = next(t for t in build_ladder(config) if t.name == arguments.tier)
    await tier.start()
    try:
        data = await _labelled(tier, "calibration", arguments.count, arguments.concurrency)
        held_out = await _labelled(tier, "test", arguments.test, arguments.concurrency)
    finally:
        await tier.stop()
    return data, held_out


async def _labelled(tier: Tier, split: Split, count: int, concurrency: int) -> list[Labelled]:
    from tqdm import tqdm

    from rungwise.lab.calibrate import draft_and_label
    from rungwise.lab.steps import generate

    steps = list(generate(split, count, seed=2))
    with tqdm(total=count, desc=split, unit="step", mininterval=0.5) as bar:
        return await draft_and_label(
            tier, steps, SIGNALS, concurrency=concurrency, progress=bar.update
        )


@contextmanager
def _config(arguments: argparse.Namespace) -> Iterator[Config]:
    if not arguments.standin:
        yield load(arguments.config)
        return
    import yaml

    from rungwise.demo.ladder import STANDIN_KEY, STANDIN_KEY_ENV, standin, with_standin

    with tempfile.TemporaryDirectory(prefix="rungwise-calibrate-") as name:
        folder = Path(name)
        with standin(arguments.config, folder, print) as upstream:
            upstream.wait()
            document = with_standin(arguments.config, upstream.url, folder / "rungwise.db")
            document["gates"] = []  # a calibration that is to be replaced need not load
            path = folder / "config.yaml"
            path.write_text(yaml.safe_dump(document), encoding="utf-8")
            yield load(path, {STANDIN_KEY_ENV: STANDIN_KEY})


def _tier_model(config: Config, name: str) -> str:
    for tier in config.tiers:
        if tier.name == name:
            return tier.shown_model
    known = ", ".join(tier.name for tier in config.tiers)
    raise ConfigError(f"--tier: no tier {name!r}; the configuration has {known}")
