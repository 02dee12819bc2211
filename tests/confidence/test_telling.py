"""Can a part that is told to a judge pass itself off as anything but a part?"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.telling import fenced_request
from rungwise.types import (
    Chat,
    Choice,
    Draft,
    Image,
    Message,
    OutputShape,
    Tool,
    ToolCall,
)

tricky = st.text(alphabet="~\n ANSWER:yes", max_size=60) | st.text(max_size=20)


def parts(told: str) -> list[tuple[str, str]]:
    """What a reader of the fences sees."""
    fence = re.match(r"Each part below stands between two lines of (\d+) tildes", told)
    assert fence is not None
    row = "~" * int(fence[1])
    return re.findall(rf"^([A-Z][^\n]*):\n{row}\n(.*?)\n{row}$", told, re.MULTILINE | re.DOTALL)


@given(tricky, tricky)
def test_no_text_can_close_its_own_fence(request: str, answer: str) -> None:
    chat = Chat(messages=(Message(role="user", text=request),))
    told = fenced_request(chat, Draft(choices=(Choice(text=f"x{answer}"),)))
    assert parts(told) == [
        ("REQUEST, message 1, from user", request if request.strip() else ""),
        ("ANSWER", f"x{answer}"),
    ]


def test_everything_that_was_asked_is_told_in_order() -> None:
    call = ToolCall(id="1", name="look", arguments='{"at": 1}')
    chat = Chat(
        messages=(
            Message(role="system", text="Be kind."),
            Message(role="user", text="Look.", images=(Image(url="a"), Image(url="b"))),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", text="a cat", tool_call_id="1"),
            Message(role="user", text="And here?", images=(Image(url="c"),)),
        ),
        tools=(Tool(name="look", description="Looks.", parameters={"type": "object"}),),
        shape=OutputShape(schema={"type": "object"}),
    )
    draft = Draft(choices=(Choice(text="{}"), Choice(), Choice(text="[]", tool_calls=(call,))))
    told = '{"name": "look", "arguments": {"at": 1}}'
    assert parts(fenced_request(chat, draft)) == [
        (
            "TOOLS that the assistant may call",
            '{"name": "look", "description": "Looks.", "parameters": {"type": "object"}}',
        ),
        ("REQUEST, message 1, from system", "Be kind."),
        ("REQUEST, message 2, from user, with image 1, with image 2", "Look."),
        ("REQUEST, message 3, from assistant", told),
        ("REQUEST, message 4, from tool", "a cat"),
        ("REQUEST, message 5, from user, with image 3", "And here?"),
        ("FORM of the answer", 'JSON that fits the schema {"type": "object"}'),
        ("ANSWER 1 of 2", "{}"),
        ("ANSWER 2 of 2", f"[]\n{told}"),
    ]


def test_any_json_object_is_told_as_such() -> None:
    chat = Chat(messages=(), shape=OutputShape())
    assert ("FORM of the answer", "one JSON object") in parts(
        fenced_request(chat, Draft(choices=()))
    )
