"""How many rounds does a point take, and how long are its turns? As many as its time allows, and
never so few that they tell no interval: a point without time for that is left out."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.lab.bench.by_round import LEAST
from rungwise.lab.bench.cpu import cpu_of
from rungwise.lab.bench.engine_figures import Point, Taken
from rungwise.lab.bench.load import load
from rungwise.lab.bench.prompts import MadeUp, Suite
from rungwise.lab.bench.served import Server, bodies

__all__ = ["Asked", "take_rounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every point of a measurement has in common."""

    rounds: int
    seconds: float
    """Of one turn, about."""
    max_tokens: int
    words_per_token: float

    @property
    def least(self) -> int:
        """Rounds, however short the time."""
        return min(self.rounds, LEAST)


async def take_rounds(
    servers: Sequence[Server],
    point: Point,
    asked: Asked,
    until: float = math.inf,
    end: float = math.inf,
) -> dict[str, list[Taken]] | None:
    """In every round each server has one turn, and another one begins. Times are
    `time.perf_counter`'s.

    Turns are so short that the least rounds are over by `until`, as far as what is asked at a time
    allows; the others begin before it. None where the least rounds would not be over by `end`.
    """
    turns = _Turns(point, asked)
    at_once = point.concurrency
    trial = await turns.take(servers[0], -1, max(at_once, min(3 * at_once, 96)))
    left = until - time.perf_counter()
    seconds = min(asked.seconds, left / (len(servers) * asked.least))
    count = max(1, round(trial.round.rps * seconds / at_once)) * at_once
    requests = at_once * (len(servers) - 1) + asked.least * len(servers) * count
    if time.perf_counter() + requests / trial.round.rps > end:
        return None
    for server in servers[1:]:
        await turns.take(server, -1, at_once)
    found: dict[str, list[Taken]] = {server.name: [] for server in servers}
    for number in range(asked.rounds):
        if number >= asked.least and time.perf_counter() >= until:
            break
        for place in range(len(servers)):
            server = servers[(number + place) % len(servers)]
            found[server.name].append(await turns.take(server, number, count))
    return found


class _Turns:
    """What one point asks of any server."""

    def __init__(self, point: Point, asked: Asked) -> None:
        self._point, self._most = point, asked.max_tokens
        self._prompts: MadeUp | Suite = Suite()
        if point.prompt_tokens is not None:
            self._prompts = MadeUp(
                tokens=point.prompt_tokens,
                shared=point.shared_prefix,
                words_per_token=asked.words_per_token,
            )

    async def take(self, server: Server, number: int, count: int) -> Taken:
        point, salted = self._point, isinstance(self._prompts, MadeUp)
        asked = self._prompts.of_round(number, count)
        sent = bodies(server, point.stream, self._most, asked, salted=salted)
        before = cpu_of(server.pid)
        try:
            done = await load(
                "127.0.0.1", server.port, sent, concurrency=point.concurrency, requests=count
            )
        except RuntimeError as error:
            name = "vLLM" if server.name == "vllm" else f"gate {server.name}"
            raise RuntimeError(f"{point.told}, {name}: {error}") from None
        after = cpu_of(server.pid)
        return Taken(done, None if before is None or after is None else after.since(before))
