# ruff: noqa: RUF001
"""Which answers are in another language than was asked for, and which may only seem so."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence import languages
from rungwise.confidence.languages import NAME, language_fault
from rungwise.confidence.orders import order_among, orders_in
from rungwise.types import Chat, Message, Role

ANSWERS = {
    "English": "The weather in Berlin is quite nice today, and it will stay so for a week.",
    "German": "Das Wetter in Berlin ist heute recht schön, und es wird auch so bleiben.",
    "French": "Le temps est assez beau aujourd'hui dans la ville, et il ne va pas changer.",
    "Spanish": "El tiempo es bastante bueno hoy en la ciudad y no va a cambiar hasta el lunes.",
    "Italian": "Il tempo è abbastanza bello oggi nella città e non cambierà fino alla sera.",
    "Portuguese": "O tempo está muito bom hoje na cidade e não vai mudar até ao fim do dia.",
    "Dutch": "Het weer is vandaag heel mooi in de stad en het blijft ook deze week nog zo.",
    "Polish": "Pogoda jest dzisiaj bardzo ładna i nie zmieni się do końca tygodnia.",
    "Turkish": "Bugün hava çok güzel ve bir hafta daha böyle olacak, ama sonra biraz değişir.",
    "Russian": "Сегодня погода очень хорошая, и она останется такой всю неделю.",
    "Ukrainian": "Сьогодні погода дуже гарна, і вона залишиться такою весь тиждень.",
    "Chinese": "今天的天气非常好，而且这种好天气还会再持续整整一个星期左右。",
    "Japanese": "今日の天気はとても良く、この良い天気はあと一週間ほど続く見込みです。",
    "Korean": "오늘 날씨는 아주 좋고 이런 날씨가 앞으로 일주일 더 계속될 것입니다.",
    "Arabic": "الطقس اليوم جميل جدا في المدينة وسوف يبقى كذلك طوال الأسبوع.",
    "Hebrew": "מזג האוויר היום יפה מאוד בעיר והוא יישאר כך כל השבוע הזה.",
    "Hindi": "आज शहर में मौसम बहुत अच्छा है और यह पूरे सप्ताह ऐसा ही रहेगा।",
    "Greek": "Ο καιρός σήμερα είναι πολύ καλός στην πόλη και θα μείνει έτσι όλη την εβδομάδα.",
    "Thai": "วันนี้อากาศในเมืองดีมากและจะเป็นแบบนี้ต่อไปอีกหนึ่งสัปดาห์",
}
ORDERS = {
    "Answer in German.": "German",
    "How is the weather? Please reply only in French.": "French",
    "Write your answers in Polish.": "Polish",
    "Your answer must be written in Dutch.": "Dutch",
    "You are a friendly assistant who always answers in Italian.": "Italian",
    "How is the weather? In German, please.": "German",
    "Bitte antworten Sie nur auf Deutsch.": "German",
    "Wie ist das Wetter? Bitte auf Englisch antworten.": "English",
    "Réponds toujours en anglais.": "English",
    "Responde solo en inglés, por favor.": "English",
    "Rispondi sempre in inglese.": "English",
    "Responda apenas em inglês.": "English",
    "Antwoord altijd in het Engels.": "English",
    "Odpowiedz po polsku.": "Polish",
    "Отвечай только на английском.": "English",
    "Відповідай завжди англійською.": "English",
    "Lütfen Türkçe cevap ver.": "Turkish",
    "항상 영어로 대답해 주세요.": "English",
    "请用中文回答。": "Chinese",
    "英語で答えてください。": "English",
    "أجب باللغة العربية.": "Arabic",
    "कृपया अंग्रेज़ी में उत्तर दें।": "English",
    "Answer in Spanish.": "Spanish",
    "Answer in Portuguese.": "Portuguese",
    "Answer in Russian.": "Russian",
    "Answer in Ukrainian.": "Ukrainian",
    "Answer in Japanese.": "Japanese",
    "Answer in Korean.": "Korean",
    "Answer in Hebrew.": "Hebrew",
    "Answer in Hindi.": "Hindi",
    "Answer in Greek.": "Greek",
    "Answer in Thai.": "Thai",
}
SAME_SCRIPT = [{"Russian", "Ukrainian"}, {"Chinese", "Japanese"}]


def fault(answer: str, *said: str, system: str = "") -> str | None:
    """`said` is what user and assistant said in turns, the user last."""
    roles: list[Role] = ["user", "assistant"]
    turns = [Message(role=roles[i % 2], text=text) for i, text in enumerate(said)]
    head = [Message(role="system", text=system)] if system else []
    return language_fault(Chat(messages=(*head, *turns)), answer)


@pytest.mark.parametrize(("order", "language"), ORDERS.items())
def test_an_ordered_language_is_told_from_every_other(order: str, language: str) -> None:
    assert fault(ANSWERS[language], order) is None
    assert fault(ANSWERS[language], "Hello, how are you?", system=order) is None
    for other, answer in ANSWERS.items():
        if other != language and {other, language} not in SAME_SCRIPT:
            assert (fault(answer, order) or "").startswith(f"{language} was asked for"), other


def test_every_order_has_an_example() -> None:
    source = languages.files("rungwise.confidence").joinpath("languages.yaml")
    table = yaml.safe_load(source.read_text("utf-8"))
    assert set(table["languages"]) == set(ORDERS.values()) == set(ANSWERS)
    for line in table["in_language"]:
        order = order_among([line.replace("{name}", NAME)])
        parts = [part for text in ORDERS for parts in orders_in(text) for part in parts]
        assert any(order.match(part) for part in parts), line


QUESTIONS = {
    "Latin": "How is the weather in the city today?",
    "Cyrillic": "Какая сегодня погода в городе?",
    "Han": "今天城市里的天气怎么样呢？",
    "Hangul": "오늘 도시의 날씨가 어떻습니까?",
    "Arabic": "كيف حال الطقس اليوم في المدينة؟",
    "Hebrew": "מה מזג האוויר היום בעיר?",
    "Devanagari": "आज शहर में मौसम कैसा है?",
    "Greek": "Πώς είναι ο καιρός σήμερα;",
    "Thai": "วันนี้อากาศในเมืองเป็นอย่างไร",
}
IN_SCRIPT = dict(
    zip(
        QUESTIONS,
        "English Russian Japanese Korean Arabic Hebrew Hindi Greek Thai".split(),
        strict=True,
    )
)


@pytest.mark.parametrize("asked", QUESTIONS)
@pytest.mark.parametrize("answered", QUESTIONS)
def test_without_an_order_the_script_of_the_question_counts(asked: str, answered: str) -> None:
    found = fault(ANSWERS[IN_SCRIPT[answered]], QUESTIONS[asked])
    assert (found is None) is (asked == answered)


QUESTION, RUSSIAN = QUESTIONS["Latin"], ANSWERS["Russian"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (RUSSIAN, ["Translate: the weather is nice today."]),
        (RUSSIAN, ["Write a short poem about the weather in Russian"]),
        (RUSSIAN, ["What does the Cyrillic alphabet look like in a sentence?"]),
        (RUSSIAN, ["Tell me of the weather as they would in Bulgarian"]),
        (RUSSIAN, ["Переводчик. How is the weather in the city today?"]),
        (RUSSIAN, ["Какая погода?", RUSSIAN, QUESTION]),
        (RUSSIAN, ["kak pogoda segodnya v gorode, chto budet zavtra"]),
        (RUSSIAN, ["ok"]),
        ("Пётр Ильич Чайковский", ["What is the composer of the Swan Lake called at home?"]),
        ("```python\nprint('hello to all of you from the whole of us')\n```", ["Напиши программу"]),
        ('"The weather in Berlin is quite nice today and so on"', ["Как сказать это, цитата?"]),
        (ANSWERS["English"], ["Answer in German or English, how is the weather?"]),
        (ANSWERS["English"], ["Why does my bot answer in German?"]),
        (ANSWERS["English"], ["Do not answer in German."]),
        (ANSWERS["English"], ["Please answer in German.", ANSWERS["German"], QUESTION]),
        (ANSWERS["English"], ["Translate this to English. Answer in German."]),
        (ANSWERS["English"], ["Summarise: Dear all, please reply. Answer in German."]),
        ("Yes, the weather is nice.", ["Answer in German."]),
        ("Berlin Hamburg München Köln Frankfurt Stuttgart Dresden Leipzig", ["Answer in French."]),
        (ANSWERS["German"] + " " + ANSWERS["English"], ["Answer in German."]),
        ("func start() {\n    let name = of the and to is was\n}", ["Answer in German."]),
        ("12 34 56 78 90 12 34 56 78 90", ["Answer in German."]),
    ],
)
def test_what_is_not_clear_is_left_alone(answer: str, said: list[str]) -> None:
    assert fault(answer, *said) is None


def test_a_later_order_against_the_system_message_is_left_alone() -> None:
    assert fault(ANSWERS["English"], "Answer in English.", system="Answer in German.") is None


def test_a_translator_may_answer_in_any_language() -> None:
    assert fault(RUSSIAN, QUESTION, system="You translate what the user says.") is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_it_never_raises(question: str, answer: str) -> None:
    fault(answer, question)
