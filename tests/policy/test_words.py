"""Texts fall into buckets by word and by pair, the same everywhere, bounded at both ends."""

import re
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rungwise.policy.words import BUCKETS, WINDOW, bucket_of, read_window, words_of

ANY = st.text(st.characters(codec=None), max_size=200)


def buckets(text: str) -> list[int]:
    words = words_of(read_window(text))
    return words.buckets[: len(words.starts)].tolist()


def shown(text: str) -> list[bytes]:
    raw = read_window(text)
    words = words_of(raw)
    return [bytes(raw[a:b]) for a, b in zip(words.starts, words.ends, strict=True)]


def test_words_numbers_and_signs_are_told_apart() -> None:
    assert shown("Don't buy 120 eggs!") == [b"Don", b"'", b"t", b"buy", b"120", b"eggs", b"!"]


def test_letters_with_accents_stay_in_their_word_and_chinese_characters_do_not() -> None:
    found = [word.decode() for word in shown("café über 中文。 Привет")]
    assert found == ["café", "über", "中", "文", "。", "Привет"]


def test_capitals_and_the_digits_of_a_number_do_not_count_but_its_length_does() -> None:
    assert buckets("Hello WORLD 12") == buckets("hello world 99")
    assert buckets("12") != buckets("123")


def test_a_word_has_the_same_bucket_wherever_it_stands() -> None:
    first, *_, last = buckets("river " + "and so on " * 40 + "river")
    assert first == last


def test_pairs_know_their_order() -> None:
    one, other = (words_of(read_window(text)).buckets for text in ("dog bites", "bites dog"))
    assert sorted(one[:2]) == sorted(other[:2]) and one[2] != other[2]


def test_the_buckets_of_a_text_never_change() -> None:
    """Files that were fitted on them would mean something else."""
    found = words_of(read_window("The 3 cats sat: é中")).buckets.tolist()
    assert found[:7] == [13987, 56646, 43983, 32164, 61663, 45735, 25326]
    assert found[7:] == [49279, 46942, 6874, 9616, 57362, 63441]
    assert bucket_of("tools search") == 59068


def test_a_long_text_is_read_at_both_ends() -> None:
    text = "alpha " + "x " * 5000 + "omega"
    assert len(read_window(text)) == 2 * WINDOW + 1
    found = Counter(buckets(text))
    assert set(buckets("alpha omega")) <= set(found)
    assert bytes(read_window("y" * 3 * WINDOW)) == b"y" * WINDOW + b"\n" + b"y" * WINDOW
    assert len(read_window("中" * 2 * WINDOW)) == 2 * WINDOW + 1


def test_words_spread_over_the_buckets() -> None:
    found = {buckets(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}")[0] for i in range(500)}
    assert len(found) > 490 and max(found) > BUCKETS * 0.9 and min(found) < BUCKETS * 0.1


@given(ANY)
def test_any_text_has_words_that_cover_what_is_not_a_gap(text: str) -> None:
    raw = read_window(text)
    words = words_of(raw)
    assert (words.ends > words.starts).all() and (words.starts[1:] >= words.ends[:-1]).all()
    assert len(words.buckets) == max(0, 2 * len(words.starts) - 1)
    covered = np.zeros(len(raw), bool)
    for begin, end in zip(words.starts, words.ends, strict=True):
        covered[begin:end] = True
    assert not [byte for byte in raw[covered] if byte < 33 or byte == 127]
    assert all(byte < 33 or byte == 127 or byte >= 128 for byte in raw[~covered])


@given(st.text("abc XYZ.,", max_size=60))
def test_plain_text_is_split_as_one_would(text: str) -> None:
    wanted = re.findall(r"[a-zA-Z]+|[.,]", text)
    assert [word.decode() for word in shown(text)] == wanted
