"""No part of a key is told, wherever a message was cut; and no more is hidden than that."""

from hypothesis import given
from hypothesis import strategies as st

from rungwise.tiers.hosted.hiding import HIDDEN, PART, without

KEY = "sk-live-4f9c2b7a1e8d6035"
KEYS = st.text("abcdef0123456789-", min_size=PART + 1, max_size=40)


def test_a_key_is_hidden_wherever_it_stands() -> None:
    assert without(f"Bearer {KEY}, {KEY}", [KEY]) == f"Bearer {HIDDEN}, {HIDDEN}"
    assert without(f"{KEY}{KEY}", [KEY]) == HIDDEN


def test_the_key_of_another_member_is_hidden_too() -> None:
    assert without(f"{KEY} or pk-other-key", [KEY, "pk-other-key"]) == f"{HIDDEN} or {HIDDEN}"


def test_what_shares_a_few_characters_with_a_key_is_told() -> None:
    assert without("sk-live is no key", [KEY]) == "sk-live is no key"
    assert without("anything", [""]) == "anything"


def test_a_short_key_is_hidden_whole() -> None:
    assert without("any key, many", ["any"]) == f"{HIDDEN} key, m{HIDDEN}"


@given(KEYS, st.text(max_size=30), st.text(max_size=30), st.data())
def test_no_part_of_a_key_is_left(key: str, before: str, after: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(key) - PART))
    end = data.draw(st.integers(begin + PART, len(key)))
    told = without(before + key[begin:end] + after, [key])
    assert not any(key[i : i + PART] in told for i in range(len(key) - PART + 1))


@given(st.text(max_size=80), KEYS)
def test_other_text_stays_as_it_is(text: str, key: str) -> None:
    if not any(key[i : i + PART] in text for i in range(len(key))):
        assert without(text, [key]) == text
