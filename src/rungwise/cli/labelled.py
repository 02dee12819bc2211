"""Where do the labelled readings come from? A file, a ledger, scored answers, or the step suite."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rungwise.cli.standing_in import configured
from rungwise.confidence.signals import DEFAULT, SIGNALS
from rungwise.config import Config, TierConfig, load
from rungwise.errors import ConfigError
from rungwise.types import StepType

if TYPE_CHECKING:
    from rungwise.contracts import Tier
    from rungwise.lab.calibration.recorded import Recorded

__all__ = ["Labelled", "Subject", "gather"]

SUITE_COUNT, SUITE_TEST, CONCURRENCY = 6000, 900, 16
STEP_TYPES = tuple(step_type.value for step_type in StepType)
UNKNOWN = "unknown, taken as always right"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose drafts they are."""

    model: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    items: Sequence[Recorded]
    signals: tuple[str, ...]
    source: str
    subject: Subject | None
    reference: str = UNKNOWN
    held_out: Sequence[Recorded] = ()
    """Further ones that nothing is fitted or chosen on."""


def gather(arguments: argparse.Namespace) -> Labelled:
    """Read, or draft, what is asked for. Raises ConfigError, StoreError or TierError."""
    chosen = arguments.data or arguments.ledger or arguments.answers
    for name in ("count", "test", "standin", "reference", "record_test"):
        if chosen is not None and getattr(arguments, name) is not None:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag}: only for the step suite; leave it out with {chosen}")
    if arguments.data is not None:
        return _of_data(arguments)
    if arguments.ledger is not None:
        return _of_ledger(arguments)
    return _of_answers(arguments) if arguments.answers is not None else _of_suite(arguments)


def _of_data(arguments: argparse.Namespace) -> Labelled:
    from rungwise.lab.calibration.recorded import read_recorded

    subject = _subject(arguments, needed=arguments.out is not None)
    step_types = STEP_TYPES if arguments.out is not None else None
    items = read_recorded(arguments.data, step_types, arguments.signals)
    told = any(not item.reference for item in items)
    return Labelled(
        items=items,
        signals=tuple(items[0].readings),
        source=arguments.data.name,
        subject=subject,
        reference="as labelled in the data" if told else UNKNOWN,
    )


def _of_ledger(arguments: argparse.Namespace) -> Labelled:
    from rungwise.lab.calibration.outcomes import of_ledger
    from rungwise.ledger.sql import read_entries

    if arguments.tier is None:
        raise ConfigError("--ledger: needs --tier, whose drafts are to be calibrated")
    subject = _subject(arguments, needed=arguments.out is not None)
    signals = _known(arguments.signals or DEFAULT)
    labels = of_ledger(
        read_entries(arguments.ledger),
        arguments.tier,
        signals,
        most_share=_most_share(arguments),
        seed=arguments.seed,
    )
    items, unread = labels.items, labels.unread
    if not items:
        raise ConfigError(
            f"{arguments.ledger}: no unjudged draft of {arguments.tier!r} has an outcome and "
            f"readings of {', '.join(signals)} ({unread} have an outcome only); set "
            "gates[].read_pinned and pin a part of the traffic to it, or choose other --signals"
        )
    _warn_unread(unread)
    if labels.dropped:
        _warn(f"{labels.dropped} labels of keys that gave more than --most-share are left out")
    return Labelled(
        items=items,
        signals=signals,
        source=f"ledger, {len(items)} outcomes of {arguments.tier}",
        subject=subject,
    )


def _most_share(arguments: argparse.Namespace) -> float:
    """As it is asked for, else as it is configured."""
    from rungwise.lab.shares import MOST_SHARE

    if arguments.most_share is not None:
        return float(arguments.most_share)
    if arguments.config is not None:
        return load(arguments.config).outcomes.most_share
    return MOST_SHARE


def _of_answers(arguments: argparse.Namespace) -> Labelled:
    from rungwise.lab.calibration.answers import Scoring, read_answers, score_answers

    signals = _from_tokens(arguments.signals or DEFAULT)
    for name in signals:
        if SIGNALS[name].likeliest:
            raise ConfigError(f"--signals: {name} cannot be read of answers, only of drafts")
    answers = read_answers(arguments.answers, STEP_TYPES)
    with _config(arguments) as config:
        subject = _subject_of(config, arguments.tier)
        tier = _tier(config, arguments.tier)
        if not isinstance(tier, Scoring):
            raise ConfigError(
                f"--answers: {arguments.tier!r} cannot score answers that it did not write; "
                "name a tier of kind vllm"
            )

        async def score() -> list[Recorded | None]:
            with _bar("answers", len(answers)) as progress:
                return await score_answers(
                    tier,
                    answers,
                    signals,
                    concurrency=arguments.concurrency,
                    progress=progress,
                )

        found = asyncio.run(_running([tier], score))
    return Labelled(
        items=_readable(found, arguments.tier),
        signals=signals,
        source=f"{arguments.answers.name}, scored",
        subject=subject,
    )


