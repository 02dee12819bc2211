"""What is a regular expression in a configuration? One that compiles, as `regex` reads it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

__all__ = ["Pattern"]


def _compiles(told: str) -> str:
    import regex  # it is what searches, and it knows more than re

    try:
        regex.compile(told)
    except regex.error as error:
        raise ValueError(f"not a regular expression ({error}); correct it") from None
    return told


Pattern = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_compiles)]
