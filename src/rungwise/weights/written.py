"""How is a recommendation written down, so that `rungwise serve` takes it?"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import TypeAlias

import yaml

from rungwise.errors import ConfigError
from rungwise.weights.memory import GIB
from rungwise.weights.places import SHARE
from rungwise.weights.recommending import Way

__all__ = ["check_absent", "write", "written"]

_HOSTED = """
# Without a rung above it, tier1's drafts are answers. With a key in OPENAI_API_KEY, below it:
# - name: tier2
#   kind: openai
#   model: gpt-5.4-mini
#   api_key_env: OPENAI_API_KEY
# and a gate for tier1, which `rungwise calibrate` fits (docs/calibration.md):
# gates: [{tier: tier1, calibration: models/calibration/mine.json}]
"""
_Told: TypeAlias = dict[str, object]


def written(way: Way, concurrency: int) -> str:
    """The YAML of one local rung."""
    fit = way.fit
    name = " ".join(way.candidate.name.split())  # a comment is one line
    head = (
        f"# {name} in {fit.precision} on {way.place.name}, by `rungwise doctor --fit`:\n"
        f"# GiB of each: weights {_gib(fit.weights)}, other {_gib(fit.overhead)}, left for the KV "
        f"cache {_gib(fit.cache)} +- {_gib(fit.margin)}\n"
    )
    tiers = yaml.safe_dump({"tiers": [_rung(way, concurrency)]}, sort_keys=False)
    return head + tiers + _HOSTED


def _rung(way: Way, concurrency: int) -> _Told:
    candidate, card = way.candidate, way.candidate.card
    repository = candidate.repository(way.fit.precision) or candidate.name
    if candidate.folder is not None:  # a file elsewhere must find it too
        repository = str(candidate.folder.resolve())
    told: _Told = {"name": "tier1", "kind": "vllm", "model": repository}
    if card is not None and card.local is not None:
        if repository != card.id:
            told["card"] = card.id
        if (pinned := card.local.pinned(repository)) is not None:
            told["revision"] = pinned
    used = (way.place.indices or ())[: way.fit.tensor * way.copies]
    if used != tuple(range(len(used))):
        told["gpus"] = list(used)
    return told | {"engine": _engine(way, concurrency)}


def _engine(way: Way, concurrency: int) -> _Told:
    fit, local = way.fit, way.candidate.card.local if way.candidate.card else None
    told: _Told = {}
    if way.in_float16:
        told["dtype"] = "float16"
    if fit.precision == "fp8" and way.candidate.stored != "fp8":
        told["quantization"] = "fp8_per_tensor"
    told["max_model_len"] = fit.context
    told["max_num_seqs"] = max(1, -(-concurrency // way.copies))
    if way.place.gpus == 0:
        told["kv_cache_gib"] = ceil(10 * max(fit.needed, GIB // 4) / GIB) / 10
    elif way.place.share < SHARE:
        told["gpu_memory_utilization"] = way.place.share
    if fit.tensor > 1:
        told["tensor_parallel_size"] = fit.tensor
    if way.copies > 1:
        told["data_parallel_size"] = way.copies
    for name in ("tool_parser", "reasoning_parser"):
        if (parser := getattr(local, name, None)) is not None:
            told[name] = parser
    return told


def check_absent(file: Path | None) -> None:
    """Raises ConfigError where the file is there already."""
    if file is not None and (file.exists() or file.is_symlink()):
        raise ConfigError(f"--write: {file} is there already; name another file")


def write(file: Path, text: str) -> None:
    """Raises ConfigError where the file is there already, or cannot be written."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise ConfigError(f"--write: {file} is there already; name another file") from None
    except OSError as error:
        raise ConfigError(f"--write: cannot write {file} ({error.strerror})") from None


def _gib(count: int) -> str:
    return f"{count / GIB:.1f}"
