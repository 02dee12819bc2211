"""Which few figures does one look for? Picked from the files of `scripts/gpu-figures`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rungwise.lab.bench import by_round

__all__ = ["summary", "told"]

Figures = dict[str, object]


def summary(files: Mapping[str, Path]) -> Figures:
    """Of the files that are there, by part: what they hold so far. Intervals are of 95 %; None in
    their place where rounds were too few."""
    found: Figures = {}
    for part, file in files.items():
        if file.exists():
            found |= _PARTS[part](json.loads(file.read_text(encoding="utf-8")))
    return found


def _rung(figures: Mapping[str, Any]) -> Figures:
    found: Figures = {"start_s": figures["start_s"]}
    if prefix := figures.get("prefix"):
        sooner = by_round.in_terms(prefix["warm_over_cold"], lambda ratio: 1 / ratio)
        found["prefix_speed_up"] = {
            "prompt_tokens": prefix["prompt_tokens"],
            "first_token_sooner_by_a_factor": sooner,
        }
    if reading := figures.get("reading"):
        found["logprobs_tokens_per_s_ratio"] = {_at(one): one["read_over_not"] for one in reading}
    if doubtful := figures.get("doubtful"):
        found["early_stop_gpu_s_saved_30_percent_doubtful_scripted"] = {
            f"{_at(one)}, given up at {stop['at_tokens']} tokens": stop["gpu_s_saved"]
            for one in doubtful
            for stop in one["stopped"]
        }
    if energy := figures.get("energy"):
        found["joules_per_1000_tokens"] = {
            _at(one): one["joules_per_token"]
            and by_round.in_terms(one["joules_per_token"], lambda joules: 1000 * joules)
            for one in energy
        }
    return found


def _engine(figures: Mapping[str, Any]) -> Figures:
    points = figures["points"]
    return {
        **{
            f"tokens_per_s_{pair}": {
                _how(point): point["ratios"][pair]["tokens_per_s"] for point in points
            }
            for pair in ("on/vllm", "off/vllm", "on/off")
        },
        "gate_off_added_first_byte_p50_ms": {
            _how(point): point["added_first_byte_p50_ms"]["off"]
            for point in points
            if point["stream"]
        },
    }


def _at(figures: Mapping[str, Any]) -> str:
    return f"{figures['concurrency']} at a time"


def _how(point: Mapping[str, Any]) -> str:
    return f"{_at(point)}, {'streamed' if point['stream'] else 'whole'}, {point['prompts']}"


_PARTS = {"rung": _rung, "engine": _engine}


def told(figures: Mapping[str, object]) -> str:
    """A line for each."""
    return "\n".join(f"{name}: {line}" for name, one in figures.items() for line in _lines(one))


def _lines(figure: object) -> Iterable[str]:
    if isinstance(figure, Mapping):
        return (f"{where}: {_number(one)}" for where, one in figure.items())
    return (_number(figure),)


def _number(figure: object) -> str:
    if isinstance(figure, list | tuple):
        middle, low, high = figure
        return by_round.shown((middle, low, high), ".3g")
    return (
        f"{figure:.4g}"
        if isinstance(figure, float)
        else "not measured"
        if figure is None
        else str(figure)
    )
