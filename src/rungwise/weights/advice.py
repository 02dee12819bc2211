"""What would help where nothing fits?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rungwise.weights.candidates import Candidate
from rungwise.weights.fit import Wanted
from rungwise.weights.memory import GIB
from rungwise.weights.places import SHARE, Place
from rungwise.weights.recommending import OLDEST, best, ways

__all__ = ["advice"]

LITTLE = Wanted(context=1024, concurrency=1)


def advice(models: Sequence[Candidate], places: Sequence[Place], wanted: Wanted) -> Iterator[str]:
    """Sentences; only what is so of these models on these places."""
    known = [model for model in models if model.shape is not None and model.precisions]
    if not known:
        yield _unknown(models)
        return
    longest = max((model.context or wanted.context for model in known), default=0)
    if longest < wanted.context:
        yield f"None of them has so long a context: ask for --context {longest} or less."
        return
    busy = [place for place in places if place.gpus and place.share < SHARE]
    for place in busy:
        yield (
            f"{place.name}: only {place.share:.0%} of its memory is free for an engine, "
            f"{place.room / GIB:.1f} GiB; end what else uses it."
        )
    if any(best(list(ways(models, place, LITTLE)), LITTLE) for place in places):
        yield "Ask for a smaller --context or --concurrency."
    elif not busy:
        yield _larger(places)


def _unknown(models: Sequence[Candidate]) -> str:
    names = ", ".join(model.name for model in models)
    kept = {model.stored for model in models if model.shape is not None} - {None}
    if kept:
        return f"{names} is kept in {', '.join(map(str, kept))}, of which nothing is claimed."
    return (
        f"Of {names} it is not known what memory it needs: its config.json says too little, or "
        "names an architecture that keeps something else than keys and values."
    )


def _larger(places: Sequence[Place]) -> str:
    if all(place.gpus == 0 for place in places):
        return "State a GPU with --gpu 24GiB, or try the demo models (`rungwise demo`)."
    if all(place.capability and place.capability < OLDEST for place in places if place.gpus):
        return "These GPUs are older than what vLLM is built for."
    if all(place.indices is None for place in places):
        return "State a larger --gpu, or name a smaller model."
    return "`--gpu 24GiB` tells what such a one would hold."
