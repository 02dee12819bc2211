"""Does what fits go on fitting with less asked and more room? Is a close call said to be one?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rungwise.tiers.shape import Shape
from rungwise.weights.fit import Fit, Wanted, can_divide, fit
from rungwise.weights.memory import GIB, kv_bytes
from tests.weights.test_memory import PRECISIONS, SHAPES, known

ORDER = ("no", "close", "fits")
CONTEXTS = st.integers(16, 200_000)
MANY = st.integers(1, 256)
ROOM = st.floats(0, 200)


def at(shape: Shape, context: int, concurrency: int, room: float, precision: str = "bf16") -> Fit:
    wanted = Wanted(context=context, concurrency=concurrency)
    return fit(shape, wanted, room * GIB, gpu_gib=24, precision=precision)  # type: ignore[arg-type]


def rank(found: Fit) -> int:
    return ORDER.index(found.state)


@given(SHAPES, CONTEXTS, CONTEXTS, MANY, ROOM)
def test_a_longer_context_fits_no_better(
    shape: Shape, one: int, other: int, many: int, room: float
) -> None:
    less, more = (at(shape, context, many, room) for context in sorted((one, other)))
    assert rank(less) >= rank(more) and less.requests >= more.requests


@given(SHAPES, CONTEXTS, MANY, MANY, ROOM)
def test_more_requests_at_once_fit_no_better(
    shape: Shape, context: int, one: int, other: int, room: float
) -> None:
    less, more = (at(shape, context, many, room) for many in sorted((one, other)))
    assert rank(less) >= rank(more) and less.cache >= more.cache


@given(SHAPES, CONTEXTS, MANY, ROOM, ROOM)
def test_more_room_fits_no_worse(
    shape: Shape, context: int, many: int, one: float, other: float
) -> None:
    less, more = (at(shape, context, many, room) for room in sorted((one, other)))
    assert rank(less) <= rank(more) and less.tokens <= more.tokens


@given(SHAPES, CONTEXTS, MANY, ROOM)
def test_fewer_bits_fit_no_worse(shape: Shape, context: int, many: int, room: float) -> None:
    found = [at(shape, context, many, room, precision) for precision in PRECISIONS]
    assert found[0].cache >= found[1].cache >= found[2].cache
    assert rank(found[0]) >= rank(found[1]) >= rank(found[2])


@given(SHAPES, CONTEXTS, MANY, ROOM)
def test_nothing_that_is_counted_is_negative(
    shape: Shape, context: int, many: int, room: float
) -> None:
    found = at(shape, context, many, room)
    counts = (found.weights, found.overhead, found.margin, found.full, found.further, found.usual)
    assert min(*counts, found.requests, found.tokens, found.longest) >= 0
    assert found.further <= found.full


@given(SHAPES, CONTEXTS, ROOM)
def test_the_longest_context_is_the_longest_that_the_cache_holds(
    shape: Shape, context: int, room: float
) -> None:
    found = at(shape, context, 1, room)
    if found.longest:
        assert kv_bytes(shape, found.longest) <= found.cache
    if found.longest < 64 * context:
        assert kv_bytes(shape, found.longest + 1) > found.cache


def test_a_24_gib_gpu_holds_qwen3_8b_in_8_bit_but_not_for_many_in_16() -> None:
    qwen = known("Qwen/Qwen3-8B")
    assert at(qwen, 16_384, 16, 21.6).state == "no"
    assert at(qwen, 16_384, 16, 21.6, "fp8").state == "fits"
    assert at(qwen, 16_384, 4, 21.6).state == "fits", "few at once are another matter"


def test_within_the_margin_it_is_a_close_call() -> None:
    qwen = known("Qwen/Qwen3-8B")
    sure = at(qwen, 16_384, 1, 40)
    needs = (sure.weights + sure.overhead + sure.needed) / GIB
    off = sure.margin / GIB
    found = [at(qwen, 16_384, 1, needs + by).state for by in (-2 * off, -off / 2, off / 2, 2 * off)]
    assert found == ["no", "close", "close", "fits"]


def test_heads_are_dealt_out_whole() -> None:
    qwen, gemma = known("Qwen/Qwen3-8B"), known("google/gemma-4-12B-it")
    assert [can_divide(qwen, n) for n in (1, 2, 3, 4, 8, 16)] == [True, True, False] + [True] * 3
    assert can_divide(gemma, 4), "its one key-value head stands on each of them"
