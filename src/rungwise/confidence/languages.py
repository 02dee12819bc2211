"""Is the answer in the language that was asked for? Orders, else the script of the question.

Scripts are told apart by their characters, and languages of the Latin script by stop words where
an order names one of them. Where it is not clear, nothing is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypedDict

import yaml

from rungwise.confidence.orders import any_of, order_among, orders_in
from rungwise.confidence.prose import own_words
from rungwise.types import Chat

__all__ = ["language_fault"]

LONGEST = 4000
"""Characters of a text that are looked at."""
WORDS, LETTERS = 8, 20
"""An answer must have so many words, or letters of a script without blanks, to be judged."""
TRACE = 10
"""Letters of another script that are hardly a name."""

NAME = r"([^\s\d_.,:;!?]{2,20})"
"""Where an order may name a language."""

_CODE = re.compile(
    r"[{;]\s*$|^\s*\}|^\s*(?:def|class|for|if|while)\b.*:\s*$|^\s*(?:return|import|from|let|var)\b",
    re.MULTILINE,
)


def language_fault(chat: Chat, text: str) -> str | None:
    """Which language was asked for, and what the answer is in; None where they fit or it is not
    clear. The last message of `chat` must not be the assistant's own."""
    answer = _Text.read(text)
    script = answer.script(share=0.8)
    if script is None or not answer.tells:
        return None
    said = [m.text for m in chat.messages if m.role == "user"]
    system = [m.text for m in chat.messages if m.role in ("system", "developer")]
    if not said or _tongues().translation.search(
        "\n".join(text[:LONGEST] for text in [said[-1], *system])
    ):
        return None
    ordered = _ordered([*said, *system])
    if not ordered:
        return _script_fault(chat, said, system, answer, script)
    if len(ordered) > 1 or not _ordered([said[-1], *system]):
        return None
    return _order_fault(_tongues().languages[ordered.pop()], answer, script)


def _ordered(texts: Iterable[str]) -> set[str]:
    """The names of the languages that these messages order."""
    return {name for text in texts for parts in orders_in(text) for name in _named(parts)}


@lru_cache(maxsize=512)
def _named(parts: tuple[str, ...]) -> frozenset[str]:
    """Every language that a sentence names, if one of its parts orders a language."""
    orders = (_tongues().order.match(part) for part in parts)
    if not any(order and _spoken(order[order.lastindex or 0]) for order in orders):
        return frozenset()
    return frozenset(_spoken(parts[0]))


def _spoken(text: str) -> set[str]:
    return {lang.name for lang in _tongues().languages.values() if lang.names.search(text)}


def _order_fault(asked: _Language, answer: _Text, script: str) -> str | None:
    if script != asked.script:
        if answer.letters[asked.script] > 0.1 * answer.letters.total():
            return None
        return f"{asked.name} was asked for, and the answer is in {script} letters"
    found = answer.language()
    if found is None or found == asked.name or not asked.words:
        return None
    if answer.stop_words()[asked.name] * 4 > answer.stop_words()[found]:
        return None
    return f"{asked.name} was asked for, and the answer reads as {found}"


def _script_fault(
    chat: Chat, said: list[str], system: list[str], answer: _Text, script: str
) -> str | None:
    """The answer's script against that of the last question, where nobody speaks of languages."""
    question = _Text.read(said[-1])
    asked = question.script(share=0.6)
    if asked is None or asked == script or question.letters[asked] < TRACE:
        return None
    if answer.letters[asked] > 0.1 * answer.letters.total():
        return None
    if asked == "Latin" and not question.plain_words:
        return None  # perhaps another language in Latin letters
    talk = (m.text for m in chat.messages if m.role in ("user", "assistant"))
    if any(_Text.read(text).letters[script] >= TRACE for text in talk):
        return None
    if any(_tongues().spoken_of.search(text[:LONGEST]) for text in (*said, *system)):
        return None
    return f"the question is in {asked} letters, and the answer in {script} letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Language:
    name: str
    script: str
    names: re.Pattern[str]
    words: frozenset[str]
    """Stop words; empty where the script tells enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A text's own words, counted."""

    code: bool
    """Whether a line of it looks like a program's: those are in no language."""
    words: tuple[str, ...]
    letters: Counter[str]
    """How many of each script."""

    @classmethod
    def read(cls, text: str) -> _Text:
        own = own_words(text[:LONGEST])
        scripts = _tongues().scripts.items()
        return cls(
            code=_CODE.search(own) is not None,
            words=tuple(word.lower() for word in re.findall(r"[^\W\d_]+", own)),
            letters=Counter({name: len(letter.findall(own)) for name, letter in scripts}),
        )

    @property
    def tells(self) -> bool:
        """Whether it is prose, and enough of it."""
        if self.code:
            return False
        unspaced = self.letters["Han"] + self.letters["Thai"]
        return len(self.words) >= WORDS or unspaced >= LETTERS

    @property
    def plain_words(self) -> bool:
        """Whether one of the known languages of the Latin script is plainly spoken here."""
        known = [lang.words for lang in _tongues().languages.values() if lang.words]
        most = max(sum(word in words for word in self.words) for words in known)
        return most >= 2 and most >= 0.2 * len(self.words)

    def script(self, share: float) -> str | None:
        """The script of at least this share of the letters."""
        name, count = self.letters.most_common(1)[0]
        return name if count and count >= share * self.letters.total() else None

    def stop_words(self) -> Counter[str]:
        """How many stop words there are of each language that no other language has."""
        deciding = _tongues().deciding
        return Counter(deciding[word] for word in self.words if word in deciding)

    def language(self) -> str | None:
        """The language of the Latin script with by far the most stop words."""
        (first, most), (_, second) = (*self.stop_words().most_common(2), *[("", 0)] * 2)[:2]
        clear = most >= 3 and most >= 0.1 * len(self.words) and most >= 3 * second
        return first if clear else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tongues:
    """What the data file says, compiled."""

    order: re.Pattern[str]
    translation: re.Pattern[str]
    spoken_of: re.Pattern[str]
    languages: Mapping[str, _Language]
    scripts: Mapping[str, re.Pattern[str]]
    deciding: Mapping[str, str]
    """Stop words that only one language has, and which."""


class _LanguageRow(TypedDict, total=False):
    script: str
    names: str
    words: str


class _File(TypedDict):
    in_language: list[str]
    translation: list[str]
    about_language: list[str]
    languages: dict[str, _LanguageRow]
    scripts: dict[str, str]


@cache
def _tongues() -> _Tongues:
    source = files("rungwise.confidence").joinpath("languages.yaml").read_text(encoding="utf-8")
    table: _File = yaml.safe_load(source)
    rows = table["languages"]
    lists = {language: row.get("words", "").split() for language, row in rows.items()}
    often = Counter(word for words in lists.values() for word in set(words))
    return _Tongues(
        order=order_among(line.replace("{name}", NAME) for line in table["in_language"]),
        translation=any_of(table["translation"]),
        spoken_of=any_of(
            [*table["translation"], *table["about_language"], *(r["names"] for r in rows.values())]
        ),
        languages={
            language: _Language(
                name=language,
                script=row["script"],
                names=any_of([row["names"]]),
                words=frozenset(lists[language]),
            )
            for language, row in rows.items()
        },
        scripts={script: re.compile(f"[{ranges}]") for script, ranges in table["scripts"].items()},
        deciding={
            word: language
            for language, words in lists.items()
            for word in words
            if often[word] == 1
        },
    )
