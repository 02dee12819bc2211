"""The baseline: the longest prompts go up."""

import numpy as np

from rungwise.lab.routing.parts import parts_of
from rungwise.lab.routing.policies.length import PromptLength
from rungwise.lab.routing.policies.walk import Worth
from tests.lab.foretold import ByType, columns


def test_from_none_of_the_steps_to_all_of_them_the_longest_first() -> None:
    held = columns(120)
    (part,) = parts_of(held, ByType, train=columns(120, seed=1), count=5, seed=0)
    walks = PromptLength().walks(part, [Worth(right_usd=n) for n in range(1, 12)])
    lengths = np.array([len(row.prompt) for row in held.rows])
    shares = [float((walk.answered == 2).mean()) for walk in walks]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    for walk in walks[1:-1]:
        up = walk.answered == 2
        assert not up.any() or lengths[up].min() > lengths[~up].max()
