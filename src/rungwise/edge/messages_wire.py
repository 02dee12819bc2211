"""Which Chat do these bytes ask for? A request to Anthropic's Messages API, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from rungwise.edge.messages_fields import (
    REFUSED,
    UNUSED,
    UNUSED_OF_TOOL,
    ChoiceFields,
    MessagesFields,
    OutputFields,
    ThinkingFields,
    ToolFields,
)
from rungwise.edge.messages_turns import read_mark, read_system, read_turns
from rungwise.edge.names import Name, Names
from rungwise.edge.reading import fault_at, read_fields, refuse_unknown, unknown_field
from rungwise.edge.schemas import check_held_to, read_parameters, read_schema
from rungwise.edge.wish import METADATA, read_agent, read_tags, read_task, read_trace, read_wish
from rungwise.types import (
    CacheMark,
    Chat,
    Message,
    OutputShape,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)

__all__ = ["AskedMessage", "read_count", "read_message"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_OF_METADATA = ("user_id", *METADATA)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMessage:
    chat: Chat
    name: Name
    """What stood in `model`."""


def read_message(body: bytes, headers: Mapping[str, str], names: Names) -> AskedMessage:
    """Raises CallerError, whose `param` is the place, and nothing else, whatever the bytes."""
    fields = read_fields(MessagesFields, body)
    if fields.max_tokens is None:
        raise fault_at("max_tokens", "required")
    return _asked(fields, headers, names)


def read_count(body: bytes, headers: Mapping[str, str], names: Names) -> AskedMessage:
    """The same without an answer, and so without max_tokens."""
    return _asked(read_fields(MessagesFields, body), headers, names)


def _asked(fields: MessagesFields, headers: Mapping[str, str], names: Names) -> AskedMessage:
    _refuse_unknown(fields)
    name = names.find(fields.model)
    tools = tuple(_tool(tool, f"tools[{i}]") for i, tool in enumerate(fields.tools or ()))
    messages = (*read_system(fields.system), *read_turns(fields.messages))
    metadata = _metadata(fields)
    chat = Chat(
        messages=_marked(messages, read_mark(fields.cache_control, "cache_control")),
        sampling=Sampling(
            max_tokens=fields.max_tokens,
            temperature=fields.temperature,
            top_p=fields.top_p,
            stop=tuple(fields.stop_sequences or ()),
        ),
        tools=tools,
        tool_choice=_tool_choice(fields.tool_choice, tools),
        shape=_shape(fields.output_config),
        wish=read_wish(name, headers, names, metadata=metadata),
        thinking=_thinking(fields),
        stream=bool(fields.stream),
        route=name.route,
        agent=read_agent(headers, metadata),
        tags=read_tags(headers, metadata),
        task=read_task(headers, metadata),
        trace=read_trace(headers),
    )
    check_held_to(chat, shape="output_config.format.schema", tool="tools[{}].input_schema")
    return AskedMessage(chat=chat, name=name)


# ---- what is not known -----------------------------------------------------------------------


def _refuse_unknown(fields: MessagesFields) -> None:
    refuse_unknown(fields.model_extra, REFUSED, UNUSED)
    for place, part in _parts(fields):
        for key in part.model_extra or ():
            raise unknown_field(place, key)
    for key in fields.metadata or ():
        if key not in _OF_METADATA:
            raise unknown_field("metadata", key)


def _parts(fields: MessagesFields) -> Iterable[tuple[str, BaseModel]]:
    """The objects of a request, without its turns and tools."""
    if fields.tool_choice:
        yield "tool_choice", fields.tool_choice
    if fields.thinking:
        yield "thinking", fields.thinking
    if fields.output_config:
        yield "output_config", fields.output_config
        if fields.output_config.format:
            yield "output_config.format", fields.output_config.format


# ---- from fields to values -------------------------------------------------------------------


def _marked(messages: tuple[Message, ...], mark: CacheMark | None) -> tuple[Message, ...]:
    """A mark of the whole request is one of its last block."""
    if mark is None:
        return messages
    return (*messages[:-1], replace(messages[-1], cache_mark=messages[-1].cache_mark or mark))


def _tool(tool: ToolFields, place: str) -> Tool:
    if tool.type not in (None, "custom"):
        wrong = f"{tool.type!r:.60} is not supported: only tools of your own (custom) are"
        raise fault_at(f"{place}.type", wrong)
    for key in tool.model_extra or ():
        if key not in UNUSED_OF_TOOL:
            raise unknown_field(place, key)
    if not _NAME.fullmatch(tool.name):
        raise fault_at(f"{place}.name", "should be 1 to 128 letters, digits, _ and -")
    if tool.input_schema is None:
        raise fault_at(f"{place}.input_schema", "required")
    return Tool(
        name=tool.name,
        description=tool.description or "",
        parameters=read_parameters(tool.input_schema, f"{place}.input_schema"),
        strict=bool(tool.strict),
        cache_mark=read_mark(tool.cache_control, f"{place}.cache_control"),
    )


def _tool_choice(choice: ChoiceFields | None, tools: Sequence[Tool]) -> ToolChoice:
    if choice is None:
        return ToolChoice()
    parallel = not choice.disable_parallel_tool_use
    if choice.type == "auto":
        return ToolChoice(parallel=parallel)
    if choice.type == "none":
        return ToolChoice(mode="none", parallel=parallel)
    if not tools:
        raise fault_at("tool_choice", "needs tools")
    if choice.type == "any":
        return ToolChoice(mode="required", parallel=parallel)
    if choice.name is None or choice.name not in [tool.name for tool in tools]:
        raise fault_at("tool_choice.name", f"no tool {choice.name!r:.140} is offered")
    return ToolChoice(mode="named", name=choice.name, parallel=parallel)


def _shape(output: OutputFields | None) -> OutputShape | None:
    if output is None or output.format is None:
        return None
    schema = read_schema(output.format.schema_, "output_config.format.schema")
    return OutputShape(schema=schema, strict=True)


def _thinking(fields: MessagesFields) -> Thinking:
    """`adaptive` without an effort is the API's own default effort, which is high."""
    effort = fields.output_config.effort if fields.output_config else None
    match fields.thinking:
        case None:
            return Thinking(effort=effort)
        case ThinkingFields(type="disabled"):
            return Thinking(effort="none")
        case ThinkingFields(type="adaptive"):
            return Thinking(effort=effort or "high")
        case ThinkingFields(budget_tokens=budget):
            if budget is None:
                raise fault_at("thinking.budget_tokens", "required")
            if fields.max_tokens is not None and budget >= fields.max_tokens:
                raise fault_at("thinking.budget_tokens", "must be less than max_tokens")
            return Thinking(effort=effort, tokens=budget)


def _metadata(fields: MessagesFields) -> Mapping[str, str]:
    told = {key: value for key, value in (fields.metadata or {}).items() if key in METADATA}
    for key, value in told.items():
        if not isinstance(value, str):
            raise fault_at(f"metadata.{key}", "should be a string")
    return told
