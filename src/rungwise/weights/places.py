"""Where could a model run? The GPUs that are here, those that somebody states, or this CPU."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.errors import ConfigError
from rungwise.observe.gpu import Gpu
from rungwise.weights.memory import GIB

__all__ = ["SHARE", "Place", "present", "stated", "this_cpu"]

SHARE = 0.9
"""Of a GPU's memory: `gpu_memory_utilization` where it is not set."""

_STATED = re.compile(r"(?:(\d{1,3})\s*x\s*)?(\d+(?:\.\d+)?)\s*(GiB|GB)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`gpus` equal GPUs of so many bytes each; none: the memory of a machine without."""

    name: str
    total: float
    room: float
    """The bytes of each that an engine may use."""
    gpus: int = 1
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


def present(gpus: Sequence[Gpu]) -> tuple[Place, ...]:
    """Equal ones together; an engine may use what is free of its share."""
    alike: dict[tuple[str, int], list[Gpu]] = {}
    for gpu in gpus:
        alike.setdefault((gpu.name, round(gpu.total_gib)), []).append(gpu)
    return tuple(_place(name, group) for (name, _), group in alike.items())


def _place(name: str, group: Sequence[Gpu]) -> Place:
    total, free = (min(getattr(gpu, key) for gpu in group) for key in ("total_gib", "free_gib"))
    times = f"{len(group)} x " if len(group) > 1 else ""
    return Place(
        name=f"{times}{name}, {total:.0f} GiB",
        total=total * GIB,
        room=min(SHARE * total, free) * GIB,
        gpus=len(group),
        capability=group[0].capability,
    )


def this_cpu(available: float) -> Place:
    """So many bytes are free here."""
    return Place(
        name=f"this CPU, {available / GIB:.0f} GiB free", total=available, room=available, gpus=0
    )
