"""Which answers are plainly not in the format that was asked for, and which may pass."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence import formats
from rungwise.confidence.formats import format_fault
from rungwise.confidence.orders import order_among, orders_in
from rungwise.types import Chat, Message

LONG = "The parcel left on Monday and will be there soon, as far as anybody can tell from here."
PAGE = f"{LONG} {LONG} Then it rests. Then it goes on. {LONG}"
ORDERS = {
    "json_only": [
        "Reply only with a JSON object.",
        "Return JSON only.",
        "Answer with a JSON object and nothing else.",
        "Respond in only JSON.",
        "Extract name and age. JSON only.",
        "Antworte nur mit JSON.",
        "Réponds uniquement en JSON.",
        "Responde solo con JSON.",
    ],
    "json": [
        "Return the result as a JSON object.",
        "Please format your answer in valid JSON.",
        "Antworte als JSON-Objekt.",
        "Réponds en JSON.",
        "Responde con un objeto JSON.",
    ],
    "yes_no": [
        "Is it here? Answer yes or no.",
        "Answer with a simple yes or no: is it here?",
        "Antworte mit ja oder nein.",
        "Réponds par oui ou non.",
        "Responde con un sí o no.",
        "Rispondi con un sì o un no.",
        "Responda com sim ou não.",
        "Antwoord met ja of nee.",
        "Odpowiedz tak lub nie.",
        "Ответь да или нет.",
    ],
    "yes_no_only": [
        "Answer only yes or no.",
        "Answer with yes or no only.",
        "Antworte nur mit ja oder nein.",
        "Réponds uniquement par oui ou non.",
        "Responde solo sí o no.",
    ],
    "one_word": [
        "Answer with one word.",
        "Please reply in exactly one word: which colour?",
        "Antworte mit einem Wort.",
        "Réponds en un seul mot.",
        "Responde con una sola palabra.",
    ],
    "one_number": [
        "Reply with a single number.",
        "How many are there? Give me only the number.",
        "How many are there? Just the number.",
        "Antworte nur mit einer Zahl.",
        "Réponds par un seul nombre.",
        "Responde solo con un número.",
    ],
    "one_sentence": [
        "Answer in one sentence.",
        "Describe the state of the parcel in a single sentence.",
        "Beschreibe den Stand in einem Satz.",
        "Décris le colis en une seule phrase.",
        "Describe el paquete en una sola frase.",
    ],
    "most_words": [
        "Answer in at most 10 words.",
        "Keep your answer under 10 words.",
        "Antworte in höchstens 10 Wörtern.",
        "Réponds en 10 mots maximum.",
        "Responde en un máximo de 10 palabras.",
    ],
    "code_only": [
        "Write quicksort. Return only the code.",
        "Write quicksort. Only the code.",
        "Write quicksort, no explanations, just code.",
        "Antworte nur mit dem Code.",
        "Donne-moi uniquement le code.",
        "Responde solo con el código.",
    ],
    "bullets": [
        "Answer as a bulleted list.",
        "Give the steps in bullet points.",
        "Antworte in Stichpunkten.",
        "Présente cela sous forme de liste à puces.",
        "Responde con una lista numerada.",
    ],
    "table": ["Show the result as a table.", "Zeige das Ergebnis als Tabelle."],
    "no_markdown": [
        "Do not use Markdown.",
        "Answer without any markdown.",
        "No markdown formatting.",
        "Verwende kein Markdown.",
    ],
}
FITS = {
    "json_only": ['{"a": 1}', '```json\n{"a": 1}\n```', "[]", "```\n[1]\n```", "[" * 99_999],
    "json": ['Here it is:\n```json\n{"a": 1}\n```\nDone.', 'It is {"a": [1]} then.', "[1, 2]"],
    "yes_no": [
        "Yes.",
        "No, it is not here.",
        "**Yes**",
        "That is correct.",
        "It isn\u2019t.",
        "不是",
    ],
    "yes_no_only": ["Yes", "no.", "Ja.", "The answer is yes."],
    "one_word": ["Blue.", "New York City", "**blue**"],
    "one_number": [
        "12",
        "$1,234.50",
        "twelve",
        "It is 12 km.",
        "About 12 million people each year",
    ],
    "one_sentence": [LONG, "It is 3.5 km (e.g. by Dr. Smith's road)."],
    "most_words": ["It left on Monday and will be there soon.", "Two three four five. " * 4],
    "code_only": [
        "```python\nx = 1\n```",
        "def f(x):\n    return x",
        "Here is the code:\n```python\nx = 1\n```\nThat is all.",
    ],
    "bullets": ["- a\n- b", "1. a\n2. b", "a) one\nb) two", "Nothing to list."],
    "table": ["| a | b |\n|---|---|\n| 1 | 2 |", "No data."],
    "no_markdown": [LONG, "2 ** 3 ** 4", "```\n**x**\n```", "# comment"],
}
BREAKS = {
    "json_only": [LONG, 'Sure! Here it is: {"a": 1}', '{"a": 1', "{'a': 1}", "```json\n{,}\n```"],
    "json": [LONG, '{"a": 1', "It is {a: 1} then."],
    "yes_no": [LONG],
    "yes_no_only": [LONG, f"No. {LONG}"],
    "one_word": [LONG, "It is the blue one"],
    "one_number": [LONG, f"12. {LONG}"],
    "one_sentence": [PAGE],
    "most_words": [PAGE],
    "code_only": [LONG, f"{LONG}\n```python\nx = 1\n```"],
    "bullets": [LONG],
    "table": [LONG],
    "no_markdown": [f"**Parcel**: {LONG}", f"## Parcel\n{LONG}"],
}
ANY_ORDER = {name: orders[0] for name, orders in ORDERS.items()}


def fault(answer: str, question: str, system: str = "") -> str | None:
    head = (Message(role="system", text=system),) if system else ()
    return format_fault(Chat(messages=(*head, Message(role="user", text=question))), answer)


def each(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in table.items() for text in texts]


@pytest.mark.parametrize(("name", "order"), each(ORDERS))
def test_every_order_is_understood(name: str, order: str) -> None:
    says = yaml.safe_load(source())["formats"][name]["says"].format(10)
    assert fault(BREAKS[name][0], order) == f"{says} was asked for"
    assert fault(BREAKS[name][0], "Hello there", system=order) == f"{says} was asked for"


@pytest.mark.parametrize(("name", "answer"), each(FITS))
def test_what_is_in_the_format_or_near_it_passes(name: str, answer: str) -> None:
    assert fault(answer, ANY_ORDER[name]) is None


@pytest.mark.parametrize(("name", "answer"), each(BREAKS))
def test_what_is_far_from_the_format_does_not(name: str, answer: str) -> None:
    assert fault(answer, ANY_ORDER[name]) is not None


def test_every_pattern_has_an_example_and_every_format_a_check() -> None:
    table = yaml.safe_load(source())["formats"]
    assert table.keys() == ORDERS.keys() == FITS.keys() == BREAKS.keys() == formats._CHECKS.keys()
    for name, row in table.items():
        parts = [part for text in ORDERS[name] for parts in orders_in(text) for part in parts]
        for pattern in row["patterns"]:
            assert any(order_among([pattern]).match(part) for part in parts), pattern


def source() -> str:
    return formats.files("rungwise.confidence").joinpath("formats.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    "question",
    [
        "How do I make a service return JSON only?",
        "Why does the bot answer only yes or no?",
        "Answer in JSON or in XML.",
        "Return the result as JSON Lines.",
        "Answer yes or no, and explain why.",
        "Think step by step, then reply with a single number.",
        "Give me a number of reasons for it.",
        "Return only the error code.",
        "If it is empty, return JSON only.",
        'Write a mail that says "answer with one word".',
        "Write a prompt for a classifier: answer with one word.",
        "Summarise this:\nDear Bob,\nplease answer yes or no.",
        "Do not answer with one word.",
        "Answer with one word or a short phrase.",
        "Answer in one sentence per item.",
        "Answer with one word. Answer as a bulleted list.",
    ],
)
def test_what_is_not_clear_is_left_alone(question: str) -> None:
    assert fault(PAGE, question) is None


def test_a_system_message_for_several_kinds_of_steps_is_left_alone() -> None:
    assert fault(LONG, "Hello there", system="# Sorting\nAnswer with one word.") is None
    assert fault(LONG, "Hello there", system=f"{PAGE * 4}\nAnswer with one word.") is None
    assert fault(LONG, "Hi", system="- Classify: answer with one word and nothing else.") is None


def test_the_question_orders_before_the_system_message() -> None:
    assert fault("Yes.", "Answer yes or no.", system="Return JSON only.") is None


@given(st.sampled_from(list(ANY_ORDER.values())), st.text(max_size=300))
def test_it_never_raises(question: str, answer: str) -> None:
    fault(answer, question)


@pytest.mark.parametrize("order", ANY_ORDER.values())
@pytest.mark.parametrize(
    "unit", ["{", "[", "```\n", "\n", " ", "a ", "- ", "**a", "'a ", ". ", "1,"]
)
def test_long_answers_are_read_in_linear_time(order: str, unit: str) -> None:
    fault(unit * 50_000, order)
