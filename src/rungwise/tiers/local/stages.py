"""How far has a start come? What lines of vLLM's log begin which stage of it."""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["Stage", "begun_by"]


class Stage(StrEnum):
    """In the order in which they follow each other; the values are for people."""

    IMPORTING = "importing vLLM"
    WEIGHTS = "loading the weights"
    COMPILING = "compiling"
    SIZING = "sizing the KV cache"
    CAPTURING = "capturing graphs"
    WARMING = "warming up"

    @property
    def short(self) -> str:
        """For a list of them with their seconds."""
        return _SHORT[self]

    def follows(self, other: Stage) -> bool:
        return _ORDER.index(self) > _ORDER.index(other)


_ORDER = tuple(Stage)
_SHORT = {
    Stage.IMPORTING: "importing",
    Stage.WEIGHTS: "weights",
    Stage.COMPILING: "compiling",
    Stage.SIZING: "sizing",
    Stage.CAPTURING: "capturing",
    Stage.WARMING: "warming up",
}

# vLLM 0.25 to 0.32, on GPUs and on CPUs, both of its model runners. A line that ends a stage
# without a word on what comes next begins the one that comes next.
_LINES: tuple[tuple[str, Stage], ...] = (
    (r"is assigned as DP rank ", Stage.WEIGHTS),  # the last that is said before the model is built
    (r"Starting to load model ", Stage.WEIGHTS),
    (r"Loading weights took ", Stage.WEIGHTS),
    (r"Model loading took ", Stage.COMPILING),
    (r"Warming up model for the compilation", Stage.COMPILING),
    (r"Using cache directory: .* torch\.compile", Stage.COMPILING),
    (r"Dynamo bytecode transform time", Stage.COMPILING),
    (r"Directly load AOT compilation", Stage.COMPILING),
    (r"torch\.compile took ", Stage.SIZING),
    (r"Initial profiling/warmup run took ", Stage.SIZING),
    (r"Warming up done\.", Stage.SIZING),
    (r"Available KV cache memory: ", Stage.SIZING),
    (r"CPU KV cache size: ", Stage.SIZING),
    (r"GPU KV cache size: ", Stage.CAPTURING),
    (r"Graph capturing finished in ", Stage.WARMING),
    (r"init engine \(profile, create kv cache, warmup model\) took ", Stage.WARMING),
)
_KNOWN = tuple((re.compile(pattern), stage) for pattern, stage in _LINES)


def begun_by(line: str, *, compiles: bool) -> Stage | None:
    """The stage that this line of the log tells of; None for a line that tells of none.

    An engine that does not compile captures no graphs either: what others do then, it sizes.
    """
    stage = next((stage for known, stage in _KNOWN if known.search(line)), None)
    if not compiles and stage in (Stage.COMPILING, Stage.CAPTURING):
        return Stage.SIZING
    return stage
