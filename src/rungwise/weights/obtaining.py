"""Could what is recommended be had, and if not, why?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rungwise.tiers.shape import Shape
from rungwise.weights import hub
from rungwise.weights.hub import Hub
from rungwise.weights.memory import GIB, Precision, weight_bytes
from rungwise.weights.recommending import Way
from rungwise.weights.sound import faults, is_sound

__all__ = ["download", "lack"]


def lack(way: Way, at: Hub, brought: Sequence[Path] = ()) -> str | None:
    """One line, by what `serve` would refuse; None: nothing is lacking. What lies whole in one of
    the folders `brought`, as ORG/NAME, needs no hub. Of a GPU that is stated the machine is another
    one: then neither the disk nor the network of this one counts."""
    candidate, repository = way.candidate, way.candidate.repository(way.fit.precision)
    if candidate.folder is not None:
        return next((found for found, _ in faults(candidate.folder)), None)
    if repository is None or any(is_sound(place / repository) for place in brought):
        return None
    here = way.place.gpus == 0 or way.place.indices is not None
    local = candidate.card.local if candidate.card is not None else None
    pinned = local.pinned(repository) if local is not None else None
    kept = hub.snapshot(at, repository, pinned)
    if kept is not None:
        return next((found for found, _ in faults(kept)), None) if at.offline and here else None
    shape, asked = candidate.shape, at if here else replace(at, offline=False)
    size = download(shape, way.fit.precision) if here and shape is not None else None
    told = hub.lacks(asked, repository, gated=way.gated, download=size)
    return next((f"{found}: {mend}" for found, mend in told), None)


def download(shape: Shape, precision: Precision) -> int:
    """The bytes of its weights on the hub: fp8 is made of 16 bit while it loads."""
    return weight_bytes(shape, "awq" if precision == "awq" else "bf16") + GIB // 64
