"""What is to be different in a replay? Another routing section, other prices."""

from __future__ import annotations

import argparse
import json
from collections.abc import Set
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rungwise.config import IDLE, Config, RoutingConfig, VllmTierConfig
from rungwise.config.tiers import HostedTierConfig, Tiers
from rungwise.errors import ConfigError

__all__ = ["changed_prices", "changed_routing"]


def changed_routing(arguments: argparse.Namespace, config: Config) -> RoutingConfig | None:
    """The other policy; None where nothing of it changes. Raises ConfigError."""
    said: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in ("policy", "difficulty", "promise")
        if getattr(arguments, name) is not None
    }
    worth = {
        name: getattr(arguments, name)
        for name in ("right_usd", "second_usd")
        if getattr(arguments, name) is not None
    }
    if arguments.routing is None and not said and not worth:
        return None
    told = config.routing.model_dump(exclude_unset=True)
    place = "--policy"
    if arguments.routing is not None:
        place = str(arguments.routing)
        told = _resolved(_section(arguments.routing), arguments.routing)
    told = {**told, **said}
    for key in IDLE.get(str(told.get("policy")), ()) if "policy" in said else ():
        if key not in said:
            told.pop(key, None)
    if worth:
        told["worth"] = {**told.get("worth", {}), **worth}
    try:
        other = RoutingConfig.model_validate_json(json.dumps(told, default=str), strict=True)
        Config(tiers=config.tiers, routing=other)
    except ValidationError as error:
        raise ConfigError(_told(error, place, {*said, *worth})) from None
    return other


def _told(error: ValidationError, place: str, said: Set[str]) -> str:
    """Where an option gave what is wrong, it is named, else the section and the key in it."""
    fault = error.errors(include_url=False)[0]
    key = str(fault["loc"][-1]) if fault["loc"] else ""
    if key not in said:
        return f"{place}: {_first(error)}"
    return f"--{key.replace('_', '-')}: {fault['msg'].removeprefix('Value error, ')}"


def changed_prices(file: Path | None, config: Config) -> Config:
    """The same ladder at other prices. Raises ConfigError."""
    if file is None:
        return config
    told, names = _document(file), [tier.name for tier in config.tiers]
    unknown = next((name for name in told if name not in names), None)
    if unknown is not None:
        raise ConfigError(f"{file}: no tier {unknown!r}; the ladder has {', '.join(names)}")
    tiers = tuple(
        _priced(tier, told[tier.name], file) if tier.name in told else tier for tier in config.tiers
    )
    return config.model_copy(update={"tiers": tiers})


def _priced(tier: Tiers, told: object, file: Path) -> Tiers:
    """The tier's section with another price; all that is checked of a section is."""
    if isinstance(tier, HostedTierConfig):
        change = {"price": told}
    elif isinstance(tier, VllmTierConfig) and isinstance(told, dict):
        change = told
        if set(told) != {"usd_per_gpu_hour"}:
            raise ConfigError(f"{file}: {tier.name}: of a local tier only usd_per_gpu_hour")
    else:
        raise ConfigError(f"{file}: {tier.name}: this kind of tier prices itself")
    try:
        text = json.dumps({**tier.model_dump(exclude={"api_key", "equals"}), **change}, default=str)
        made = type(tier).model_validate_json(text, strict=True)
    except (ValidationError, TypeError, ValueError) as error:
        raise ConfigError(f"{file}: {tier.name}: {_first(error)}") from None
    return tier.model_copy(update={name: getattr(made, name) for name in change})


def _section(file: Path) -> dict[str, Any]:
    """The file's `routing`, or the whole of it."""
    told = _document(file)
    found = told.get("routing", told)
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: routing: must hold keys and values")
    return found


def _document(file: Path) -> dict[str, Any]:
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); correct its name") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: not YAML ({str(error).splitlines()[0]:.100})") from None
    if not isinstance(told, dict):
        raise ConfigError(f"{file}: must hold keys and values")
    return told


def _resolved(told: dict[str, Any], file: Path) -> dict[str, Any]:
    """Paths are taken from where a configuration's would be (config/load.py)."""
    folder = file.resolve().parent
    root = folder.parent if folder.name == "configs" else folder
    found = dict(told)
    for name in ("difficulty", "classifier"):
        if isinstance(found.get(name), str):
            found[name] = str(root / Path(found[name]).expanduser())
    return found


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())[:200]
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
