"""What differs in a number or a word is one group; what has nothing in common never is."""

import numpy as np

from rungwise.lab.ladders.near_duplicates import grouped, joined
from rungwise.policy.sketch import Sketch, sketch_of
from rungwise.types import Chat, Message

STEMS = (
    "A train leaves the station at {} o'clock and travels {} miles before it stops for {} minutes; "
    "how fast was it, and when does it arrive at the harbour?",
    "Please sort the following invoice lines, {} of them, by the date {} and name the {} largest.",
    "Which of the planets around that star has {} moons of its own, a mass of about {} earths, and "
    "a day that takes at least {} of our hours?",
)


def sketch(text: str) -> Sketch:
    return sketch_of(Chat(messages=(Message(role="user", text=text),)))


def groups(*texts: str) -> list[int]:
    """Numbered in order of appearance."""
    found = grouped([sketch(text) for text in texts], [None] * len(texts))
    return [list(dict.fromkeys(found)).index(name) for name in found]


def test_other_numbers_are_the_same_text() -> None:
    rng = np.random.default_rng(0)
    texts = [stem.format(*rng.integers(1, 5000, 3)) for _ in range(20) for stem in STEMS]
    assert groups(*texts) == [0, 1, 2] * 20


def test_one_other_word_is_nearly_the_same_text() -> None:
    text = STEMS[0].format(1, 2, 3)
    assert groups(text, text.replace("station", "airport"), STEMS[1]) == [0, 0, 1]


def test_no_chain_of_small_differences_joins_two_texts() -> None:
    words = "the quick brown fox jumps over a lazy dog and then sleeps until late noon".split()
    others = "some people like their tea with milk but never ask for sugar in it".split()
    chain = [" ".join([*others[:n], *words[n:]]) for n in range(len(words) + 1)]
    found = groups(*chain)
    assert found[0] == found[1] and found[0] != found[-1]


def test_a_name_that_was_given_is_kept() -> None:
    text = STEMS[0].format(1, 2, 3)
    found = grouped([sketch(text)] * 4, ["a", "b", None, None])
    assert found == ("a", "b", "like 2", "like 2")


def test_empty_texts_are_alike() -> None:
    assert groups("", STEMS[0], "") == [0, 1, 0]


def test_what_either_way_joins_is_one_group() -> None:
    found = joined(["x", "x", "y", "z", "w"], ["a", "b", "b", None, "c"])
    assert found[0] == found[1] == found[2] and len(set(found)) == 3
    assert joined(["x", "y"], ["y", "x"]) == ("x", "y"), "a name says nothing of the other's"
