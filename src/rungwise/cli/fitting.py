"""Which options say what should fit where? Shared by `rungwise models` and `rungwise doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.errors import ConfigError

if TYPE_CHECKING:
    from rungwise.weights.candidates import Candidate
    from rungwise.weights.fit import Wanted
    from rungwise.weights.places import Place
    from rungwise.weights.recommending import Choice, Way

__all__ = ["add_options", "candidates", "choice", "given", "here", "places", "wanted"]

CONTEXT, CONCURRENCY = 16_384, 16


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gpu",
        action="append",
        metavar="SIZE",
        help="24GiB, or 2x80GiB for two; several times for several boxes; unset: those here",
    )
    parser.add_argument(
        "--model", metavar="ID", help="one model: its id, that of its 4 bit, or its folder"
    )
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


def wanted(arguments: argparse.Namespace, models: Sequence[Candidate]) -> Wanted:
    """Where no context is asked for, not more than one of the models has. Raises ConfigError for
    a number that is none."""
    from rungwise.weights.fit import Wanted

    for name in ("context", "concurrency", "mean"):
        told = getattr(arguments, name)
        if told is not None and not 1 <= told <= 10_000_000:
            raise ConfigError(f"--{name}: {told} is too small or too large; say 1 to 10000000")
    longest = max((model.context or CONTEXT for model in models), default=CONTEXT)
    return Wanted(
        context=min(CONTEXT, longest) if arguments.context is None else arguments.context,
        concurrency=CONCURRENCY if arguments.concurrency is None else arguments.concurrency,
        mean=arguments.mean,
    )


def places(arguments: argparse.Namespace) -> tuple[Place, ...]:
    """The GPUs that were stated, else those that are here and CUDA shows to this process, else this
    machine's memory. Raises ConfigError."""
    from rungwise.weights.places import stated

    if arguments.gpu:
        return tuple(stated(told) for told in arguments.gpu)
    return here()


def here() -> tuple[Place, ...]:
    """Raises ConfigError."""
    from rungwise.observe.doctor import memory
    from rungwise.observe.gpu import GpuAbsent, every_gpu
    from rungwise.tiers.local.vllm_compat import visible_gpus
    from rungwise.weights.places import present, this_cpu

    found, visible = every_gpu(), visible_gpus()
    hidden = visible is not None and visible[:1] in ((), ("-1",))
    if isinstance(found, GpuAbsent) or hidden or all(gpu.fault for gpu in found):
        return (this_cpu(memory().available),)
    if not (there := present(found, visible)):
        raise ConfigError(
            f"CUDA_VISIBLE_DEVICES: {','.join(visible or ())} is no GPU that is known here; state "
            "one with --gpu, such as 24GiB"
        )
    return there


def candidates(arguments: argparse.Namespace) -> Sequence[Candidate]:
    """Raises ConfigError for a model that is neither carded nor a folder."""
    from rungwise.tiers.cards import shipped
    from rungwise.weights.candidates import carded, named

    cards = shipped().values()
    return carded(cards) if arguments.model is None else (named(arguments.model, cards),)


def choice(found: Sequence[Way], wanted: Wanted, brought: Sequence[Path] = ()) -> Choice:
    """The best that can be had: `brought` are folders where models lie as ORG/NAME."""
    from functools import partial

    from rungwise.weights.hub import the_hub
    from rungwise.weights.obtaining import lack
    from rungwise.weights.recommending import choose

    return choose(found, wanted, partial(lack, at=the_hub(), brought=brought))
