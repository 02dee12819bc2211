"""What do rounds of load say of a server, and how do two servers compare? With intervals by round.

The raw figures of every round are kept, so that others can recompute each ratio.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rungwise.counted import percentile
from rungwise.lab.bench import by_round
from rungwise.lab.bench.by_round import Interval
from rungwise.lab.bench.cpu import Cpu
from rungwise.lab.bench.load import Round

__all__ = ["MEASURES", "PAIRS", "Point", "Taken", "figures", "ratio_rows", "table"]

Figures = dict[str, object]

PAIRS = (("off", "vllm"), ("on", "vllm"), ("on", "off"))
"""What is set against what: our server with the gate off and on, and vLLM's own."""

_QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """How the servers are asked."""

    concurrency: int
    stream: bool
    prompt_tokens: int | None
    """Of made-up prompts, about; None: the step suite."""
    shared_prefix: int

    @property
    def prompts(self) -> str:
        if self.prompt_tokens is None:
            return "suite"
        return f"{self.prompt_tokens} tokens" + (
            f" after {self.shared_prefix} shared" if self.shared_prefix else ""
        )

    @property
    def told(self) -> str:
        how = "streamed" if self.stream else "whole"
        return f"{self.concurrency} at a time, {how}, {self.prompts}"


@dataclass(frozen=True, slots=True)
class Taken:
    """One server's turn in one round."""

    round: Round
    cpu: Cpu | None
    """What its turn cost; None where it cannot be read."""


@dataclass(frozen=True, slots=True)
class _Measure:
    told: str
    of: Callable[[Taken], float | None]
    """None where the turn has no such figure: a whole answer has no events."""


def _quantiles(name: str, told: str, of: Callable[[Round], Sequence[float]]) -> dict[str, _Measure]:
    def at(q: float) -> Callable[[Taken], float | None]:
        return lambda taken: percentile(of(taken.round), q)

    return {f"{name}_{p}": _Measure(f"{told}, {p}", at(q)) for p, q in _QUANTILES}


def _each(taken: Taken, of: Callable[[Cpu], float]) -> float | None:
    return None if taken.cpu is None else of(taken.cpu) / taken.round.requests


MEASURES: Mapping[str, _Measure] = MappingProxyType(
    {
        "requests_per_s": _Measure("requests/s", lambda taken: taken.round.rps),
        "tokens_per_s": _Measure(
            "output tokens/s", lambda taken: taken.round.tokens / taken.round.seconds
        ),
        **_quantiles("latency", "whole answer (s)", lambda round: round.latencies_s),
        **_quantiles("first_byte", "first byte (s)", lambda round: round.first_s),
        **_quantiles("first_token", "first token (s)", lambda round: round.first_token_s),
        **_quantiles("event_gap", "between events (s)", lambda round: round.events_s),
        **_quantiles("token_gap", "for each further token (s)", lambda round: round.tokens_s),
        "server_cpu": _Measure(
            "server's CPU (s/request)", lambda taken: _each(taken, lambda cpu: cpu.server_s)
        ),
        "engine_cpu": _Measure(
            "engine's CPU (s/request)", lambda taken: _each(taken, lambda cpu: cpu.engine_s)
        ),
    }
)
"""Between events: from one event with text to the next, however many tokens it carries. For each
further token: from an answer's first event with text to its last, by its tokens but one. Where a
draft was held and then released, events are few and the span is short; compare first tokens too."""


def figures(point: Point, taken: Mapping[str, Sequence[Taken]]) -> Figures:
    """Of one point, by server: each round's own figures, and the ratios of PAIRS, paired by round.
    A measure that some round lacks is left out."""
    rounds = {server: _columns(turns) for server, turns in taken.items()}
    turns = [turn.round for turns in taken.values() for turn in turns]
    answers = sum(round.requests for round in turns)
    return {
        "concurrency": point.concurrency,
        "stream": point.stream,
        "prompts": point.prompts,
        "prompt_tokens": sum(round.prompt_tokens for round in turns) / answers,
        "cached_tokens": {
            server: sum(turn.round.cached_tokens for turn in of)
            / sum(turn.round.requests for turn in of)
            for server, of in taken.items()
            if server != "vllm"  # it does not tell
        },
        "answer_tokens": sum(round.tokens for round in turns) / answers,
        "requests_per_round": turns[0].requests,
        "ratios": {
            f"{ours}/{theirs}": _ratios(rounds[ours], rounds[theirs])
            for ours, theirs in PAIRS
            if ours in rounds and theirs in rounds
        },
        **_added(rounds, "first_byte_p50"),
        "rounds": {
            server: {name: [_short(value) for value in values] for name, values in columns.items()}
            for server, columns in rounds.items()
        },
    }


