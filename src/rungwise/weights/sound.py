"""Is a model's folder whole and harmless? What is missing, would run code, or was altered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.weights.described import described
from rungwise.weights.folder import read_config
from rungwise.weights.headers import named_shards, tensors
from rungwise.weights.manifest import AGAIN, MANIFEST, Sealed, read

__all__ = ["MANIFEST", "PICKLES", "TOKENIZERS", "altered", "faults", "is_sound"]

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tekken.json", "vocab.json")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def faults(folder: Path, *, weights: bool = True) -> Iterator[tuple[str, str]]:
    """What is found, and the mend. Without `weights` (load_format: dummy) none are missed. Looks
    at names, sizes, headers and the JSON beside the weights; `altered` reads every byte."""
    if not (folder / "config.json").is_file():
        yield f"{folder} holds no config.json", "correct tiers[].model or fetch the model"
        return
    try:
        config = read_config(folder)
        yield from _code(folder, config)
        yield from described(folder, config)
        if not any((folder / name).is_file() for name in TOKENIZERS):
            yield (
                f"{folder} holds no tokenizer",
                "fetch the whole revision: tokenizer.json and its neighbours",
            )
        if weights:
            yield from _weights(folder)
        for name, one in _fetched(folder).items():
            yield from _of_size(folder / name, one.size)
    except ConfigError as error:
        found, _, mend = str(error).partition("; ")
        yield found, mend


def is_sound(folder: Path) -> bool:
    return folder.is_dir() and not any(faults(folder))


def _code(folder: Path, config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if config.get("auto_map"):
        yield (
            f"{folder}/config.json asks for code that comes with the model (auto_map)",
            "it is never run; take auto_map out where vLLM knows the architecture",
        )


def _weights(folder: Path) -> Iterator[tuple[str, str]]:
    names = named_shards(folder)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield f"{folder} lacks {missing[0]}{more}", AGAIN
    if names:
        if not missing:
            tensors(folder)  # raises where one is cut short
        return
    if any(next(folder.glob(kind), None) for kind in PICKLES):
        yield (
            f"{folder} holds its weights as pickles only, which can run code",
            "take a revision with *.safetensors",
        )
    else:
        yield f"{folder} holds no *.safetensors", AGAIN


def _of_size(file: Path, size: int) -> Iterator[tuple[str, str]]:
    held = file.stat().st_size if file.is_file() else None
    if held is None:
        yield f"{file} is missing, and {MANIFEST} names it", AGAIN
    elif held != size:
        yield f"{file} holds {held:,} bytes, and {MANIFEST} says {size:,}", AGAIN


def altered(folder: Path) -> Iterator[tuple[str, str]]:
    """The files whose bytes are not those that were fetched: reads all of them. Without a manifest
    there is nothing to hold them against, and that is said. Raises nothing."""
    try:
        told = _fetched(folder)
    except ConfigError as error:
        found, _, mend = str(error).partition("; ")
        yield found, mend
        return
    if not told:
        yield f"{folder} holds no {MANIFEST}: no hash to compare with", AGAIN
    for name, one in told.items():
        wrong = list(_of_size(folder / name, one.size))
        yield from wrong
        if not wrong and _sha256(folder / name) != one.sha256:
            yield f"{folder / name} has not the hash that was fetched", AGAIN


def _sha256(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None


def _fetched(folder: Path) -> Mapping[str, Sealed]:
    """Size and hash of each file; empty without a manifest. Raises ConfigError."""
    told = read(folder)
    return {} if told is None else told.files
