"""What has this draft used so far? Pieces and their meter in one hand."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from typing import Any

from rungwise.types import Done, Piece, Usage


@dataclass(slots=True)
class Meter:
    """What a tier's generator has counted. Only that generator writes here."""

    model: str
    usage: Usage = field(default_factory=Usage)
    engine_s: float | None = None

    def done(self) -> Done:
        return Done(model=self.model, usage=self.usage, engine_s=self.engine_s)


class Drafting:
    """One draft while it is being written (see contracts.Drafting)."""

    __slots__ = ("_meter", "_pieces")

    def __init__(self, pieces: AsyncGenerator[Piece, None], meter: Meter) -> None:
        self._pieces, self._meter = pieces, meter

    def __aiter__(self) -> Drafting:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Piece]:
        return self._pieces.__anext__()

    async def aclose(self) -> None:
        await self._pieces.aclose()

    def spent(self) -> Done:
        return self._meter.done()
