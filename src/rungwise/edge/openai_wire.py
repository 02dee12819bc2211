"""Which Chat do these bytes ask for? An OpenAI chat completion request, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from rungwise.edge.names import Name, Names
from rungwise.edge.openai_fields import REFUSED, UNUSED, RequestFields, ShapeFields, ToolFields
from rungwise.edge.openai_messages import read_messages
from rungwise.edge.schemas import check_patterns, read_parameters, read_schema
from rungwise.edge.wish import read_wish
from rungwise.errors import CallerError
from rungwise.types import Chat, JsonObject, OutputShape, Sampling, Thinking, Tool, ToolChoice

__all__ = ["Asked", "read_chat"]

MOST_VALUES = 32_768
"""Values in one body outside of strings. Reading them holds the interpreter: 0.15 s for these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: what the cascade is asked, and what only the wire needs to know."""

    chat: Chat
    name: Name
    """What stood in `model`."""
    show_usage: bool


def read_chat(body: bytes, headers: Mapping[str, str], names: Names) -> Asked:
    """Raises CallerError, whose `param` is the place, and nothing else, whatever the bytes."""
    fields = _fields(body)
    _refuse_unknown(fields)
    name = names.find(fields.model)
    tools = tuple(_tool(tool, f"tools[{i}]") for i, tool in enumerate(fields.tools or ()))
    chat = Chat(
        messages=read_messages(fields.messages),
        sampling=_sampling(fields),
        tools=tools,
        tool_choice=_tool_choice(fields, tools),
        shape=_shape(fields.response_format),
        wish=read_wish(name, headers, names, step_type=_told_step_type(fields)),
        thinking=Thinking(effort=fields.reasoning_effort),
        stream=bool(fields.stream),
        route=name.route,
        conversation=fields.prompt_cache_key,
        cache_salt=fields.cache_salt,
    )
    check_patterns(_held_to(chat))
    return Asked(chat=chat, name=name, show_usage=_show_usage(fields))


def _held_to(chat: Chat) -> Iterator[tuple[str, JsonObject]]:
    """The schemas that an engine must follow as it writes, and where each was given."""
    if chat.shape is not None and chat.shape.schema is not None:
        yield "response_format.json_schema.schema", chat.shape.schema
    choice = chat.tool_choice
    if choice.mode == "none":
        return
    for i, tool in enumerate(chat.tools):
        if tool.strict or choice.mode == "required" or choice.name == tool.name:
            yield f"tools[{i}].function.parameters", tool.parameters


def _fields(body: bytes) -> RequestFields:
    if body.count(b",") > MOST_VALUES:
        _refuse_rubble(body)
    try:
        return RequestFields.model_validate_json(body)
    except ValidationError as error:
        raise _fault(error) from None


def _refuse_rubble(body: bytes) -> None:
    """Counts what stands outside of strings: long texts have many commas too."""
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if bare.count(b'"') <= 4 * MOST_VALUES:
        outside = bare.split(b'"')[::2]
        if sum(part.count(b",") for part in outside) <= MOST_VALUES:
            return
    raise CallerError(f"the body holds more than {MOST_VALUES} values")


# ---- what pydantic found ---------------------------------------------------------------------


def _fault(error: ValidationError) -> CallerError:
    """The first field's faults in one line. A union has one for each of its arms."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        why = faults[0]["msg"].removeprefix("Invalid JSON: ")
        return CallerError(f"the body is not JSON: {why}", code="invalid_json")
    faults = [fault for fault in faults if fault["loc"][:1] == faults[0]["loc"][:1]]
    places = [_place(fault["loc"]) for fault in faults]
    place = max(places, key=len)
    told = dict.fromkeys(f["msg"] for f, p in zip(faults, places, strict=True) if p == place)
    message = ", or ".join(told).replace("Input should", "should").replace("Field req", "req")
    if not place:
        return CallerError("the body must be a JSON object")
    return CallerError(f"{place}: {message[:300]}", param=place)


