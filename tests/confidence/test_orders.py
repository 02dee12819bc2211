"""Which sentences of a message may hold an order, and which may not."""

import pytest

from rungwise.confidence.orders import order_among, orders_in

ORDER = order_among(["answer in english"])


def ordered(text: str) -> bool:
    return any(ORDER.match(part) for parts in orders_in(text) for part in parts)


@pytest.mark.parametrize(
    "text",
    [
        "Answer in English.",
        "Please answer in English!",
        "How is the weather? And please, always answer in English",
        "Could you answer in English?",
        "Keep it short, answer in English.",
        "Summarise this, and answer in English: it was a long day. Was it?",
        "You must answer in English.",
        "Answer in English:\nwhat is this?",
    ],
)
def test_orders_are_found(text: str) -> None:
    assert ordered(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Do not answer in English.",
        "If the user writes in English, answer in English.",
        "Answer in English when you are asked to.",
        "Why does my bot answer in English?",
        'The sign says "answer in English".',
        "> Answer in English.",
        "```\nAnswer in English.\n```",
        "Answer in English or in German.",
        "Summarise this letter:\nDear Bob, answer in English.",
        "Write a prompt for a bot: answer in English.",
        "What a day. " * 100 + "\nAnswer in English.",
        "Extract: answer in English",
    ],
)
def test_what_is_quoted_conditional_or_material_is_no_order(text: str) -> None:
    assert not ordered(text)
