"""How is a recommendation written down, so that `rungwise serve` takes it?"""

from __future__ import annotations

from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.weights.memory import GIB
from rungwise.weights.recommending import Way

__all__ = ["write", "written"]

_HOSTED = """
# Without a rung above it, tier1's drafts are answers. With a key in OPENAI_API_KEY:
#  - name: tier2
#    kind: openai
#    model: gpt-5.4-mini
#    api_key_env: OPENAI_API_KEY
# and a gate for tier1, which `rungwise calibrate` fits (docs/calibration.md):
# gates: [{tier: tier1, calibration: models/calibration/mine.json}]
"""


def written(way: Way, concurrency: int) -> str:
    """The YAML of one local rung."""
    fit, candidate = way.fit, way.candidate
    repository = candidate.repository(fit.precision) or candidate.name
    if candidate.stored is not None:  # a folder: a file elsewhere must find it too
        repository = str(Path(repository).expanduser().resolve())
    lines = [
        f"# {candidate.name} in {fit.precision} on {way.place.name}, by `rungwise doctor --fit`:",
        f"# GiB of each: weights {_gib(fit.weights)}, other {_gib(fit.overhead)}, left for the KV "
        f"cache {_gib(fit.cache)} +- {_gib(fit.margin)}",
        "tiers:",
        "  - name: tier1",
        "    kind: vllm",
        f"    model: {repository}",
    ]
    if candidate.card is not None:
        if repository != candidate.card.id:
            lines.append(f"    card: {candidate.card.id}")
        local = candidate.card.local
        if local is not None and local.hub == repository and local.revision is not None:
            lines.append(f"    revision: {local.revision}")
    lines.append("    engine:")
    lines += [f"      {name}: {value}" for name, value in _engine(way, concurrency).items()]
    return "\n".join(lines) + "\n" + _HOSTED


def _engine(way: Way, concurrency: int) -> dict[str, object]:
    fit, local = way.fit, way.candidate.card.local if way.candidate.card else None
    told: dict[str, object] = {}
    if fit.precision == "fp8" and way.candidate.stored != "fp8":
        told["quantization"] = "fp8_per_tensor"
    told["max_model_len"] = fit.context
    told["max_num_seqs"] = max(1, -(-concurrency // way.copies))
    if way.place.gpus == 0:
        told["kv_cache_gib"] = round(max(fit.needed, GIB // 4) / GIB + 0.05, 1)
    if fit.tensor > 1:
        told["tensor_parallel_size"] = fit.tensor
    if way.copies > 1:
        told["data_parallel_size"] = way.copies
    for name in ("tool_parser", "reasoning_parser"):
        if (parser := getattr(local, name, None)) is not None:
            told[name] = parser
    return told


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
