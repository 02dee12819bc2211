"""Does the JSON beside a model's weights say what it must? That it can be read, and which model.

config.json is told of by its contents; of the others only whether they are whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from rungwise.weights.manifest import AGAIN

__all__ = ["described"]

BESIDE = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "chat_template.json",
)
"""What transformers reads of a folder, where it is there; each holds keys and values."""

PARSED = 4 * 2**20
"""Bytes of a file that is read in whole. A vocabulary of 30 MB takes a second or two to parse, and
one that was cut short is told by its end."""

COUNTS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
    "max_position_embeddings",
)
"""Of config.json: numbers, or one for each layer, or null, where a model has them."""


def described(folder: Path, config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What is found, and the mend. `config` is what its config.json holds."""
    yield from _architecture(folder, config)
    yield from _numbers(folder, config)
    for name in BESIDE:
        if (folder / name).is_file() and not _is_whole(folder / name):
            yield f"{folder / name} cannot be read as JSON", AGAIN


def _architecture(folder: Path, config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """By which vLLM finds the model's class."""
    told = config.get("architectures")
    if not isinstance(told, list) or not told or not all(isinstance(name, str) for name in told):
        yield f"{folder}/config.json names no architectures", f"{AGAIN}, or name its class there"


def _numbers(folder: Path, config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    nested = config.get("text_config")
    for part in (config, nested if isinstance(nested, dict) else {}):
        for key in COUNTS:
            if not _is_count(part.get(key)):
                yield f"{folder}/config.json says {key}: {part[key]!r:.40}, no number", AGAIN


def _is_count(told: object) -> bool:
    return all(
        one is None or (isinstance(one, int | float) and not isinstance(one, bool))
        for one in (told if isinstance(told, list) else [told])
    )


def _is_whole(file: Path) -> bool:
    try:
        if file.stat().st_size > PARSED:
            with file.open("rb") as opened:
                opened.seek(-16, 2)
                return opened.read().rstrip().endswith(b"}")
        return isinstance(json.loads(file.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError, RecursionError):
        return False
