"""Which ladder do this machine and the keys in its environment allow? Written down for the image.

Its entry script (scripts/container) asks that where the owner names no configuration: the rung
below is what fits here, fetched and checked, and those above it are the hosted rungs of a pattern
whose keys are set.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from rungwise.cli.main import main as rungwise
from rungwise.config import has_variable
from rungwise.errors import ConfigError
from rungwise.weights.sound import faults

__all__ = ["boxed", "held", "main"]

Document: TypeAlias = dict[str, Any]
LEDGER_ENV = "RUNGWISE_LEDGER"
FETCHED = Path("~/.cache/rungwise/models")
HEAD = """\
# Made at each start of the container, from what fits this machine and the keys in .env: what is
# changed here is lost. Copy it to configs/, change it there, and name it in RUNGWISE_CONFIG.
"""


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
    found = next(
        (folder for folder in folders if folder.is_dir() and not any(faults(folder))), None
    )
    if found is None and fetch(repository):
        found = folders[-1]
    if found is None:
        return local
    return {"card": repository, **local, "model": str(found)}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rungwise.cli.container", description=__doc__)
    parser.add_argument("--from", dest="pattern", type=Path, required=True, metavar="FILE")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--weights", type=Path, action="append", default=[], metavar="DIR", help="models are there"
    )
    arguments = parser.parse_args(argv)
    pattern = yaml.safe_load(arguments.pattern.read_text(encoding="utf-8"))
    try:
        ledger, local = arguments.to.absolute().with_suffix(".db"), _fitting()
        if local is not None:
            local = held(local, [*arguments.weights, FETCHED.expanduser()], _fetch)
        made = boxed(pattern, local, has_variable, ledger)
        text = HEAD + yaml.safe_dump(made, sort_keys=False)
        arguments.to.write_text(text, encoding="utf-8")
    except (ConfigError, OSError) as error:
        print(f"rungwise: {error}", file=sys.stderr)
        return 2
    rungs = ", ".join(f"{tier['name']} {tier['model']}" for tier in made["tiers"])
    print(f"ladder: {rungs} ({arguments.to})")
    return 0


def _fitting() -> Document | None:
    """The rung that `rungwise doctor --fit` would have here; None where nothing fits."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fits.yaml"
        rungwise(["doctor", "--fit", "--write", str(file)])
        if not file.exists():
            return None
        (tier,) = yaml.safe_load(file.read_text(encoding="utf-8"))["tiers"]
        assert isinstance(tier, dict)
        return tier


def _fetch(repository: str) -> bool:
    return rungwise(["models", "fetch", repository, "--to", str(FETCHED.expanduser())]) == 0


if __name__ == "__main__":
    sys.exit(main())
