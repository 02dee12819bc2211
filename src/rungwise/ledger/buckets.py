"""How are times counted, so that a percentile can be read from the counts? Logarithmic buckets."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

__all__ = ["COARSE", "SLOT_S", "bucket_of", "ranked", "seconds_of", "slot_of"]

_STEP = 1.0195
"""From one bucket's end to the next. What is told of a bucket is the middle of it on the
logarithmic scale, at most sqrt(1.0195) - 1 = 0.97 % from anything in it."""
_LEAST_S = 1e-6
"""All that is no longer falls into bucket 0: a microsecond is nothing to an answer."""
_LOG_STEP = math.log(_STEP)
COARSE = 12
"""So many buckets are one where a percentile is only drawn."""
SLOT_S = 300
"""Five minutes."""


def bucket_of(seconds: float) -> int:
    """The bucket that a time falls into, from 0 on; times in order have buckets in order."""
    if seconds <= _LEAST_S:
        return 0
    return math.ceil(math.log(seconds / _LEAST_S) / _LOG_STEP)


def seconds_of(bucket: int) -> float:
    """What to tell of the times in a bucket: within 1 % of each of them (bucket 0: a microsecond
    at most). A percentile by nearest rank over such counts is as near to the one over the times."""
    return float(_LEAST_S * _STEP ** (bucket - 0.5)) if bucket > 0 else _LEAST_S


def ranked(buckets: Sequence[int], counts: Sequence[int], share: float) -> int | None:
    """The bucket of the smallest time that at least `share` of those counted do not exceed
    (nearest rank, as counted.percentile); None where there are none. `buckets` in rising order,
    `counts` how many are in each."""
    up_to = list(accumulate(counts))
    if not up_to or up_to[-1] == 0:
        return None
    return buckets[bisect_left(up_to, share * up_to[-1])]


def slot_of(at: float) -> int:
    """Which five minutes since 1970 a Unix time falls into."""
    return int(at // SLOT_S)
