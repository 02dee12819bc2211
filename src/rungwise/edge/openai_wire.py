"""Which Chat do these bytes ask for? An OpenAI chat completion request, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from rungwise.edge.names import Name, Names
from rungwise.edge.openai_fields import REFUSED, UNUSED, RequestFields, ShapeFields, ToolFields
from rungwise.edge.openai_messages import read_messages
from rungwise.edge.reading import fault_at, read_fields, refuse_unknown, unknown_field
from rungwise.edge.schemas import check_held_to, read_parameters, read_schema
from rungwise.edge.wish import read_agent, read_tags, read_task, read_trace, read_wish
from rungwise.errors import CallerError
from rungwise.types import Chat, OutputShape, Sampling, Thinking, Tool, ToolChoice

__all__ = ["Asked", "read_chat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: what the cascade is asked, and what only the wire needs to know."""

    chat: Chat
    name: Name
    """What stood in `model`."""
    show_usage: bool


def read_chat(body: bytes, headers: Mapping[str, str], names: Names) -> Asked:
    """Raises CallerError, whose `param` is the place, and nothing else, whatever the bytes."""
    fields = read_fields(RequestFields, body)
    _refuse_unknown(fields)
    name = names.find(fields.model)
    tools = tuple(_tool(tool, f"tools[{i}]") for i, tool in enumerate(fields.tools or ()))
    metadata = _metadata(fields)
    chat = Chat(
        messages=read_messages(fields.messages),
        sampling=_sampling(fields),
        tools=tools,
        tool_choice=_tool_choice(fields, tools),
        shape=_shape(fields.response_format),
        wish=read_wish(name, headers, names, metadata=metadata),
        thinking=Thinking(effort=fields.reasoning_effort),
        stream=bool(fields.stream),
        route=name.route,
        conversation=fields.prompt_cache_key,
        agent=read_agent(headers, metadata),
        tags=read_tags(headers, metadata),
        task=read_task(headers, metadata),
        trace=read_trace(headers),
        cache_salt=fields.cache_salt,
    )
    check_held_to(
        chat, shape="response_format.json_schema.schema", tool="tools[{}].function.parameters"
    )
    return Asked(chat=chat, name=name, show_usage=_show_usage(fields))


def _refuse_unknown(fields: RequestFields) -> None:
    refuse_unknown(fields.model_extra, REFUSED, UNUSED)
    for place, part in _parts(fields):
        for key in part.model_extra or ():
            raise unknown_field(place, key)


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
        raise fault_at("top_logprobs", "needs logprobs: true")
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
        raise fault_at(f"{place}.type", f"{tool.type!r:.60} is not supported")
    function = tool.function
    if function is None:
        raise fault_at(f"{place}.function", "required")
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
        raise fault_at("tool_choice", "needs tools")
    if choice is None or isinstance(choice, str):
        return ToolChoice(mode="required", parallel=parallel)
    if choice.type != "function" or choice.function is None:
        raise fault_at("tool_choice.type", f"{choice.type!r:.60} is not supported")
    name = choice.function.name
    if name not in (tool.name for tool in tools):
        raise fault_at("tool_choice", f"no tool {name!r} is offered")
    return ToolChoice(mode="named", name=name, parallel=parallel)


def _shape(format: ShapeFields | None) -> OutputShape | None:
    if format is None or format.type == "text":
        return None
    if format.type == "json_object":
        return OutputShape()
    told, place = format.json_schema, "response_format.json_schema"
    if told is None:
        raise fault_at(place, "required")
    return OutputShape(
        name=told.name,
        schema=read_schema(told.schema_, f"{place}.schema"),
        strict=bool(told.strict),
    )


def _metadata(fields: RequestFields) -> Mapping[str, str]:
    told = fields.metadata or {}
    for key, value in told.items():
        if not isinstance(value, str):
            raise fault_at(f"metadata.{key:.60}", "should be a string")
    return told


def _show_usage(fields: RequestFields) -> bool:
    if fields.stream_options is None:
        return False
    if not fields.stream:
        raise fault_at("stream_options", "needs stream: true")
    return bool(fields.stream_options.include_usage)
