"""Which ladder do this machine and the keys in its environment allow? Written down for the image.

Its entry script (scripts/container) asks that where the owner names no configuration: the rung
below is what fits here, fetched and checked, and those above it are the hosted rungs of a pattern
whose keys are set. What fits is asked once: a restart beside something that holds memory shall not
bring another model.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from rungwise.cli import fitting
from rungwise.cli.main import main as rungwise
from rungwise.config import has_variable
from rungwise.errors import ConfigError
from rungwise.observe.doctor import memory
from rungwise.observe.gpu import shown_gpus
from rungwise.tiers.local.vllm_compat import visible_gpus
from rungwise.weights.memory import GIB
from rungwise.weights.recommending import ways
from rungwise.weights.shown import recommended
from rungwise.weights.sound import is_sound
from rungwise.weights.written import written

__all__ = ["boxed", "held", "kept", "main"]

Document: TypeAlias = dict[str, Any]
LEDGER_ENV = "RUNGWISE_LEDGER"
FETCHED = Path("~/.cache/rungwise/models")
HEAD = """\
# Made at each start of the container, from the keys in .env and what fits this machine: what is
# changed here is lost. Copy it to configs/, change it there, and name it in RUNGWISE_CONFIG.
# The local rung is kept while it is the same machine and its model is there. To have it chosen
# anew, remove this file and start again.
"""
MACHINE = "# chosen on: "


def boxed(
    pattern: Document, local: Document | None, has: Callable[[str], bool], ledger: Path
) -> Document:
    """The pattern with `local` in the place of its local rungs, without the hosted rungs that have
    no key, and without what named them. `has` tells whether a variable is set.

    Until the owner calibrates its gate, `local` is judged by checks alone: there is no calibration
    that fits a model which was chosen just now. Raises ConfigError where no rung is left.
    """
    hosted = [tier for tier in pattern["tiers"] if has(tier.get("api_key_env", ""))]
    tiers = [*([local] if local is not None else []), *hosted]
    if not tiers:
        raise ConfigError(
            "no rung is left: no model fits this machine, and no provider's key is set; "
            "put OPENAI_API_KEY or ANTHROPIC_API_KEY into .env"
        )
    names = {tier["name"] for tier in tiers}
    judged = [local["name"]] if local is not None and hosted else []
    return {
        **pattern,
        "tiers": tiers,
        "gates": [{"tier": name, "accept": "checked"} for name in judged],
        "routing": _routing(pattern.get("routing", {}), names),
        "ledger": {"url_env": LEDGER_ENV} if has(LEDGER_ENV) else {"path": str(ledger)},
        "access": {**pattern.get("access", {}), "stored_keys": True},
    }


def _routing(routing: Document, names: set[str]) -> Document:
    """Step types start and end by the shipped table where the pattern names a rung that is gone."""
    types: Document = routing.get("step_types", {})
    kept = {
        name: {key: rung for key, rung in route.items() if rung in names}
        for name, route in types.items()
    }
    return {**routing, "step_types": kept}


def held(local: Document, places: Sequence[Path], fetch: Callable[[str], bool]) -> Document:
    """The rung with its model in the first of these places that has it as ORG/NAME, whole; else in
    the last one, if `fetch` gets it there. Where it does not, the rung is as it was: the engine
    tries by itself, and `serve` says what is lacking."""
    repository: str = local["model"]
    folders = [place / repository for place in places]
    found = next(filter(is_sound, folders), None)
    if found is None and fetch(repository):
        found = folders[-1]
    if found is None:
        return local
    named = {key: told for key, told in local.items() if key != "revision"}  # of the hub
    return {"card": repository, **named, "model": str(found)}


def kept(file: Path, machine: str) -> Document | None:
    """The local rung of the last start, if it was chosen on this machine and its model is whole."""
    try:
        text = file.read_text(encoding="utf-8")
        tier = yaml.safe_load(text)["tiers"][0]
        folder = Path(tier["model"])
        is_local, same = tier["kind"] == "vllm", f"{MACHINE}{machine}" in text.splitlines()
    except (OSError, ValueError, yaml.YAMLError, KeyError, IndexError, TypeError):
        return None
    there = folder.is_absolute() and is_sound(folder)
    return tier if is_local and same and there else None


def main(argv: Sequence[str] | None = None, fetch: Callable[[str], bool] | None = None) -> int:
    """`fetch` gets a repository into FETCHED, and tells whether it did; None: from the hub."""
    parser = argparse.ArgumentParser(prog="python -m rungwise.cli.container", description=__doc__)
    parser.add_argument("--from", dest="pattern", type=Path, required=True, metavar="FILE")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--weights", type=Path, action="append", default=[], metavar="DIR", help="models are there"
    )
    arguments = parser.parse_args(argv)
    pattern = yaml.safe_load(arguments.pattern.read_text(encoding="utf-8"))
    machine, ledger = _machine(), arguments.to.absolute().with_suffix(".db")
    try:
        local = kept(arguments.to, machine)
        if local is not None:
            print(f"tier1: {local['model']}, as before; to choose anew remove {arguments.to}")
        else:
            local = _local([*arguments.weights, FETCHED.expanduser()], fetch or _fetch)
        made = boxed(pattern, local, has_variable, ledger)
        text = f"{HEAD}{MACHINE}{machine}\n{yaml.safe_dump(made, sort_keys=False)}"
        arguments.to.write_text(text, encoding="utf-8")
    except (ConfigError, OSError) as error:
        print(f"rungwise: {error}", file=sys.stderr)
        return 2
    rungs = ", ".join(f"{tier['name']} {tier['model']}" for tier in made["tiers"])
    print(f"ladder: {rungs} ({arguments.to})")
    return 0


def _machine() -> str:
    """Its GPUs as CUDA shows them, or its memory: not what is free of either."""
    there = [gpu for gpu in shown_gpus(visible_gpus()) if gpu.fault is None]
    each = [f"{gpu.name}, {gpu.total_gib:.0f} GiB" for gpu in there]
    return " + ".join(each) or f"no GPU, {memory().total / GIB:.0f} GiB"


def _local(places: Sequence[Path], fetch: Callable[[str], bool]) -> Document | None:
    """The rung that fits here, with its model; None, and a warning, where none does."""
    told = _fitting(places)
    if told is None:
        print("warning: no local rung: drafts are written by hosted ones alone", file=sys.stderr)
        return None
    return held(told, places, fetch)


def _fitting(places: Sequence[Path]) -> Document | None:
    """What `rungwise doctor --fit` would recommend here, and a model in one of these places is as
    good as one that can be fetched; None where nothing fits."""
    options = argparse.ArgumentParser()
    fitting.add_options(options)
    asked = options.parse_args([])
    models, there = fitting.candidates(asked), fitting.here()
    wanted = fitting.wanted(asked, models)
    found = [way for place in there for way in ways(models, place, wanted)]
    choice = fitting.choice(found, wanted, places)
    for line in recommended(choice, models, there, wanted):
        print(line)
    if choice.way is None:
        return None
    (tier,) = yaml.safe_load(written(choice.way, wanted.concurrency))["tiers"]
    assert isinstance(tier, dict)
    return tier


def _fetch(repository: str) -> bool:
    return rungwise(["models", "fetch", repository, "--to", str(FETCHED.expanduser())]) == 0


if __name__ == "__main__":
    sys.exit(main())
