"""What did each rung's answer cost? As recorded, by a price list, or in units that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from rungwise.errors import ConfigError
from rungwise.lab.ladders.data import CHARACTERS_PER_TOKEN
from rungwise.lab.ladders.rows import RecordedLadder, Result, Row

__all__ = ["Price", "priced", "read_prices"]

DEAREST_USD = 0.01
STEP = 10.0
"""Without prices each rung costs so many times the one below."""


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    """How long an answer is taken to be where the data does not tell."""

    def of(self, row: Row, result: Result) -> float | None:
        """None where nobody tells how long the answer was."""
        written = result.output_tokens if result.output_tokens is not None else self.output_tokens
        if written is None:
            return None
        read = (len(row.system) + len(row.prompt)) / CHARACTERS_PER_TOKEN
        return (read * self.input + written * self.output) / 1e6


_LIST = TypeAdapter(dict[str, Price])


def read_prices(path: Path) -> dict[str, Price]:
    """YAML or JSON: {rung: {input, output, output_tokens?}}. Raises ConfigError."""
    try:
        return _LIST.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"--prices: {path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())[:200]
        raise ConfigError(f"--prices: {path}: not YAML ({told}); correct it") from None
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(f"--prices: {path}: {key}: {fault['msg']}; correct it") from None


def priced(data: RecordedLadder, prices: Mapping[str, Price] | None = None) -> RecordedLadder:
    """The same with a cost for every result, and a note that says where it comes from. A rung of
    the price list goes by that, another one as it was recorded. Raises ConfigError."""
    given = prices or {}
    unknown = [
        name
        for name in data.tiers
        if name not in given and any(row.tiers[name].cost_usd is None for row in data.rows)
    ]
    if unknown and given:
        raise ConfigError(f"--prices: {data.name}: no price and no cost for {', '.join(unknown)}")
    if unknown:
        return _in_units(data)
    rows = tuple(_by_list(row, given) for row in data.rows)
    used = [name for name in data.tiers if name in given]
    return replace(data, rows=rows, notes=(*data.notes, *_told(data, used)))


def _told(data: RecordedLadder, used: list[str]) -> list[str]:
    if not used:
        return ["costs as recorded"]
    kept = [name for name in data.tiers if name not in used]
    told = (
        f"costs of {', '.join(used)} by the price list, at {CHARACTERS_PER_TOKEN} characters a "
        "token of the prompt"
    )
    return [told, *([f"costs of {', '.join(kept)} as recorded"] if kept else [])]


def _by_list(row: Row, prices: Mapping[str, Price]) -> Row:
    found = dict(row.tiers)
    for name in row.tiers.keys() & prices.keys():
        cost = prices[name].of(row, row.tiers[name])
        if cost is None:
            raise ConfigError(
                f"--prices: {name}: nobody tells how long its answer to {row.id} was; add "
                "output_tokens to its price"
            )
        found[name] = replace(row.tiers[name], cost_usd=cost)
    return replace(row, tiers=found)


def _in_units(data: RecordedLadder) -> RecordedLadder:
    top = len(data.tiers) - 1
    units = {name: DEAREST_USD / STEP ** (top - place) for place, name in enumerate(data.tiers)}
    rows = tuple(
        replace(row, tiers={n: replace(r, cost_usd=units[n]) for n, r in row.tiers.items()})
        for row in data.rows
    )
    told = ", ".join(f"{name} ${usd:g}" for name, usd in units.items())
    note = f"no costs in the data and no --prices: every answer is taken to cost {told}"
    return replace(data, rows=rows, notes=(*data.notes, note))
