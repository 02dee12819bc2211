"""What plain numbers a turn has: its sizes, what it is made of, its words and its choices."""

import numpy as np
import pytest

from rungwise.policy.sketch import TRAITS, sketch_of
from rungwise.types import Chat, Image, Message, Sampling

QUESTION = "Which of these 3 is even?\nA. 7\nB. 1200\nC. nothing at all"


def traits(text: str, **more: object) -> dict[str, float]:
    chat = Chat(messages=(Message(role="user", text=text),), **more)  # type: ignore[arg-type]
    return dict(zip(TRAITS, sketch_of(chat).traits.tolist(), strict=True))


def near(value: float) -> object:
    return pytest.approx(value, rel=2e-3)


def test_no_trait_is_told_twice() -> None:
    assert len(set(TRAITS)) == len(TRAITS)


def test_choices_are_counted_and_measured() -> None:
    found = traits(QUESTION)
    assert found["choices"] == near(np.log1p(3))
    assert found["choice_numbers"] == near(2 / 3)
    assert found["stem_numbers"] == near(np.log1p(1))
    assert found["stem_size"] == near(np.log1p(QUESTION.index("A.")))
    assert found["longest_choice"] == near(np.log1p(len("C. nothing at all")))


@pytest.mark.parametrize("form", ["{}. yes", "({}) yes", "{}) yes", "{}: yes"])
def test_choices_have_many_forms(form: str) -> None:
    text = "Is it?\n" + "\n".join(form.format(letter) for letter in "ABCD")
    assert traits(text)["choices"] == near(np.log1p(4))


def test_a_text_without_choices_is_all_stem() -> None:
    found = traits("Add 12 and 345.")
    assert found["choices"] == 0 and found["stem_size"] == near(np.log1p(15))
    assert found["stem_numbers"] == near(np.log1p(2))


def test_numbers_and_words_are_measured() -> None:
    found = traits("one two two 12 345")
    assert found["numbers"] == near(np.log1p(2)) and found["longest_number"] == near(np.log1p(3))
    assert found["number_size"] == near(2.5)
    assert found["words"] == near(np.log1p(5)) and found["varied"] == near(4 / 5)
    assert found["word_size"] == near(3.0)


def test_what_a_text_is_made_of_is_a_count_and_a_share() -> None:
    found = traits("a = (b + 1)?")
    assert found["mathematics_count"] == near(np.log1p(2))
    assert found["mathematics_share"] == near(2 / 12)
    assert found["questions_count"] == near(np.log1p(1))
    assert traits("né")["beyond_ascii_share"] == near(2 / 3)


def test_what_is_asked_for_counts_too() -> None:
    assert traits("x", sampling=Sampling(max_tokens=99))["max_tokens"] == near(np.log1p(99))
    message = Message(role="user", text="x", images=(Image(url="data:,"),))
    found = sketch_of(Chat(messages=(message,))).traits[TRAITS.index("images")]
    assert found == near(np.log1p(1))
