"""Could a model of the hub be had? Licence, disk, and a way out, before anything is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rungwise.config import has_variable
from rungwise.weights.memory import GIB

__all__ = ["Hub", "free_bytes", "lacks", "snapshot", "the_hub"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """What this machine knows of the Hugging Face hub."""

    cache: Path
    token: bool
    offline: bool


def the_hub() -> Hub:
    """By the hub's own client, which vLLM fetches with, where it is installed."""
    try:
        from huggingface_hub import constants, get_token
    except ImportError:
        usual = Path("~/.cache/huggingface/hub").expanduser()
        return Hub(cache=usual, token=has_variable("HF_TOKEN"), offline=False)
    # Not by the environment, which it read when it was first imported, by whomever. Else it tells
    # huggingface.co at a download what is used here, whatever mirror is named.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    return Hub(
        cache=Path(constants.HF_HUB_CACHE),
        token=get_token() is not None,
        offline=bool(constants.HF_HUB_OFFLINE),
    )


def lacks(
    hub: Hub, repository: str, *, gated: bool, download: int | None
) -> Iterator[tuple[str, str]]:
    """What is found, and the mend, of a model that is not in the cache. `download` is the bytes
    that it would take, None where that is not known."""
    if hub.offline:
        yield (
            f"{repository} is not in {hub.cache}, and HF_HUB_OFFLINE is set",
            "name its folder in tiers[].model, or fetch it where there is a network",
        )
        return
    if gated and not hub.token:
        yield (
            f"{repository} is gated, and HF_TOKEN is not set",
            f"accept its licence on https://huggingface.co/{repository} and export HF_TOKEN",
        )
    free = free_bytes(hub.cache)
    if download is not None and free is not None and free < download:
        yield (
            f"{repository} needs {download / GIB:.1f} GiB of disk, and {hub.cache} has "
            f"{free / GIB:.1f}",
            "free some, or set HF_HOME to a larger disk",
        )


def snapshot(hub: Hub, repository: str, revision: str | None) -> Path | None:
    """The folder of this revision in the cache, or None: the layout is the hub's own client's."""
    there = hub.cache / f"models--{repository.replace('/', '--')}"
    told = revision or "main"
    try:
        commit = (there / "refs" / told).read_text(encoding="utf-8").strip()
    except OSError:
        commit = told
    folder = there / "snapshots" / commit
    return folder if (folder / "config.json").is_file() else None


def free_bytes(folder: Path) -> int | None:
    """Bytes, where the folder is or will be."""
    there = next((path for path in (folder, *folder.parents) if path.is_dir()), None)
    try:
        return shutil.disk_usage(there).free if there is not None else None
    except OSError:
        return None