def _place(loc: Sequence[int | str]) -> str:
    """`messages[2].content`. Names of union arms (`list[PartFields]`, `str`) are left out."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch(r"[a-z_]+", part) and part != "str":
            path += f".{part}" if path else part
    return path


def _refuse_unknown(fields: RequestFields) -> None:
    for key, value in (fields.model_extra or {}).items():
        if key in REFUSED:
            if value is not None and not any(_same(value, n) for n in REFUSED[key]):
                raise CallerError(f"{key}: not supported", param=key, code="unsupported_parameter")
        elif key not in UNUSED:
            raise _unknown(key, key)
    for place, part in _parts(fields):
        for key in part.model_extra or ():
            raise _unknown(f"{place}.{key:.60}", key)


def _same(value: object, neutral: object) -> bool:
    return type(value) is type(neutral) and value == neutral


def _unknown(place: str, key: str) -> CallerError:
    return CallerError(
        f"unknown field {key!r:.60} ({place[:120]})", param=place[:120], code="unknown_parameter"
    )


def _parts(fields: RequestFields) -> Iterable[tuple[str, BaseModel]]:
    """The objects of a request, without its messages."""
    if fields.stream_options:
        yield "stream_options", fields.stream_options
    for i, tool in enumerate(fields.tools or ()):
        yield f"tools[{i}]", tool
        if tool.function:
            yield f"tools[{i}].function", tool.function
    if fields.tool_choice and not isinstance(fields.tool_choice, str):
        yield "tool_choice", fields.tool_choice
        if fields.tool_choice.function:
            yield "tool_choice.function", fields.tool_choice.function
    if fields.response_format:
        yield "response_format", fields.response_format
        if fields.response_format.json_schema:
            yield "response_format.json_schema", fields.response_format.json_schema


# ---- from fields to values -------------------------------------------------------------------


def _sampling(fields: RequestFields) -> Sampling:
    if fields.max_tokens is not None and fields.max_completion_tokens is not None:
        raise CallerError(
            "max_tokens and max_completion_tokens exclude each other", param="max_tokens"
        )
    if fields.top_logprobs is not None and not fields.logprobs:
        raise CallerError("top_logprobs: needs logprobs: true", param="top_logprobs")
    stop = fields.stop
    return Sampling(
        max_tokens=fields.max_completion_tokens or fields.max_tokens,
        temperature=fields.temperature,
        top_p=fields.top_p,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        n=fields.n or 1,
        seed=fields.seed,
        presence_penalty=fields.presence_penalty,
        frequency_penalty=fields.frequency_penalty,
        top_logprobs=(fields.top_logprobs or 0) if fields.logprobs else None,
    )


def _tool(tool: ToolFields, place: str) -> Tool:
    if tool.type != "function":
        raise CallerError(
            f"{place}.type: {tool.type!r:.60} is not supported", param=f"{place}.type"
        )
    function = tool.function
    if function is None:
        raise CallerError(f"{place}.function: required", param=f"{place}.function")
    return Tool(
        name=function.name,
        description=function.description or "",
        parameters=read_parameters(function.parameters or {}, f"{place}.function.parameters"),
        strict=bool(function.strict),
    )


def _tool_choice(fields: RequestFields, tools: Sequence[Tool]) -> ToolChoice:
    parallel = fields.parallel_tool_calls is not False
    choice = fields.tool_choice
    if choice in (None, "none", "auto"):
        return ToolChoice(mode="none" if choice == "none" else "auto", parallel=parallel)
    if not tools:
        raise CallerError("tool_choice: needs tools", param="tool_choice")
    if choice is None or isinstance(choice, str):
        return ToolChoice(mode="required", parallel=parallel)
    if choice.type != "function" or choice.function is None:
        raise CallerError(
            f"tool_choice.type: {choice.type!r:.60} is not supported", param="tool_choice.type"
        )
    name = choice.function.name
    if name not in (tool.name for tool in tools):
        raise CallerError(f"tool_choice: no tool {name!r} is offered", param="tool_choice")
    return ToolChoice(mode="named", name=name, parallel=parallel)


def _shape(format: ShapeFields | None) -> OutputShape | None:
    if format is None or format.type == "text":
        return None
    if format.type == "json_object":
        return OutputShape()
    told, place = format.json_schema, "response_format.json_schema"
    if told is None:
        raise CallerError(f"{place}: required", param=place)
    return OutputShape(
        name=told.name,
        schema=read_schema(told.schema_, f"{place}.schema"),
        strict=bool(told.strict),
    )


def _told_step_type(fields: RequestFields) -> str | None:
    for key, value in (fields.metadata or {}).items():
        if not isinstance(value, str):
            place = f"metadata.{key:.60}"
            raise CallerError(f"{place}: should be a string", param=place)
    return (fields.metadata or {}).get("step_type")


def _show_usage(fields: RequestFields) -> bool:
    if fields.stream_options is None:
        return False
    if not fields.stream:
        raise CallerError("stream_options: needs stream: true", param="stream_options")
    return bool(fields.stream_options.include_usage)
