"""Where do an engine's own processes log? A file of each engine's, begun anew at each start."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import weakref
from collections.abc import Mapping
from pathlib import Path

from rungwise.tiers.local import vllm_processes as processes

__all__ = ["EngineLog", "write_whole"]

logger = logging.getLogger(__name__)

MOST_READ = 4 << 20
"""Bytes of a log that are looked through for what went wrong: its last."""


class EngineLog:
    """One engine's log since its last start. What was there before is beside it, as `.log.1`, and
    that of its last death in the folder `died`: no tier is called what they are called. It is its
    engine's alone until it is closed: another server on the same folder logs in one within it."""

    def __init__(self, path: Path, environment: Mapping[str, str], lock: int) -> None:
        """`lock` is an open file, held until this is closed, or its process ends."""
        self.path, self.environment = path, environment
        """The variables by which the engine's processes find where to log."""
        self._read = 0
        self.close = weakref.finalize(self, os.close, lock)

    @classmethod
    def opened(cls, folder: Path, tier: str) -> EngineLog | None:
        """None where it cannot be written, or where the owner has told vLLM where to log."""
        if (owner := processes.owners_logging()) is not None:
            logger.info("%s: its engine logs where %s says, and no stages are told", tier, owner)
            return None
        lock = None
        try:
            place, lock = _free(folder, tier)
            path, told = place / f"{tier}.log", place / "logging" / f"{tier}.json"
            if path.exists():
                path.replace(path.with_suffix(".log.1"))
            path.touch()  # a log that cannot be opened would keep the engine from starting
            told.parent.mkdir(exist_ok=True)
            write_whole(told, json.dumps(processes.logging_to(path, tier), indent=1))
        except OSError as error:
            if lock is not None:
                os.close(lock)
            logger.warning(
                "%s: no log of its engine: %s: %s; point box.state to a folder that can be written",
                tier,
                folder,
                error.strerror or error,
            )
            return None
        if place != folder:
            logger.info("%s: another server logs in %s; this one in %s", tier, folder, place)
        return cls(path, processes.logs_as(told), lock)

    def keep(self) -> None:
        """The engine has died: no start writes over what it said, until it dies again."""
        kept = self.path.parent / "died" / self.path.name
        try:
            kept.parent.mkdir(exist_ok=True)
            self.path.replace(kept)
        except OSError as error:
            logger.warning("%s: not kept: %s", self.path, error.strerror or error)
        else:
            self.path = kept

    def news(self) -> list[str]:
        """The whole lines that were written since it was last asked."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                written = file.read()
        except OSError:
            return []
        whole = written[: written.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode(errors="replace").splitlines()

    def text(self) -> str:
        """What it says of this start, or the end of that where it is very long."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - MOST_READ, 0))
                return file.read().decode(errors="replace")
        except OSError:
            return ""


def _free(folder: Path, tier: str) -> tuple[Path, int]:
    """The first folder where no living server has this tier's log open, and the lock on it there;
    a server that was killed holds none."""
    place, number = folder, 1
    while True:
        (place / "locks").mkdir(parents=True, exist_ok=True)
        lock = os.open(place / "locks" / tier, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            number += 1
            place = folder / f"{number}"
        except OSError:  # a file system that knows no locks
            return place, lock
        else:
            return place, lock


def write_whole(path: Path, text: str) -> None:
    """Whoever reads meanwhile sees the old text or the new one. Raises OSError."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text)
    part.replace(path)
