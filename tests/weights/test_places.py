"""Which GPUs are meant, and how much of them may be used?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rungwise.errors import ConfigError
from rungwise.observe.gpu import Gpu
from rungwise.weights.memory import GIB
from rungwise.weights.places import present, stated, this_cpu


def gpu(index: int, total: float = 80, free: float | None = None, name: str = "H100") -> Gpu:
    free = total if free is None else free
    return Gpu(index=index, name=name, total_gib=total, free_gib=free, driver="580")


@pytest.mark.parametrize(
    ("told", "gpus", "total"),
    [
        ("24GiB", 1, 24 * GIB),
        ("2x80GiB", 2, 80 * GIB),
        ("4 x 23.6 gib", 4, 23.6 * GIB),
        ("24GB", 1, 24e9),
    ],
)
def test_a_gpu_is_stated_by_its_memory(told: str, gpus: int, total: float) -> None:
    place = stated(told)
    assert (place.gpus, place.total) == (gpus, total) and place.room == 0.9 * total


@pytest.mark.parametrize("told", ["", "24", "H100", "0x24GiB", "2x", "-1GiB", "0.5GiB", "2x2x2GiB"])
def test_what_is_no_gpu_is_an_error_with_an_example(told: str) -> None:
    with pytest.raises(ConfigError, match="say 24GiB for one, or 2x80GiB for two"):
        stated(told)


def test_equal_gpus_are_one_place() -> None:
    two, other = present([gpu(0), gpu(1, 24, name="L4"), gpu(2)])
    assert (two.gpus, two.indices, other.gpus, other.indices) == (2, (0, 2), 1, (1,))
    assert two.room == 0.9 * 80 * GIB and other.room == 0.9 * 24 * GIB
    assert two.name == "2 x H100, 80 GiB"


def test_one_that_others_use_stands_apart_and_its_share_leaves_room_for_cuda_itself() -> None:
    free, busy = present([gpu(0, 24, 3.0), gpu(1, 24, 22.4)])
    assert (free.indices, free.share) == ((1,), 0.9)
    assert (busy.indices, busy.share, busy.room) == ((0,), 0.1, 0.1 * 24 * GIB)
    (both,) = present([gpu(0, 24, 20.9), gpu(1, 24, 20.1)])
    assert both.gpus == 2 and both.share == 0.81, "about as much is free of each"
    (none,) = present([gpu(0, 24, 0.2)])
    assert none.share == none.room == 0


@pytest.mark.parametrize(
    ("visible", "indices"),
    [(None, (0, 1, 2)), (("2",), (0,)), (("2", "0"), (0, 1)), (("1", "9", "0"), (0,)), ((), ())],
)
def test_gpus_that_cuda_hides_are_no_place(
    visible: tuple[str, ...] | None, indices: tuple[int, ...]
) -> None:
    """They are counted among those that it shows, as `tiers[].gpus` is."""
    found = present([gpu(0), gpu(1), gpu(2)], visible)
    assert [one.indices for one in found] == ([indices] if indices else [])


def test_one_that_does_not_answer_is_no_place_and_the_others_keep_theirs() -> None:
    lost = replace(gpu(1, 0), fault="GPU is lost")
    for known in ([gpu(0), lost, gpu(2)], [gpu(0), gpu(2)]):
        (place,) = present(known)
        assert place.indices == (0, 2)
    (place,) = present([gpu(0), lost, gpu(2)], ("2", "1", "0"))
    assert place.indices == (0, 2)


def test_a_cpu_has_no_gpus_and_all_that_is_free() -> None:
    place = this_cpu(8 * GIB)
    assert (place.gpus, place.room, place.gib) == (0, 8 * GIB, 8)
