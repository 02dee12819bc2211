"""How long did the last good start of an engine take? A small file that may be missing or bad."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rungwise.tiers.local.engine_log import write_whole
from rungwise.tiers.local.stages import Stage

__all__ = ["Lasted"]

logger = logging.getLogger(__name__)

_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Lasted(BaseModel):
    """Seconds of a start and of its stages; None and left out where they are not known."""

    model_config = ConfigDict(frozen=True)

    total_s: _Seconds | None = None
    stages: dict[Stage, _Seconds] = {}

    def of(self, stage: Stage) -> float | None:
        return self.stages.get(stage)

    @classmethod
    def read(cls, path: Path) -> Lasted:
        """A file that cannot be read says nothing."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return cls()

    def write(self, path: Path) -> None:
        """Whole or not at all; a folder that cannot be written costs a warning."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, self.model_dump_json(indent=1))
        except OSError as error:
            logger.warning("%s: not written: %s", path, error.strerror or error)
