"""How is it told to people, and as JSON, what fits?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rungwise.weights.advice import advice
from rungwise.weights.candidates import Candidate
from rungwise.weights.fit import Wanted
from rungwise.weights.memory import GIB, Precision, weight_bytes
from rungwise.weights.places import Place
from rungwise.weights.recommending import Choice, Way, older_word, way

__all__ = ["catalogue", "details", "figures", "in_words", "recommended", "table"]

ORDER: tuple[Precision, ...] = ("bf16", "fp8", "awq")


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first row is the head. Words stand to the left, what begins with a digit to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def catalogue(
    candidates: Sequence[Candidate], places: Sequence[Place], wanted: Wanted
) -> Iterator[str]:
    """One line a model: its weights, and for each place the most bits in which it fits."""
    rows = [["model", "bf16", "fp8", "awq", "context", *(place.name for place in places)]]
    for candidate in candidates:
        size = [_weights(candidate, precision) for precision in ORDER]
        context = f"{candidate.context:,}" if candidate.context else "?"
        cells = [_cell(candidate, place, wanted) for place in places]
        rows.append([_name(candidate), *size, context, *cells])
    yield from table(rows)
    yield ""
    yield "bf16, fp8, awq: GiB of weights. * needs a repository in 4 bit (AWQ); none is known here."
    if any(candidate.gated for candidate in candidates):
        yield "(gated): its licence must be accepted on the hub, and HF_TOKEN set."
    if places:
        yield (
            f"Where {wanted.concurrency} requests at once of {wanted.mean_tokens:,} tokens at the "
            f"mean fit, up to {wanted.context:,} each: in how many bits at most, and\nhow many "
            "tokens the KV cache holds. Estimates, ? where too close to call: `rungwise doctor "
            "--fit` tells their parts."
        )


def _name(candidate: Candidate) -> str:
    return f"{candidate.name} (gated)" if candidate.gated else candidate.name


def _weights(candidate: Candidate, precision: Precision) -> str:
    if candidate.shape is None or precision not in candidate.precisions:
        return "-"
    exact = candidate.weights(precision, 1)
    held = weight_bytes(candidate.shape, precision) if exact is None else exact
    known = candidate.repository(precision) is not None
    return f"{held / GIB:.1f}{'' if known else '*'}"


def _cell(candidate: Candidate, place: Place, wanted: Wanted) -> str:
    found = [
        one
        for precision in candidate.precisions
        if candidate.repository(precision) is not None
        and (one := way(candidate, place, wanted, precision)) is not None
    ]
    for state in ("fits", "close"):
        for one in found:
            if one.state == state:
                return f"{_how(one)}, {one.tokens // 1000:,}k" + ("" if state == "fits" else "?")
    return "no" if candidate.shape is not None else "unknown"


def _how(one: Way) -> str:
    parts: list[str] = [one.fit.precision]
    parts += [f"tp {one.fit.tensor}"] if one.fit.tensor > 1 else []
    parts += [f"x {one.copies}"] if one.copies > 1 else []
    return " ".join(parts)


def details(ways: Iterable[Way]) -> Iterator[str]:
    """One line a model and precision, with what its answer is made of."""
    rows = [
        ["model", "as", "GPUs", "weights", "other", "left", "+-", "tokens", "requests", "fits?"]
    ]
    for one in ways:
        fit = one.fit
        rows.append(
            [
                one.candidate.name,
                fit.precision + ("" if one.candidate.repository(fit.precision) else "*"),
                _gpus(one),
                *(f"{count / GIB:.1f}" for count in (fit.weights, fit.overhead)),
                f"{max(0, fit.cache) / GIB:.1f}",
                f"{fit.margin / GIB:.1f}",
                f"{one.tokens:,}",
                str(one.requests),
                {"fits": "yes", "close": "perhaps", "no": "no"}[one.state],
            ]
        )
    yield from table(rows)


def _gpus(one: Way) -> str:
    if one.place.gpus == 0:
        return "-"
    return str(one.fit.tensor) if one.copies == 1 else f"{one.fit.tensor} x {one.copies}"


def in_words(place: Place, wanted: Wanted) -> Iterator[str]:
    """What the columns of `details` mean."""
    each = " of each" if place.gpus > 1 else ""
    yield (
        f"{place.name}: {place.room / GIB:.1f} GiB{each} may be used; wanted are "
        f"{wanted.concurrency} requests at once of up to {wanted.context:,} tokens, "
        f"{wanted.mean_tokens:,} at the mean."
    )
    yield (
        "weights, other (activations, CUDA graphs, CUDA itself), left (for the KV cache): GiB of "
        "each GPU; +- how far that may be wrong;"
    )
    yield (
        "tokens: what the cache holds; requests: so many of the whole context. * needs a "
        "repository in 4 bit (AWQ)."
    )
    if place.gpus and (word := older_word(place)):
        yield f"{word}."


def figures(one: Way) -> Mapping[str, object]:
    """As JSON; bytes are for each GPU."""
    fit = one.fit
    return {
        "model": one.candidate.name,
        "repository": one.candidate.repository(fit.precision),
        "place": one.place.name,
        "precision": fit.precision,
        "tensor_parallel": fit.tensor,
        "copies": one.copies,
        "context": fit.context,
        "weight_bytes": fit.weights,
        "other_bytes": fit.overhead,
        "cache_bytes": fit.cache,
        "margin_bytes": fit.margin,
        "cache_tokens": one.tokens,
        "whole_requests": one.requests,
        "longest_context": min(fit.longest, one.candidate.context or fit.longest),
        "state": fit.state,
    }


def recommended(
    choice: Choice, models: Sequence[Candidate], places: Sequence[Place], wanted: Wanted
) -> Iterator[str]:
    """What to run, and why; or what would help."""
    if choice.passed_over is not None:
        over = choice.passed_over
        yield f"{over.candidate.name} in {over.fit.precision} is passed over: {choice.why}."
    if choice.way is not None:
        yield f"Recommended on {choice.way.place.name}: {'; '.join(_parts(choice.way))}."
    elif choice.passed_over is not None:
        yield "Nothing else here fits for sure."
    else:
        yield " ".join(["Nothing here fits for sure.", *advice(models, places, wanted)])


def _parts(chosen: Way) -> Iterator[str]:
    as_float16 = ", computed in float16" if chosen.in_float16 else ""
    yield f"{chosen.candidate.name} in {chosen.fit.precision}{as_float16}"
    if chosen.place.gpus > 1 and chosen.fit.tensor > 1:
        yield f"each copy over {chosen.fit.tensor} GPUs: one does not hold it"
    if chosen.copies > 1:
        yield f"{chosen.copies} copies side by side"
    if chosen.gated:
        yield "its licence must be accepted on the hub"