def _of_suite(arguments: argparse.Namespace) -> Labelled:
    count = SUITE_COUNT if arguments.count is None else arguments.count
    test = SUITE_TEST if arguments.test is None else arguments.test
    signals = _from_tokens(arguments.signals or DEFAULT)
    with _config(arguments) as config:
        subject = _subject_of(config, arguments.tier)
        tier = _tier(config, arguments.tier)
        reference = None
        if arguments.reference is not None:
            reference = _tier(config, arguments.reference)

        async def draft() -> tuple[list[Recorded | None], list[Recorded | None]]:
            asked = (tier, reference, signals, arguments.concurrency)
            data = await _drafted("calibration", count, *asked)
            return data, await _drafted("test", test, *asked) if test else []

        tiers = [tier] if reference is None else [tier, reference]
        data, held_out = asyncio.run(_running(tiers, draft))
    return Labelled(
        items=_readable(data, arguments.tier),
        signals=signals,
        source=f"step suite, calibration split, {count} steps",
        subject=subject,
        held_out=[item for item in held_out if item is not None],
        reference=UNKNOWN if reference is None else reference.name,
    )


async def _drafted(
    split: str,
    count: int,
    tier: Tier,
    reference: Tier | None,
    signals: Sequence[str],
    concurrency: int,
) -> list[Recorded | None]:
    from rungwise.lab.calibration.label import draft_and_label, with_reference
    from rungwise.lab.steps import generate

    steps = list(generate("test" if split == "test" else "calibration", count, seed=2))
    with _bar(f"{split}, {tier.name}", count) as progress:
        found = await draft_and_label(
            tier, steps, signals, concurrency=concurrency, progress=progress
        )
    if reference is None:
        return found
    with _bar(f"{split}, {reference.name}", count) as progress:
        return await with_reference(
            reference, steps, found, concurrency=concurrency, progress=progress
        )


async def _running(tiers: Sequence[Tier], work: Callable[[], Awaitable[_T]]) -> _T:
    """What `work` gives while these tiers run."""
    try:
        for tier in tiers:
            await tier.start()
        return await work()
    finally:
        for tier in tiers:
            await tier.stop()


@contextmanager
def _bar(name: str, count: int) -> Iterator[Callable[[], object]]:
    from tqdm import tqdm

    with tqdm(total=count, desc=name, mininterval=0.5) as bar:
        yield bar.update


def _readable(found: Sequence[Recorded | None], tier: str) -> list[Recorded]:
    items = [item for item in found if item is not None]
    if not items:
        raise ConfigError(
            f"--tier: nothing could be read of {len(found)} drafts of {tier!r}; "
            "check that it gives log-probabilities"
        )
    _warn_unread(len(found) - len(items))
    return items


def _warn_unread(count: int) -> None:
    if count:
        _warn(f"{count} drafts without a reading are left out; the gate accepts none of these")


def _warn(text: str) -> None:
    print(f"rungwise: {text}", file=sys.stderr)


# ---- whose drafts ----


def _subject(arguments: argparse.Namespace, *, needed: bool) -> Subject | None:
    """By --config and --tier, or by --model and --revision."""
    if arguments.model is not None and arguments.revision is not None:
        return Subject(model=arguments.model, revision=arguments.revision)
    if arguments.config is not None and arguments.tier is not None:
        return _subject_of(load(arguments.config), arguments.tier)
    if needed:
        raise ConfigError(
            "--out: whose drafts are these? name --config and --tier, or --model and --revision"
        )
    return None


def _subject_of(config: Config, name: str | None) -> Subject:
    from rungwise.tiers.revision import revision_of

    tier = _tier_config(config, name)
    return Subject(model=tier.shown_model, revision=revision_of(tier, config.engine_of(tier)))


def _tier_config(config: Config, name: str | None) -> TierConfig:
    for tier in config.tiers:
        if tier.name == name:
            return tier
    known = ", ".join(tier.name for tier in config.tiers)
    raise ConfigError(f"--tier: no tier {name!r}; the configuration has {known}")


def _tier(config: Config, name: str) -> Tier:
    from rungwise.build import build_ladder

    _tier_config(config, name)
    return next(tier for tier in build_ladder(config) if tier.name == name)


@contextmanager
def _config(arguments: argparse.Namespace) -> Iterator[Config]:
    """The configuration while it can be used: with --standin, while the stand-in runs."""
    if arguments.config is None or arguments.tier is None:
        raise ConfigError("--config and --tier: are needed to draft; or name --data or --ledger")
    with configured(arguments.config, standin=bool(arguments.standin), gates=False) as config:
        yield config


# ---- which signals ----


def _known(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in SIGNALS:
            raise ConfigError(f"--signals: no signal {name!r}; known: {', '.join(SIGNALS)}")
    return tuple(names)


def _from_tokens(names: Sequence[str]) -> tuple[str, ...]:
    for name in _known(names):
        if SIGNALS[name].make is None:
            raise ConfigError(
                f"--signals: {name} is asked for after a draft, which is not done here; calibrate "
                "on a --ledger or on --data that has it"
            )
    return tuple(names)
