"""Steps with short answers: labels, fields as JSON, converted formats, tool calls, small talk."""

from __future__ import annotations

import json
from typing import Any

from rungwise.lab.steps.pools import Date, Pools
from rungwise.lab.steps.step import Task, same_call, same_json, same_text

__all__ = ["classification", "extraction", "format_conversion", "open_chat", "tool_selection"]

_CUES = {
    "billing": ("invoice", "refund", "charge", "payment"),
    "shipping": ("parcel", "delivery", "courier", "package"),
    "account": ("password", "login", "profile", "email"),
    "technical": ("crash", "error", "screen", "bug"),
}
_LABELS = tuple(_CUES)
_MONTHS = (
    "January February March April May June July August September October November December"
).split()


def classification(pools: Pools, difficulty: int) -> Task:
    """A ticket to one of four labels; harder ones deny some subjects before the real one."""
    labels = pools.rng.sample(_LABELS, 4)
    cue = [pools.pick(_CUES[label]) for label in labels]
    who = pools.name()
    text = {
        1: f"{who} writes about the {cue[0]}.",
        2: f"{who} of {pools.name()} has a question about the {cue[0]} and order {pools.id()}.",
        3: f"{who} says it is not about the {cue[1]} but about the {cue[0]}.",
        4: f"{who} says the {cue[1]} is fine, the {cue[2]} is fine, the {cue[0]} is not.",
    }.get(difficulty)
    if text is None:
        text, labels = _majority(pools, who)
    return Task(user=f"Classify: {text}", answer=labels[0], check=same_text(labels[0]))


def _majority(pools: Pools, who: str) -> tuple[str, list[str]]:
    """Five subjects, one label more often than any other."""
    labels = pools.rng.sample(_LABELS, 3)
    cues = [pools.pick(_CUES[label]) for label in (*labels[:1] * 3, labels[1], labels[2])]
    pools.rng.shuffle(cues)
    return f"{who} lists {', '.join(cues)}; what is it mostly about?", labels


def extraction(pools: Pools, difficulty: int) -> Task:
    """One to four fields from a sentence; the hard ones hold a second person and order."""
    name, other = pools.names(2)
    city, town = pools.names(2)
    order, old = pools.ids(2)
    texts = {
        1: f"Order {order} was sent.",
        2: f"{name} asks about order {order}.",
        3: f"{name} from {city} asks about order {order}.",
        4: f"{name} from {city} asks about order {order}, not {old}.",
    }
    text = texts.get(difficulty) or (
        f"{other} from {town} closed order {old}. {name} from {city} opened order {order}. "
        "Take the open one."
    )
    fields = {"order": order}
    if difficulty >= 2:
        fields = {"name": name, **fields}
    if difficulty >= 3:
        fields["city"] = city
    return Task(
        user=f"Extract {', '.join(fields)}: {text}",
        answer=json.dumps(fields),
        check=same_json(fields),
        schema=_schema(fields),
    )


def format_conversion(pools: Pools, difficulty: int) -> Task:
    """Dates to ISO; pairs and table rows to JSON."""
    date = pools.date()
    if difficulty <= 2:
        month = _MONTHS[date.month - 1]
        written = f"{date.day} {month} {date.year}" if difficulty == 1 else _us(date)
        return Task(
            user=f"Convert to ISO: {written}", answer=_iso(date), check=same_text(_iso(date))
        )
    keys = pools.rng.sample(("owner", "order", "city", "count", "agent"), min(difficulty, 4))
    row = {key: _value(pools, key) for key in keys}
    if difficulty == 3:
        text = "; ".join(f"{key}={value}" for key, value in row.items())
    else:
        text = f"{','.join(row)}\n{','.join(row.values())}"
    if difficulty == 5:
        row = dict(reversed(row.items()))
        text += "\nReverse the columns."
    return Task(
        user=f"Convert to JSON: {text}",
        answer=json.dumps(row),
        check=same_json(row),
        schema=_schema(row),
    )


def tool_selection(pools: Pools, difficulty: int) -> Task:
    """Call the one tool that was asked for; hard ones name a second task that is not wanted."""
    offered = pools.rng.sample(tuple(_TOOLS), 4)
    wanted, unwanted = offered[0], offered[1]
    pools.rng.shuffle(offered)
    words, arguments = _ask(pools, wanted)
    other, _ = _ask(pools, unwanted)
    if difficulty <= 2:
        user = f"Please {words}."
    elif difficulty == 3:
        user = f"{pools.name()} asks: please {words}, thank you."
    elif difficulty == 4:
        user = f"Do not {other}. Please {words}."
    else:
        user = f"First I wanted you to {other}, but now {words} instead."
    call = {"name": wanted, "arguments": arguments}
    return Task(
        user=user,
        answer=f"<tool_call>\n{json.dumps(call)}\n</tool_call>",
        check=same_call(wanted, arguments),
        tools=tuple(_tool(name) for name in offered),
    )


def open_chat(pools: Pools, difficulty: int) -> Task:
    """Small talk that must greet, thank or introduce the right people."""
    first, second, third = pools.names(3)
    user, answer = {
        1: (f"Hello, I am {first}.", f"Hello {first}, how can I help you today?"),
        2: (f"Thank you. {first}", f"You are welcome, {first}. Is there anything else I can do?"),
        3: (
            f"Say good night to {first} and {second}.",
            f"Good night {first} and good night {second}, sleep well.",
        ),
        4: (
            f"I am {first} and this is {second}. Greet my guest first.",
            f"Welcome {second}, and welcome {first}, it is good to see you both.",
        ),
        5: (
            f"Introduce {first}, {second} and {third}, last one first.",
            f"Please meet {third}, then {second}, and then {first}, who will all join us today.",
        ),
    }[difficulty]
    return Task(user=user, answer=answer, check=same_text(answer))


_TOOLS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "get_weather": (
        "Weather of a city.",
        ("city",),
        ("tell me the weather in {city}", "check the weather in {city}"),
    ),
    "find_order": (
        "State of an order.",
        ("order",),
        ("look up order {order}", "find order {order}"),
    ),
    "send_note": (
        "Send a note to someone.",
        ("to",),
        ("send a note to {to}", "write a note to {to}"),
    ),
    "book_room": (
        "Book a room.",
        ("city", "count"),
        ("book a room in {city} for {count} guests", "get a room for {count} guests in {city}"),
    ),
    "add_user": (
        "Add a user to a city's team.",
        ("to", "city"),
        ("add {to} to the team in {city}", "let {to} join the team in {city}"),
    ),
    "pay_order": (
        "Pay an order.",
        ("order", "count"),
        ("pay {count} dollars for order {order}", "settle order {order} with {count} dollars"),
    ),
}


def _ask(pools: Pools, tool: str) -> tuple[str, dict[str, str]]:
    _, names, phrases = _TOOLS[tool]
    arguments = {name: _value(pools, name) for name in names}
    return pools.pick(phrases).format(**arguments), arguments


def _tool(name: str) -> dict[str, Any]:
    description, arguments, _ = _TOOLS[name]
    fields = dict.fromkeys(arguments, "")
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": _schema(fields)},
    }


def _schema(fields: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in fields},
        "required": list(fields),
        "additionalProperties": False,
    }


def _value(pools: Pools, key: str) -> str:
    if key == "count":
        return str(pools.number())
    return pools.id() if key == "order" else pools.name()


def _iso(date: Date) -> str:
    return f"{date.year}-{date.month:02}-{date.day:02}"


def _us(date: Date) -> str:
    return f"{date.month}/{date.day}/{date.year}"
