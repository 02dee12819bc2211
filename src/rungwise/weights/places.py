"""Where could a model run? The GPUs that are here, those that somebody states, or this CPU."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor

from rungwise.errors import ConfigError
from rungwise.observe.gpu import Gpu, shown
from rungwise.weights.memory import GIB

__all__ = ["SHARE", "Place", "present", "stated", "this_cpu"]

SHARE = 0.9
"""Of a GPU's memory: `gpu_memory_utilization` where it is not set."""
BEFORE_GIB = 0.5
"""What an engine's own CUDA context takes before vLLM looks whether its share is free: an
estimate."""
LIKE = 0.9
"""GPUs of one kind stand together where each has this part of what the freest of them has."""

_STATED = re.compile(r"(?:(\d{1,3})\s*x\s*)?(\d+(?:\.\d+)?)\s*(GiB|GB)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`gpus` equal GPUs of so many bytes each; none: the memory of a machine without."""

    name: str
    total: float
    room: float
    """The bytes of each that an engine may use."""
    gpus: int = 1
    share: float = SHARE
    """Of each GPU's memory: less than usual where others use it too."""
    indices: tuple[int, ...] | None = None
    """Which GPUs these are, of those that CUDA shows to this process; None: they are stated."""
    capability: tuple[int, int] | None = None
    """Its compute capability; None: not known."""

    @property
    def gib(self) -> float:
        return self.total / GIB


def stated(told: str) -> Place:
    """`24GiB` is one GPU, `2x80GiB` two. Raises ConfigError."""
    found = _STATED.fullmatch(told.strip())
    count, size, unit = found.groups() if found else (None, "0", "GiB")
    total = float(size) * (GIB if unit.lower() == "gib" else 1e9)
    if int(count or 1) < 1 or total < GIB or total > 2**50:
        raise ConfigError(f"--gpu: {told!r} is no GPU; say 24GiB for one, or 2x80GiB for two")
    return Place(name=told.strip(), total=total, room=SHARE * total, gpus=int(count or 1))


def present(gpus: Sequence[Gpu], visible: Sequence[str] | None = None) -> tuple[Place, ...]:
    """Of those that CUDA shows: equal ones together of which about as much is free. Without
    `visible` their places are the driver's, so that one that does not answer leaves a gap."""
    alike: dict[tuple[str, int], list[tuple[int, Gpu]]] = {}
    for place, gpu in enumerate(shown(gpus, visible)):
        if gpu.fault is not None:
            continue
        index = gpu.index if visible is None else place
        alike.setdefault((gpu.name, round(gpu.total_gib)), []).append((index, gpu))
    return tuple(
        _place(name, part) for (name, _), group in alike.items() for part in _as_free(group)
    )


def _as_free(group: Sequence[tuple[int, Gpu]]) -> Iterator[list[tuple[int, Gpu]]]:
    part: list[tuple[int, Gpu]] = []
    for index, gpu in sorted(group, key=lambda one: (-_share(one[1]), one[0])):
        if part and _share(gpu) < LIKE * _share(part[0][1]):
            yield part
            part = []
        part.append((index, gpu))
    yield part


def _share(gpu: Gpu) -> float:
    """What vLLM finds free when it starts, in hundredths; at most the usual share."""
    free = (gpu.free_gib - BEFORE_GIB) / gpu.total_gib
    return min(SHARE, max(0, floor(100 * free)) / 100)


def _place(name: str, part: Sequence[tuple[int, Gpu]]) -> Place:
    total, share = min(gpu.total_gib for _, gpu in part), min(_share(gpu) for _, gpu in part)
    times = f"{len(part)} x " if len(part) > 1 else ""
    return Place(
        name=f"{times}{name}, {total:.0f} GiB",
        total=total * GIB,
        room=share * total * GIB,
        gpus=len(part),
        share=share,
        indices=tuple(sorted(index for index, _ in part)),
        capability=part[0][1].capability,
    )


def this_cpu(available: float) -> Place:
    """So many bytes are free here."""
    return Place(
        name=f"this CPU, {available / GIB:.0f} GiB free", total=available, room=available, gpus=0
    )
