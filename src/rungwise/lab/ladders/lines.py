"""How does a step on every rung look as a line of JSON? The house's own format, read and written.

    {"id", "group"?, "step_type"?, "prompt", "system"?, "tools"?, "schema"?, "tiers": {name: {
        "correct", "cost_usd"?, "latency_ms"?, "readings"?, "confidence"?, "output_tokens"?}}}

`tools` have the OpenAI protocol's shape, `schema` is a JSON schema that the answer must keep.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.lab.ladders.rows import Result, Row
from rungwise.lab.lines import Line, numbers_in
from rungwise.types import JsonObject, StepType, Tool

__all__ = ["row_of", "write_ladder"]


NUMBERS = ("cost_usd", "latency_ms", "confidence", "output_tokens")


def row_of(line: Line, ladder: Sequence[str] | None) -> Row:
    """One line of the house's format, with the rungs of `ladder`, else all it has."""
    id = line.text("id", line.place)
    return Row(
        id=id,
        group=line.text("group", id),
        step_type=line.text("step_type", StepType.OPEN_CHAT.value),
        prompt=line.text("prompt"),
        system=line.text("system", ""),
        tools=_tools(line),
        schema=None if line.fields.get("schema") is None else _json(line.object("schema")),
        tiers=_results(line, ladder),
    )


def _results(line: Line, ladder: Sequence[str] | None) -> dict[str, Result]:
    found = line.object("tiers")
    if not found:
        raise line.fault("tiers", "is empty; add what each rung made of it")
    for name in ladder or ():
        if name not in found:
            raise line.fault(
                f"tiers.{name}", f"is missing, and every line must have it; here: {_few(found)}"
            )
    return {name: _result(line, name, found[name]) for name in ladder or found}


def _result(line: Line, name: str, told: object) -> Result:
    if not isinstance(told, dict):
        raise line.fault(f"tiers.{name}", "must be an object with `correct`; correct the line")
    part = Line(place=f"{line.place}: tiers.{name}", fields=told)
    given = [key for key in NUMBERS if told.get(key) is not None]
    numbers = numbers_in(line, f"tiers.{name}", told, given) if given else {}
    for key, value in numbers.items():
        if value < 0 or (key == "confidence" and value > 1):
            raise line.fault(f"tiers.{name}.{key}", f"cannot be {value:g}; correct the line")
    tokens = numbers.pop("output_tokens", None)
    return Result(
        correct=part.truth("correct"),
        readings=part.numbers("readings") if told.get("readings") else {},
        output_tokens=None if tokens is None else round(tokens),
        **numbers,
    )


def _tools(line: Line) -> tuple[Tool, ...]:
    """In the OpenAI protocol's own shape."""
    told = line.fields.get("tools")
    if told is None:
        return ()
    if not isinstance(told, list):
        raise line.fault("tools", "must be a list; correct the line")
    return tuple(_tool(line, f"tools[{n}]", tool) for n, tool in enumerate(told))


def _tool(line: Line, key: str, told: object) -> Tool:
    function = told.get("function") if isinstance(told, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise line.fault(key, "must be a tool with `function.name`; correct the line")
    parameters = function.get("parameters")
    return Tool(
        name=function["name"],
        description=str(function.get("description", "")),
        parameters=_json(parameters) if isinstance(parameters, dict) else {},
    )


def _json(told: Mapping[str, object]) -> JsonObject:
    """It came out of a JSON parser."""
    return told  # type: ignore[return-value]


def _few(names: Iterable[str]) -> str:
    return f"{', '.join(names):.200}"


def write_ladder(path: Path, rows: Iterable[Row]) -> None:
    """One line each, in the house's format; gzipped where the name ends in .gz. The same rows give
    the same bytes."""
    lines = "".join(f"{json.dumps(_fields(row), separators=(',', ':'))}\n" for row in rows)
    body = lines.encode("ascii")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(body, mtime=0) if path.suffix == ".gz" else body)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None


def _fields(row: Row) -> dict[str, object]:
    fields: dict[str, object] = {
        "id": row.id,
        "group": row.group,
        "step_type": row.step_type,
        "prompt": row.prompt,
    }
    if row.system:
        fields["system"] = row.system
    if row.tools:
        fields["tools"] = [_shown(tool) for tool in row.tools]
    if row.schema is not None:
        fields["schema"] = row.schema
    fields["tiers"] = {name: _told(result) for name, result in row.tiers.items()}
    return fields


def _shown(tool: Tool) -> dict[str, object]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


def _told(result: Result) -> dict[str, object]:
    told: dict[str, object] = {"correct": result.correct}
    for name in ("cost_usd", "latency_ms", "confidence", "output_tokens"):
        if (value := getattr(result, name)) is not None:
            told[name] = value
    if result.readings:
        told["readings"] = dict(sorted(result.readings.items()))
    return told
