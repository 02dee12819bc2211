"""However much one key says, its share is bounded, and what others said stays whole."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.shares import within_share

GIVEN = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 40), min_size=1)


def labels(kind: str, counts: dict[str, int]) -> list[tuple[str, str, str]]:
    return [(kind, key, f"{kind}{key}{n}") for key, count in counts.items() for n in range(count)]


def test_of_two_keys_the_one_that_says_more_is_cut_to_as_much_as_the_other() -> None:
    kept, dropped = within_share(labels("k", {"a": 10_000, "b": 100}), 0.5, 0)
    assert Counter(item[1] for item in kept) == {"a": 100, "b": 100} and dropped == 9_900


def test_a_single_key_says_it_all() -> None:
    assert within_share(labels("k", {"a": 7}), 0.1, 0) == ([f"ka{n}" for n in range(7)], 0)


def test_each_kind_of_work_is_weighed_for_itself() -> None:
    told = labels("k", {"a": 4, "b": 2}) + labels("l", {"a": 3})
    kept, dropped = within_share(told, 0.5, 0)
    assert Counter(item[:2] for item in kept) == {"ka": 2, "kb": 2, "la": 3} and dropped == 2


@given(GIVEN, st.floats(0.01, 1), st.integers(0, 9))
def test_no_key_is_kept_beyond_its_share_or_an_equal_part(
    counts: dict[str, int], share: float, seed: int
) -> None:
    kept, dropped = within_share(labels("k", counts), share, seed)
    assert len(kept) + dropped == sum(counts.values()) and len(set(kept)) == len(kept)
    found = Counter(item[1] for item in kept)
    assert max(found.values()) <= max(share, 1 / len(counts)) * len(kept) + 1e-6
    assert set(found) == set(counts), "nobody is silenced"


@given(GIVEN, st.integers(1, 10_000), st.floats(0.5, 1), st.integers(0, 9))
def test_what_others_said_stays_whole_however_much_one_key_says(
    counts: dict[str, int], more: int, share: float, seed: int
) -> None:
    flood = sum(counts.values()) + more
    kept, _ = within_share(labels("k", counts) + labels("k", {"z": flood}), share, seed)
    others = Counter(item[1] for item in kept)
    mine = others.pop("z")
    assert dict(others) == counts and mine <= share * len(kept) + 1e-6


@pytest.mark.parametrize("seed", [0, 1])
def test_the_draw_is_the_same_for_the_same_seed(seed: int) -> None:
    told = labels("k", {"a": 50, "b": 5})
    assert within_share(told, 0.5, seed) == within_share(told, 0.5, seed)
    assert within_share(told, 0.5, 0) != within_share(told, 0.5, 1)
