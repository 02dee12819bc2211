"""What is every part of a configuration? Frozen, finite, and closed to unknown keys."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo

__all__ = ["Seconds", "Secret", "Section", "VariableName", "has_scheme_and_host"]


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )


def _name_of_a_variable(told: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", told) is None:
        raise ValueError(
            "must be the name of an environment variable, such as OPENAI_API_KEY; the key itself "
            "belongs into that variable"
        )
    return told


VariableName = Annotated[str, AfterValidator(_name_of_a_variable)]


def _out_of_the_file(told: SecretStr, info: ValidationInfo) -> SecretStr:
    if told.get_secret_value():
        variable = f"{info.field_name}_env"
        raise ValueError(f"a secret does not belong in the file; name its variable in {variable}")
    return told


Secret = Annotated[SecretStr, AfterValidator(_out_of_the_file), Field(exclude=True)]
"""Filled by load() from the variable that the key of the same name and `_env` names; never read
from the file."""

Seconds = Annotated[float, Field(le=86_400)]
"""At most a day: timers overflow at some point."""


def has_scheme_and_host(address: str) -> bool:
    """Of http or https."""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
