"""What would another policy, price or threshold have made of the traffic in the ledger?"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.cli.days import begin, end
from rungwise.cli.written import check_writable, write_json
from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.config import Config, RoutingConfig
    from rungwise.contracts import Tier
    from rungwise.lab.replaying.asked import Thresholds
    from rungwise.lab.replaying.plans import Plans
    from rungwise.policy.expected import Expectations
    from rungwise.types import Entry

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="the ladder, and live routing")
    parser.add_argument("--ledger", help="SQLite file, or Postgres address (the configuration's)")
    parser.add_argument("--routing", type=Path, metavar="FILE", help="another `routing` section")
    parser.add_argument("--policy", choices=("cascade", "route", "pays"))
    parser.add_argument("--difficulty", type=Path, metavar="FILE", help="another predictor")
    parser.add_argument("--right-usd", type=float, help="what a right answer is worth")
    parser.add_argument("--second-usd", type=float, help="what a second of waiting costs")
    parser.add_argument("--promise", choices=("keep", "waive"))
    parser.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        help="YAML, by tier: a `price` as in the configuration, or {usd_per_gpu_hour: ...}",
    )
    parser.add_argument(
        "--threshold",
        type=_threshold,
        action="append",
        default=[],
        metavar="TIER=P",
        help="how sure this rung's drafts must be, instead of what was asked",
    )
    parser.add_argument("--since", type=date.fromisoformat, metavar="DATE", help="from this day on")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DATE", help="up to this day")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")


def _threshold(told: str) -> tuple[str, float]:
    tier, _, number = told.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not tier or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{told!r}: write TIER=P, such as tier1=0.9")
    return tier, value


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from rungwise.build.ladder import build_ladder
    from rungwise.cli.replay_change import changed_prices, changed_routing
    from rungwise.config import load
    from rungwise.lab.replaying.asked import Thresholds
    from rungwise.lab.replaying.drafts import Pricing
    from rungwise.lab.replaying.replay import counted, gather, replay
    from rungwise.lab.replaying.shown import as_json, as_lines, left_out
    from rungwise.lab.replaying.walk import Walker
    from rungwise.policy.expected import Expectations

    check_writable(json=arguments.json)
    config = load(arguments.config, serving=False)
    instead = _instead(arguments, config)
    other = changed_routing(arguments, config)
    priced = changed_prices(arguments.prices, config)
    ladder = build_ladder(priced)
    pricing = Pricing(ladder, again=arguments.prices is not None)
    expectations = Expectations(ladder)
    read = _reader(arguments, config)
    shown = partial(tqdm, unit="entry", mininterval=0.5, disable=None)
    with shown(desc="reading") as bar:
        means = gather(counted(read(), bar.update), pricing, expectations.learn)
    fixed = other is None or config.routing.policy == "cascade"
    thresholds = Thresholds(config.gates, means, instead, fixed=fixed)
    if other is not None and other.policy != "cascade" and not means.sketches:
        raise ConfigError(
            f"policy {other.policy}: the ledger holds no sketches of that time, so nothing can be "
            "foreseen; set routing.keep_sketches and come back, or replay a table, prices or "
            "thresholds"
        )
    plans = _plans(config, other, ladder, expectations, thresholds)
    walker = Walker(plans, pricing, means, thresholds)
    with shown(total=means.entries, desc="walking") as bar:
        told = replay(counted(read(), bar.update), plans, walker, pricing)
    if not told.walked:
        print("rungwise: the ledger holds no steps of that time that can be replayed")
        print("\n".join(left_out(told)))
        return 1
    print("\n".join(as_lines(told)))
    write_json(arguments.json, as_json(told))
    return 0


def _instead(arguments: argparse.Namespace, config: Config) -> dict[str, float]:
    names = [tier.name for tier in config.tiers]
    for tier, _ in arguments.threshold:
        if tier not in names:
            known = ", ".join(names)
            raise ConfigError(f"--threshold: no tier {tier!r}; the ladder has {known}")
    return dict(arguments.threshold)


def _plans(
    config: Config,
    other: RoutingConfig | None,
    ladder: tuple[Tier, ...],
    expectations: Expectations,
    thresholds: Thresholds,
) -> Plans:
    from rungwise.lab.replaying.plans import Foreseeing, Plans, TablePlans
    from rungwise.policy.difficulty import load_difficulty

    if other is None:
        return Plans()
    if other.policy == "cascade":
        return TablePlans(config.routing, other, ladder)
    assert other.difficulty is not None, "its section asks for one"
    difficulty = load_difficulty(other.difficulty, tuple(tier.name for tier in ladder))
    return Foreseeing(config.routing, other, ladder, difficulty, expectations, thresholds.judges)


def _reader(arguments: argparse.Namespace, config: Config) -> Callable[[], Iterator[Entry]]:
    from rungwise.ledger.sql import read_entries

    told = arguments.ledger
    place = config.ledger.place if told is None else told if "://" in told else Path(told)
    since, until = arguments.since, arguments.until
    return partial(
        read_entries,
        place,
        since=0.0 if since is None else begin(since),
        until=math.inf if until is None else end(until),
    )
