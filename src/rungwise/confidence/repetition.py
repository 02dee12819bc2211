"""Does the text go round in circles? Loops at its end, one line over and over, one character.

What a table, a list, an array or a refrain repeats stays well below what is counted here: a model
that is caught in a loop goes on until something stops it.
"""

from __future__ import annotations

import re
from itertools import groupby

__all__ = ["repetition_of"]

WINDOW = 20_000
"""Characters at the end that are searched for a loop."""
RUN = 300
"""One character, or blanks, for so many places: no rule and no indent is as long."""
SENTENCES = (5, 200)
"""How often words must repeat, and over how many characters: a refrain is sung four times."""
DATA = (10, 1000, 200_000)
"""The same of anything else, and of the two multiplied: data repeats much, but not for ever."""
SIGNS = 0.05
"""Of digits and brackets and the like, the share that prose may hold."""

_RUN = re.compile(r"\s++|(.)\1*+", re.DOTALL)
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]{2,}")
_SIGN = re.compile(r"[\d\t|{}\[\]()<>=_\\/#*&$%^~+@`]")


def repetition_of(text: str) -> str | None:
    """One line that says what repeats; None where nothing does. Linear in the length of `text`."""
    end = text[-WINDOW:]
    return _run(text) or _lines(text) or _loop(end) or _loop(end.rstrip())


def _run(text: str) -> str | None:
    for found in _RUN.finditer(text):
        length = found.end() - found.start()
        if length >= RUN:
            return f"{found.group(1) or ' '!r} for {length} places"
    return None


def _lines(text: str) -> str | None:
    for line, same in groupby(line for line in text.splitlines() if line.strip()):
        times = sum(1 for _ in same)
        if _too_often(line, times):
            return f"the same line {times} times over"
    return None


def _loop(text: str) -> str | None:
    """The shortest unit that the text ends with too often."""
    for length, periodic in enumerate(_periodic_endings(text), start=1):
        if _too_often(text[len(text) - length :], periodic // length):
            unit = text[len(text) - length :]
            words = len(unit.split())
            what = f"{words} words" if words > 1 else f"{length} characters"
            return f"the last {what} {periodic // length} times over"
    return None


def _periodic_endings(text: str) -> list[int]:
    """For each period 1, 2, ... the length of the longest ending of `text` that has it.

    The Z function of the reversed text: Gusfield, Algorithms on Strings, 1997, section 1.4.
    """
    back = text[::-1]
    size = len(back)
    common = [0] * (size // SENTENCES[0] + 1)
    left = right = 0
    for i in range(1, len(common)):
        length = min(right - i, common[i - left]) if i < right else 0
        while i + length < size and back[length] == back[i + length]:
            length += 1
        common[i] = length
        if i + length > right:
            left, right = i, i + length
    return [i + length for i, length in enumerate(common)][1:]


def _too_often(unit: str, times: int) -> bool:
    covered = len(unit) * times
    if times < SENTENCES[0] or covered < SENTENCES[1]:
        return False
    if _is_prose(unit):
        return True
    least_times, least_covered, least_both = DATA
    return times >= least_times and covered >= least_covered and times * covered >= least_both


def _is_prose(unit: str) -> bool:
    """Three different words or more, and hardly a sign. The unit of a loop may begin
    inside a word, so that its first and its last do not count."""
    words = set(_WORD.findall(unit * 2)[1:-1])
    return len(words) >= 3 and len(_SIGN.findall(unit)) <= SIGNS * len(unit)
