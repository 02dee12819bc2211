"""Groups stay whole in folds of like size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.predictors.dealing import dealt, dealt_by_luck


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(2, 6), st.integers(0, 9))
def test_groups_stay_whole_and_no_fold_is_larger_than_it_must_be(
    groups: list[int], count: int, seed: int
) -> None:
    for deal in (dealt, dealt_by_luck):
        fold = deal(np.array(groups), count, seed)
        for group in set(groups):
            assert len(set(fold[np.array(groups) == group])) == 1
        sizes = np.bincount(fold)
        assert sizes.min() > 0 and len(sizes) == min(count, len(set(groups)))
        largest = max(groups.count(group) for group in groups)
        assert sizes.max() - sizes.min() <= largest


def test_by_luck_groups_of_all_sizes_get_other_company() -> None:
    group = np.repeat(np.arange(20), np.arange(1, 21))
    assert dealt(group, 4, 0).tolist() == dealt(group, 4, 1).tolist()
    one, same, other = (dealt_by_luck(group, 4, seed).tolist() for seed in (0, 0, 1))
    assert one == same != other


def test_luck_deals_among_groups_of_one_size() -> None:
    group = np.arange(40)
    assert dealt(group, 4, 0).tolist() == dealt(group, 4, 0).tolist() != dealt(group, 4, 1).tolist()
