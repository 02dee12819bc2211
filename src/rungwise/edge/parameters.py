"""What does a request's query ask for? Parameters that are known, with values that can be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NoReturn, TypeVar

from starlette.requests import Request

from rungwise.errors import CallerError

__all__ = ["MOST_CHARS", "Parameters", "refuse"]

T = TypeVar("T", bound=str)

MOST_CHARS = 200


class Parameters:
    """Everything here raises CallerError, which names the parameter, its value and what it may be.
    One that is empty counts as not given."""

    def __init__(self, request: Request, *known: str) -> None:
        """A parameter that is not known is refused: a filter with a slip in its name would be
        none."""
        self._told: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                allowed = f"known are {', '.join(known)}" if known else "there are none here"
                raise CallerError(
                    f"{name[:80]!r} is no parameter; {allowed}",
                    param=name[:80],
                    code="bad_parameter",
                )
            if name in self._told:
                refuse(name, value, "given once; it is given twice")
            if value:
                self._told[name] = value

    def text(self, name: str) -> str | None:
        """A name of somebody or something; others than those that there are find nothing."""
        value = self._told.get(name)
        if value is not None and (len(value) > MOST_CHARS or not _is_plain(value)):
            refuse(name, value, f"at most {MOST_CHARS} characters, and no control characters")
        return value

    def one_of(self, name: str, allowed: Sequence[T]) -> T | None:
        value = self._told.get(name)
        if value is None:
            return None
        found = next((one for one in allowed if one == value), None)
        return found if found is not None else refuse(name, value, ", ".join(allowed))

    def several_of(self, name: str, allowed: Sequence[T]) -> tuple[T, ...]:
        """With commas between them; none where it is not given."""
        told = self._told.get(name)
        values = [value.strip() for value in told.split(",")] if told is not None else []
        known = {str(one): one for one in allowed}
        if any(value not in known for value in values) or len(set(values)) < len(values):
            refuse(name, told or "", f"{', '.join(allowed)}, or several of them, each once")
        return tuple(known[value] for value in values)

    def whole(self, name: str, least: int, most: int) -> int | None:
        value = self._told.get(name)
        if value is None:
            return None
        if value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most:
            return int(value)
        return refuse(name, value, f"a whole number from {least} to {most}")

    def day(self, name: str) -> date | None:
        value = self._told.get(name)
        try:
            return None if value is None else date.fromisoformat(value)
        except ValueError:
            return refuse(name, value or "", "a day, as 2026-11-26")


def refuse(name: str, value: str, allowed: str) -> NoReturn:
    told = f"{name}: {value[:80]!r} cannot be; it may be {allowed}"
    raise CallerError(told, param=name, code="bad_parameter")


def _is_plain(value: str) -> bool:
    return all(character.isprintable() for character in value)
