"""Where do an engine's own processes log? A file of each engine's, begun anew at each start."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from rungwise.tiers.local import vllm_processes as processes

__all__ = ["EngineLog"]

logger = logging.getLogger(__name__)

MOST_READ = 4 << 20
"""Bytes of a log that are looked through for what went wrong: its last."""


class EngineLog:
    """One engine's log since its last start. What was there before is beside it, as `.log.1`."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self.path, self.environment = path, environment
        """The variables by which the engine's processes find where to log."""
        self._read = 0

    @classmethod
    def opened(cls, folder: Path, tier: str) -> EngineLog | None:
        """None where it cannot be written, or where the owner has told vLLM where to log."""
        path, told = folder / f"{tier}.log", folder / f"{tier}.logging.json"
        if (owner := processes.owners_logging()) is not None:
            logger.info("%s: its engine logs where %s says, and no stages are told", tier, owner)
            return None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                path.replace(path.with_suffix(".log.1"))
            path.touch()  # a log that cannot be opened would keep the engine from starting
            _write_whole(told, json.dumps(processes.logging_to(path, tier), indent=1))
        except OSError as error:
            logger.warning(
                "%s: no log of its engine: %s: %s; point box.state to a folder that can be written",
                tier,
                folder,
                error.strerror or error,
            )
            return None
        return cls(path, processes.logs_as(told))

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


def _write_whole(path: Path, text: str) -> None:
    """Whoever reads meanwhile sees the old text or the new one."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text)
    part.replace(path)
