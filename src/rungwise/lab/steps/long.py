"""Steps with long answers: plans, small programs, summaries, worked reasoning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rungwise.lab.steps.pools import Pools
from rungwise.lab.steps.program import run_program
from rungwise.lab.steps.step import Calls, Check, Task, same_text

__all__ = ["code_generation", "multi_step_reasoning", "planning", "summarisation"]

_JOBS = (
    "build test deploy review backup migrate notify measure clean train audit ship sign "
    "scan tag freeze"
).split()
_SERVICES = ("db cache api mail queue search login store web proxy disk cron").split()
_JOB_COUNTS = {1: 3, 2: 4, 3: 6, 4: 9, 5: 14}
_OPERATIONS = {1: 1, 2: 2, 3: 4, 4: 6, 5: 10}
_CHECKS = {1: 3, 2: 4, 3: 6, 4: 8, 5: 11}


def planning(pools: Pools, difficulty: int) -> Task:
    """Order jobs so that each comes after the ones it waits for; any right order is right."""
    jobs = pools.rng.sample(_JOBS, _JOB_COUNTS[difficulty])
    before = list(pairwise(jobs))
    if difficulty >= 3:
        pools.rng.shuffle(before)
    rules = " ".join(f"{first} before {second}." for first, second in before)
    lines = [f"Step 1: {jobs[0]}, which waits for nothing."]
    lines += [
        f"Step {i}: {job}, now that {jobs[i - 2]} is done."
        for i, job in enumerate(jobs[1:], start=2)
    ]
    return Task(
        user=f"Plan for {pools.name()}: {rules}",
        answer="\n".join(lines),
        check=_ordered(jobs, before),
    )


def _ordered(jobs: Sequence[str], before: Sequence[tuple[str, str]]) -> Check:
    """Every job once, numbered from 1, each after the ones it waits for."""

    def check(text: str, calls: Calls) -> bool:
        found = re.findall(r"^Step (\d+): (\w+),", text, re.MULTILINE)
        place = {job: int(number) for number, job in found}
        complete = sorted(place.values()) == list(range(1, len(jobs) + 1))
        return (
            not calls
            and len(found) == len(jobs)
            and complete
            and set(place) == set(jobs)
            and all(place[first] < place[second] for first, second in before)
        )

    return check


def code_generation(pools: Pools, difficulty: int) -> Task:
    """A small function of one number; judged by what it computes, not by how it is written."""
    words, lines = [], []
    for _ in range(_OPERATIONS[difficulty]):
        word, code = _operation(pools, difficulty)
        words.append(word)
        lines += code
    name = pools.name().lower()
    body = "\n".join(f"    {line}" for line in lines)
    answer = f"def {name}(x):\n{body}\n    return x"
    return Task(
        user=f"Write {name}(x): {', then '.join(words)}.",
        answer=answer,
        check=_computes(name, answer),
    )


def _operation(pools: Pools, difficulty: int) -> tuple[str, list[str]]:
    number = pools.number()
    verb, sign = pools.rng.choice((("add", "+"), ("subtract", "-"), ("multiply by", "*")))
    if difficulty >= 3 and pools.rng.random() < 0.35:
        limit = pools.number()
        over, compare = pools.rng.choice((("over", ">"), ("under", "<")))
        return (
            f"if {over} {limit} {verb} {number}",
            [f"if x {compare} {limit}:", f"    x = x {sign} {number}"],
        )
    return f"{verb} {number}", [f"x = x {sign} {number}"]


_INPUTS = (-50, 0, 1, 7, 12, 25, 33, 48, 51, 64, 77, 90, 99, 1000)


def _computes(name: str, program: str) -> Check:
    expected = [run_program(program, name, x) for x in _INPUTS]

    def check(text: str, calls: Calls) -> bool:
        return not calls and [run_program(text, name, x) for x in _INPUTS] == expected

    return check


def summarisation(pools: Pools, difficulty: int) -> Task:
    """How many checks failed, and which."""
    services = pools.rng.sample(_SERVICES, _CHECKS[difficulty])
    failed = [service for service in services if pools.rng.random() < 0.45]
    states = ", ".join(f"{s} {'failed' if s in failed else 'passed'}" for s in services)
    count = f"{len(failed)} of {len(services)} checks failed"
    answer = f"{count}: {', '.join(failed)}." if failed else f"{count}."
    return Task(
        user=f"Summarise the checks of {pools.name()}: {states}.",
        answer=answer,
        check=same_text(answer),
    )


def multi_step_reasoning(pools: Pools, difficulty: int) -> Task:
    """A sum in a story, worked line by line; only the last line is checked."""
    total = pools.number()
    who = pools.name()
    story, lines = [f"{who} has {total} cards."], []
    for _ in range(difficulty):
        number = pools.number() if difficulty > 1 else pools.number() % 10 or 5
        gains = number > total or pools.rng.random() < 0.5
        story.append(pools.pick(_GAINS if gains else _LOSSES).format(number))
        after = total + number if gains else total - number
        lines.append(f"{total} {'+' if gains else '-'} {number} = {after}")
        total = after
    answer = "\n".join([*lines, f"Answer: {total}"])
    return Task(user=f"{' '.join(story)} How many now?", answer=answer, check=_last_line(total))


_GAINS = ("Buys {}.", "Gets {} more.", "Finds {}.")
_LOSSES = ("Loses {}.", "Gives away {}.", "Sells {}.")


def _last_line(total: int) -> Check:
    def check(text: str, calls: Calls) -> bool:
        lines = text.strip().splitlines()
        return not calls and bool(lines) and lines[-1].split() == ["Answer:", str(total)]

    return check
