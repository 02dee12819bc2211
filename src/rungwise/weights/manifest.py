"""What was fetched into a folder, and from which commit? rungwise.json, written last."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.tiers.revision import MANIFEST

__all__ = ["AGAIN", "MANIFEST", "Fetched", "Sealed", "read", "write"]

AGAIN = "fetch it again with `rungwise models fetch`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The same files of the same commit make the same manifest, wherever they came from."""

    repository: str | None
    revision: str | None
    """The commit; None where the mirror did not tell it."""
    files: Mapping[str, Sealed]


def read(folder: Path) -> Fetched | None:
    """None without a manifest. Raises ConfigError for one that cannot be read."""
    file = folder / MANIFEST
    if not file.exists():
        return None
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return Fetched(
            repository=_text(told.get("repository")),
            revision=_text(told.get("revision")),
            files={
                str(name): Sealed(size=int(one["size"]), sha256=str(one["sha256"]))
                for name, one in told["files"].items()
                if _inside(name)
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError(f"{file}: is no manifest of a model; {AGAIN}") from None


def write(folder: Path, fetched: Fetched) -> None:
    """Whole or not at all. Raises OSError."""
    told = {
        "repository": fetched.repository,
        "revision": fetched.revision,
        "files": {
            name: {"size": one.size, "sha256": one.sha256}
            for name, one in sorted(fetched.files.items())
        },
    }
    half = folder / f"{MANIFEST}.part"
    with half.open("w", encoding="utf-8") as opened:
        opened.write(json.dumps(told, indent=1) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    half.replace(folder / MANIFEST)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _inside(name: str) -> bool:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(name)
    return True
