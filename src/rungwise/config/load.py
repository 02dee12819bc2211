"""What do a YAML file and the environment say? The only reader of the environment.

A key that is not known, a value of the wrong type and a missing variable are each one line that
names the file, the key, what it must be, and the mend.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import SecretStr, ValidationError

from rungwise.config.document import Config
from rungwise.config.routing import ChoiceConfig
from rungwise.config.section import Section
from rungwise.config.tiers import AdapterTierConfig, HostedTierConfig, Tiers, VllmTierConfig
from rungwise.errors import ConfigError

__all__ = ["api_keys", "has_variable", "load"]

_S = TypeVar("_S", bound=Section)

LONGEST_NAME, MOST_DIGITS = 40, 3


def load(path: Path, environ: Mapping[str, str] | None = None, *, serving: bool = True) -> Config:
    """Read and check one configuration file. Raises ConfigError with one line.

    Without `serving` only the ledger's address is asked of the environment: who reads a report
    needs no provider's key.

    Relative paths in the file are taken from the file's folder's parent when it is named
    `configs`, else from the file's folder, so that a checkout works from anywhere.
    """
    environ = os.environ if environ is None else environ
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); name it with --config"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML ({_where(error)})") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must hold keys and values, such as `tiers:`; see configs/")
    try:
        # as JSON: strictly, so that `port: true` is no port, and yet with names for paths and types
        config = Config.model_validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not plain keys and values ({_one_line(error)})") from None
    return _resolved(config, path, environ, serving)


def _resolved(config: Config, path: Path, environ: Mapping[str, str], serving: bool) -> Config:
    """The same configuration with keys filled in and paths made absolute."""
    folder = path.resolve().parent
    root = folder.parent if folder.name == "configs" else folder
    tiers = tuple(_with_folder(tier, root) for tier in config.tiers)
    gates = tuple(
        gate.model_copy(update={"calibration": root / gate.calibration.expanduser()})
        if gate.calibration
        else gate
        for gate in config.gates
    )
    routing = _with_files(config.routing, root)
    ledger = config.ledger.model_copy(update={"path": root / config.ledger.path.expanduser()})
    ledger = _filled(ledger, "url", ledger.url_env, f"{path}: ledger.url_env", environ)
    if (url := ledger.url.get_secret_value()) and "://" not in url:
        raise ConfigError(
            f"{path}: ledger.url_env: the variable holds no address of a database; it looks like "
            "postgresql://user:password@host:5432/name"
        )
    cache = config.answer_cache
    if serving:
        tiers = tuple(_with_key(tier, path, environ) for tier in tiers)
        place = f"{path}: answer_cache.redis_url_env"
        cache = _filled(cache, "redis_url", cache.redis_url_env, place, environ)
    return config.model_copy(
        update={
            "tiers": tiers,
            "gates": gates,
            "routing": routing,
            "ledger": ledger,
            "answer_cache": cache,
            "box": _with_files(config.box, root),
        }
    )


def _with_files(section: _S, root: Path) -> _S:
    """The section, and those in it, with the paths made absolute."""
    found: dict[str, object] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            found[name] = root / value.expanduser()
        elif isinstance(value, ChoiceConfig):
            found[name] = _with_files(value, root)
    return section.model_copy(update=found)


def _filled(
    section: _S, key: str, variable: str | None, place: str, environ: Mapping[str, str]
) -> _S:
    """The section with a secret from the environment. Raises ConfigError where it is not set."""
    if variable is None:
        return section
    secret = environ.get(variable, "")
    if not secret:
        name = _shown(variable, place.rpartition(".")[2])
        raise ConfigError(f"{place}: the variable {name} is not set; export it or remove the key")
    return section.model_copy(update={key: SecretStr(secret)})


def _with_folder(tier: Tiers, root: Path) -> Tiers:
    """A vLLM model that names an existing folder, or plainly a path, becomes that folder; an
    adapter always is one."""
    if isinstance(tier, AdapterTierConfig):
        return tier.model_copy(update={"model": str(root / Path(tier.model).expanduser())})
    if not isinstance(tier, VllmTierConfig):
        return tier
    if (template := tier.engine.chat_template) is not None:
        path = root / template.expanduser()
        engine = tier.engine.model_copy(update={"chat_template": path})
        tier = tier.model_copy(update={"engine": engine})
    if (guess := tier.engine.speculative) is not None and guess.model is not None:
        guess = guess.model_copy(update={"model": _folder(guess.model, root)})
        engine = tier.engine.model_copy(update={"speculative": guess})
        tier = tier.model_copy(update={"engine": engine})
    return tier.model_copy(update={"model": _folder(tier.model, root)})


def _folder(model: str, root: Path) -> str:
    """An id of the hub stays as it is."""
    folder = root / Path(model).expanduser()
    is_path = model.startswith((".", "/", "~", "models/")) or folder.is_dir()
    return str(folder) if is_path else model


def _with_key(tier: Tiers, path: Path, environ: Mapping[str, str]) -> Tiers:
    if not isinstance(tier, HostedTierConfig):
        return tier
    equals = tuple(_with_key(equal, path, environ) for equal in tier.equals)
    key = environ.get(tier.api_key_env, "")
    if not key:
        variable = _shown(tier.api_key_env, "api_key_env")
        raise ConfigError(
            f"{path}: tier {tier.name!r} needs the variable {variable}, which is not set; "
            f"export it or remove the tier"
        )
    return tier.model_copy(update={"api_key": SecretStr(key), "equals": equals})


def api_keys(config: Config, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The keys that callers may use; empty when none are asked for. Raises ConfigError."""
    environ = os.environ if environ is None else environ
    variable = config.server.api_keys_env
    if variable is None:
        return ()
    keys = tuple(key.strip() for key in environ.get(variable, "").split(",") if key.strip())
    if not keys:
        raise ConfigError(
            f"server.api_keys_env: the variable {_shown(variable, 'it')} holds no key; "
            "export it as key1,key2 or remove the setting"
        )
    return keys


def _shown(variable: str, key: str) -> str:
    """A secret in the place of its variable's name can look like a name: it is not repeated."""
    return variable if variable.isupper() else f"that {key} names"


def _explain(error: ValidationError) -> str:
    """One fault, an unknown key before others, the deepest first: which key, and what to do.

    The value is left out: a key that was put into the wrong place must not reach a log.
    """
    faults = error.errors(include_url=False)
    fault = max(faults, key=lambda f: (f["type"] == "extra_forbidden", len(f["loc"])))
    tags = ("vllm", "adapter", "openai", "responses", "anthropic", "plugin")
    place = ".".join(_named(part) for part in fault["loc"] if part not in tags)
    if fault["type"] == "extra_forbidden":
        return f"{place}: no such key; remove it or correct its name"
    if fault["type"] == "missing":
        return f"{place}: is missing"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _named(part: object) -> str:
    """A secret in the place of a key is not repeated: it is longer than a key, or of digits."""
    name = str(part)
    is_word = len(name) <= LONGEST_NAME and sum(map(str.isdigit, name)) <= MOST_DIGITS
    return name if is_word or isinstance(part, int) else "(not shown)"


def _where(error: Exception) -> str:
    """Without the line itself, which may hold a secret, and without what is quoted of it."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _one_line(error)
    problem = re.sub(r"(['\"]).{4,}?\1", "...", getattr(error, "problem", "") or "")
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def has_variable(name: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a variable is set; its value stays here."""
    return bool((os.environ if environ is None else environ).get(name))
