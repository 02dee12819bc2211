"""What of a configuration's models could not start here? Found before anything heavy begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rungwise.config import Config, VllmTierConfig
from rungwise.observe.doctor import Finding
from rungwise.observe.gpu import Gpu
from rungwise.tiers.cards import card_of
from rungwise.weights import hub
from rungwise.weights.asked import asked
from rungwise.weights.hub import Hub
from rungwise.weights.obtaining import download
from rungwise.weights.on_cpu import on_cpu
from rungwise.weights.on_gpu import on_gpus
from rungwise.weights.sound import altered, faults

__all__ = ["lacking", "verified"]

DUMMY = "dummy"


def lacking(
    config: Config, gpus: Sequence[Gpu], visible: Sequence[str] | None, at: Hub, memory: float
) -> Iterator[Finding]:
    """Lacks, and notes where an estimate is too close to call. Without GPUs (`gpus` is empty) the
    CPU's memory counts, of which the machine has so many bytes."""
    engines = [tier for tier in config.tiers if isinstance(tier, VllmTierConfig)]
    for tier in engines:
        yield from _files(tier, at)
    if gpus:
        yield from on_gpus(engines, gpus, visible)
    else:
        yield from on_cpu(engines, memory)


def verified(config: Config) -> Iterator[Finding]:
    """Every byte of the folders of its models, against the hashes of when they were fetched."""
    for tier in config.tiers:
        if isinstance(tier, VllmTierConfig) and Path(tier.model).is_dir():
            found = list(altered(Path(tier.model)))
            what = f"{tier.name}: hashes"
            for told, mend in found:
                state = "note" if "no hash to compare" in told else "lack"
                yield Finding(state=state, what=what, found=told, mend=mend)  # type: ignore[arg-type]
            if not found:
                yield Finding(state="ok", what=what, found=f"{tier.model} is as it was fetched")


def _files(tier: VllmTierConfig, at: Hub) -> Iterator[Finding]:
    dummy = tier.engine.load_format == DUMMY
    folder = Path(tier.model)
    if folder.is_absolute():
        for told, mend in faults(folder, weights=not dummy):
            yield Finding(state="lack", what=f"{tier.name}: model folder", found=told, mend=mend)
        return
    kept = hub.snapshot(at, tier.model, tier.revision)
    if kept is not None:  # what it lacks is fetched, where there is a network
        found = faults(kept, weights=not dummy) if at.offline else ()
        for told, mend in found:
            yield Finding(state="lack", what=f"{tier.name}: model", found=told, mend=mend)
        return
    card = card_of(tier)
    gated = bool(card and card.local and card.local.gated and tier.model == card.local.hub)
    for told, mend in hub.lacks(at, tier.model, gated=gated, download=_download(tier)):
        yield Finding(state="lack", what=f"{tier.name}: model", found=told, mend=mend)


def _download(tier: VllmTierConfig) -> int | None:
    """Random weights are not fetched."""
    if tier.engine.load_format == DUMMY:
        return 0
    found = asked(tier)
    return download(found.shape, found.precision) if found is not None else None
