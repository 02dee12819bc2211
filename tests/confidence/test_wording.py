"""What each pattern must match, and what it must leave alone."""

import pytest
import yaml

from rungwise.confidence import wording
from rungwise.confidence.wording import wording_of

REFUSALS = {
    "en": [
        "I'm sorry, but I can't help with that.",
        "I’m very sorry but I cannot share it",
        "I cannot assist with this request.",
        "Sorry, I can't provide that.",
        "I am unable to help with that.",
        "I'm not able to create such content.",
    ],
    "de": [
        "Es tut mir leid, aber ich kann diese Anfrage nicht beantworten.",
        "Ich kann Ihnen dabei leider nicht helfen.",
    ],
    "fr": ["Désolé, mais je ne peux pas répondre.", "Je ne peux pas vous aider."],
    "es": ["Lo siento, pero no puedo hacerlo.", "No puedo ayudar con eso."],
    "it": ["Mi dispiace, ma non posso farlo."],
    "pt": ["Sinto muito, mas não posso fazer isso."],
    "zh": ["很抱歉，我无法回答这个问题。", "对不起，但我不能这样做。"],
    "ja": ["申し訳ありませんが、そのご質問にはお答えできません。"],
}
HEDGES = {
    "en": [
        "I'm not sure, but it may be 12.",
        "I am not entirely certain about this.",
        "I don't know.",
        "As an AI language model, I have no opinion.",
        "I cannot be sure which one.",
        "It is hard to say.",
    ],
    "de": ["Ich bin mir nicht ganz sicher.", "Das weiß ich nicht? Ich weiß es leider nicht."],
    "fr": ["Je ne suis pas sûr.", "Je ne sais pas."],
    "es": ["No estoy segura de eso.", "No lo sé."],
    "it": ["Non ne sono sicuro."],
    "pt": ["Não tenho certeza."],
    "zh": ["我不太确定。", "我不知道"],
    "ja": ["確信がありません。"],
}
NEITHER = [
    "The user wrote: I can't log in.",
    "def sorry(): return 'no'",
    "The answer is 42.",
    "To refuse politely, you may write that you cannot come.",
    "Sorry for the delay! Your parcel arrives on Monday.",
    "I know that you don't know that yet.",
    "Die Lieferung kann nicht geändert werden.",
    "Je sais que c'est possible.",
    "No hay problema, puedo ayudar.",
    "可以，我来帮你。",
    '{"label": "billing"}',
]


@pytest.mark.parametrize("text", [text for texts in REFUSALS.values() for text in texts])
def test_refusals_are_found(text: str) -> None:
    found = wording_of(text)
    assert found is not None and found.kind == "refusal"


@pytest.mark.parametrize("text", [text for texts in HEDGES.values() for text in texts])
def test_hedges_are_found(text: str) -> None:
    found = wording_of(text)
    assert found is not None and found.kind == "hedge"


@pytest.mark.parametrize("text", NEITHER)
def test_plain_answers_are_left_alone(text: str) -> None:
    assert wording_of(text) is None


def test_every_pattern_has_an_example() -> None:
    import re

    table = yaml.safe_load(
        wording.files("rungwise.confidence").joinpath("wording.yaml").read_text("utf-8")
    )
    for kind, examples in (("refusal", REFUSALS), ("hedge", HEDGES)):
        assert table[kind].keys() == examples.keys()
        for language, patterns in table[kind].items():
            texts = [text.replace("’", "'") for text in examples[language]]
            for pattern in patterns:
                assert any(re.search(pattern, text, re.IGNORECASE) for text in texts), pattern


def test_only_the_head_of_a_long_answer_is_searched() -> None:
    assert wording_of("x" * 500 + " I'm not sure") is None