Columns = dict[str, list[float]]


def _columns(turns: Sequence[Taken]) -> Columns:
    found: Columns = {}
    for name, measure in MEASURES.items():
        values = [value for turn in turns if (value := measure.of(turn)) is not None]
        if len(values) == len(turns):
            found[name] = values
    return found


def _ratios(ours: Columns, theirs: Columns) -> dict[str, Interval]:
    return {
        name: by_round.in_terms(by_round.ratio(values, theirs[name]), _short)
        for name, values in ours.items()
        if name in theirs and all(theirs[name])
    }


def _added(rounds: Mapping[str, Columns], name: str) -> dict[str, dict[str, Interval]]:
    """What ours take longer than vLLM's own, in milliseconds, paired by round; nothing where the
    measure is missing."""
    theirs = rounds.get("vllm", {}).get(name, [])
    found = {
        server: by_round.in_terms(
            by_round.median([a - b for a, b in zip(rounds[server][name], theirs, strict=True)]),
            lambda seconds: _short(1000 * seconds),
        )
        for server in ("off", "on")
        if theirs and name in rounds.get(server, {})
    }
    return {f"added_{name}_ms": found} if found else {}


def _short(value: float) -> float:
    """Six digits tell more than a clock does."""
    return float(f"{value:.6g}")


def ratio_rows(found: Mapping[str, object]) -> list[Figures]:
    """One point's ratios as rows that say what they are of: ours over theirs."""
    ratios = found["ratios"]
    assert isinstance(ratios, dict)
    where = {name: found[name] for name in ("concurrency", "stream", "prompts")}
    return [
        {"gate": ours, "over": theirs, **where, **_row(ratios[f"{ours}/{theirs}"])}
        for ours, theirs in PAIRS
        if f"{ours}/{theirs}" in ratios
    ]


def _row(by_name: Mapping[str, Interval]) -> Figures:
    rps, low, high = by_name["requests_per_s"]
    latencies = {p: by_name[f"latency_{p}"][0] for p, _ in _QUANTILES if f"latency_{p}" in by_name}
    return {"rps": rps, "rps_interval": [low, high], **latencies}


def table(found: Mapping[str, object]) -> str:
    """One point, a line for each measure: vLLM's own median, and the ratios with 95 % intervals,
    or why there are none."""
    ratios, rounds = found["ratios"], found["rounds"]
    assert isinstance(ratios, dict) and isinstance(rounds, dict)
    how = "streamed" if found["stream"] else "whole"
    count = len(rounds["vllm"]["requests_per_s"])
    why = "" if count >= by_round.LEAST else f": too few for intervals, which take {by_round.LEAST}"
    lines = [
        f"{found['concurrency']} at a time, {how}; prompts: {found['prompts']} "
        f"({found['prompt_tokens']:.0f} tokens), answers of {found['answer_tokens']:.0f}; "
        f"{count} rounds of {found['requests_per_round']}{why}",
        f"{'':<30}{'vLLM':>10}  " + "  ".join(f"{'gate ' + pair:<23}" for pair in ratios),
    ]
    for name, measure in MEASURES.items():
        if name in rounds["vllm"]:
            cells = "  ".join(f"{_cell(by_name.get(name)):<23}" for by_name in ratios.values())
            middle = statistics.median(rounds["vllm"][name])
            lines.append(f"{measure.told:<30}{middle:>10.4g}  {cells}".rstrip())
    return "\n".join(lines)


def _cell(interval: Interval | None) -> str:
    return "-" if interval is None else by_round.shown(interval)
