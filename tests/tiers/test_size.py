"""Do the two estimates hold the true number of tokens between them?"""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from rungwise.tiers.size import about_tokens, fewest_tokens, most_tokens
from rungwise.types import Chat, Image, Message, OutputShape, Thought, Tool, ToolCall

words = st.text(st.characters())  # lone surrogates, too: JSON can carry them
messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    text=words,
    images=st.lists(st.just(Image(url="data:image/png;base64,AA")), max_size=2).map(tuple),
    tool_calls=st.lists(st.builds(ToolCall, id=words, name=words, arguments=words), max_size=2).map(
        tuple
    ),
    thoughts=st.lists(st.builds(Thought, text=words, seal=words), max_size=1).map(tuple),
)
tools = st.builds(
    Tool, name=words, description=words, parameters=st.dictionaries(st.text(), st.text())
)
chats = st.builds(
    Chat,
    messages=st.lists(messages, max_size=4).map(tuple),
    tools=st.lists(tools, max_size=2).map(tuple),
    shape=st.none() | st.builds(OutputShape, schema=st.dictionaries(st.text(), st.text())),
)


def sent(chat: Chat) -> int:
    """Bytes of all that a model is shown, images apart."""
    texts = []
    for message in chat.messages:
        texts += [message.text, *(part.text + part.seal for part in message.thoughts)]
        texts += [call.id + call.name + call.arguments for call in message.tool_calls]
    for tool in chat.tools:
        parameters = json.dumps(dict(tool.parameters), ensure_ascii=False)
        texts += [tool.name, tool.description, parameters]
    if chat.shape is not None:
        texts.append(json.dumps(dict(chat.shape.schema or {}), ensure_ascii=False))
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


@given(chats)
def test_there_are_never_more_tokens_than_bytes_and_a_frame(chat: Chat) -> None:
    images = sum(len(message.images) for message in chat.messages)
    frame = 1024 + 32 * len(chat.messages) + 64 * len(chat.tools)
    assert most_tokens(chat) >= sent(chat) + frame + 50_000 * images
    assert most_tokens(chat) - most_tokens(chat, image_tokens=300) == 49_700 * images


@given(chats)
def test_the_low_estimate_is_below_the_usual_one_and_that_below_the_bound(chat: Chat) -> None:
    assert fewest_tokens(chat) <= about_tokens(chat) <= most_tokens(chat)


def test_the_estimates_count_characters() -> None:
    chat = Chat(messages=(Message(role="user", text="x" * 1200),))
    assert (fewest_tokens(chat), about_tokens(chat)) == (200, 300)
