"""Which options say what should fit where? Shared by `rungwise models` and `rungwise doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.weights.candidates import Candidate
    from rungwise.weights.fit import Wanted
    from rungwise.weights.places import Place

__all__ = ["add_options", "candidates", "given", "places", "wanted"]

CONTEXT, CONCURRENCY = 16_384, 16


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gpu",
        action="append",
        metavar="SIZE",
        help="24GiB, or 2x80GiB for two; several times for several boxes; unset: those here",
    )
    parser.add_argument("--model", metavar="ID", help="one model: its id, or its folder")
    parser.add_argument(
        "--context",
        type=int,
        metavar="N",
        help=f"tokens of prompt and answer together, at most (default {CONTEXT})",
    )
    parser.add_argument(
        "--concurrency", type=int, metavar="N", help=f"requests at once (default {CONCURRENCY})"
    )
    parser.add_argument(
        "--mean", type=int, metavar="N", help="tokens of a request at the mean (default: a quarter)"
    )


def given(arguments: argparse.Namespace) -> list[str]:
    """Those of the options that were used."""
    names = ("gpu", "model", "context", "concurrency", "mean")
    return [name for name in names if getattr(arguments, name) is not None]


def wanted(arguments: argparse.Namespace) -> Wanted:
    """Raises ConfigError for a number that is none."""
    from rungwise.weights.fit import Wanted

    for name in ("context", "concurrency", "mean"):
        told = getattr(arguments, name)
        if told is not None and not 1 <= told <= 10_000_000:
            raise ConfigError(f"--{name}: {told} is too small or too large; say 1 to 10000000")
    return Wanted(
        context=CONTEXT if arguments.context is None else arguments.context,
        concurrency=CONCURRENCY if arguments.concurrency is None else arguments.concurrency,
        mean=arguments.mean,
    )


def places(arguments: argparse.Namespace) -> tuple[Place, ...]:
    """The GPUs that were stated, else those that are here, else this machine's memory."""
    from rungwise.observe.doctor import memory
    from rungwise.observe.gpu import GpuAbsent, gpus
    from rungwise.weights.places import present, stated, this_cpu

    if arguments.gpu:
        return tuple(stated(told) for told in arguments.gpu)
    here = gpus()
    if isinstance(here, GpuAbsent):
        return (this_cpu(memory().available),)
    return present(here)


def candidates(arguments: argparse.Namespace) -> Sequence[Candidate]:
    """Raises ConfigError for a model that is neither carded nor a folder."""
    from rungwise.tiers.cards import shipped
    from rungwise.weights.candidates import carded, named

    cards = shipped().values()
    return (named(arguments.model, cards),) if arguments.model else carded(cards)
