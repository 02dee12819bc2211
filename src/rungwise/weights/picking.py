"""Which files of a revision are wanted, and which revisions are refused?"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.weights.folder import read_config
from rungwise.weights.headers import INDEX, named_shards
from rungwise.weights.manifest import MANIFEST
from rungwise.weights.sound import PICKLES, TOKENIZERS
from rungwise.weights.sources import Listed, Listing

__all__ = ["first", "rest"]

BESIDE = (
    *("*.json", "*.jinja", "*.model", "*.tiktoken", "merges.txt", "vocab.txt"),
    *("LICENSE*", "NOTICE*", "USE_POLICY*"),
)
"""Configuration, tokenizer, chat template, licence. Never code, never a pickle."""
NOT_WANTED = ("*.bin.index.json", MANIFEST)
ONE_FILE = "model.safetensors"


def first(listing: Listing) -> tuple[Listed, ...]:
    """What says which weights there are. Raises ConfigError for a revision that could not be
    served, by the names of its files."""
    names = [file.name for file in listing.files if _plain(file.name)]
    if "config.json" not in names:
        raise ConfigError(
            f"{listing.where} holds no config.json: it is no model as vLLM serves it; name its "
            "repository of safetensors"
        )
    if not any(name.endswith(".safetensors") for name in names):
        if any(_any(name, PICKLES) for name in names):
            raise ConfigError(
                f"{listing.where} holds its weights as pickles only, which can run code; take a "
                "revision with *.safetensors"
            )
        raise ConfigError(f"{listing.where} holds no *.safetensors; take a revision with them")
    if not any(name in TOKENIZERS for name in names):
        raise ConfigError(
            f"{listing.where} holds no tokenizer; take a revision with tokenizer.json"
        )
    return tuple(file for file in listing.files if file.name in ("config.json", INDEX))


def rest(listing: Listing, folder: Path) -> tuple[Listed, ...]:
    """All that is wanted, smallest first, once `first` is in the folder. Raises ConfigError for
    code that would be run, and for weights that the index names and nobody has."""
    if read_config(folder).get("auto_map"):
        raise ConfigError(
            f"{listing.where} asks for code that comes with the model (auto_map in config.json), "
            "which is never run; take a repository whose architecture vLLM knows"
        )
    beside = [
        file
        for file in listing.files
        if _plain(file.name) and _any(file.name, BESIDE) and not _any(file.name, NOT_WANTED)
    ]
    weights = [_known(listing, name) for name in _shards(listing, folder)]
    return tuple(sorted((*beside, *weights), key=lambda file: (file.size, file.name)))


def _shards(listing: Listing, folder: Path) -> Iterable[str]:
    if listing.named(INDEX) is not None:
        names = named_shards(folder)
        if strange := [name for name in names if not name.endswith(".safetensors")]:
            raise ConfigError(
                f"{listing.where}: {INDEX} names {strange[0]}, which is no *.safetensors; take "
                "another revision"
            )
        return names
    if listing.named(ONE_FILE) is not None:
        return (ONE_FILE,)
    return (f.name for f in listing.files if _plain(f.name) and f.name.endswith(".safetensors"))


def _known(listing: Listing, name: str) -> Listed:
    if (file := listing.named(name)) is None:
        raise ConfigError(
            f"{listing.where} lacks {name}; take a revision or a mirror that is whole"
        )
    return file


def _plain(name: str) -> bool:
    """In the repository's own folder, and not hidden: a name cannot lead elsewhere."""
    return Path(name).name == name and not name.startswith(".")


def _any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
