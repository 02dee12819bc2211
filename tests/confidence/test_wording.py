"""What each pattern must match, and what it must leave alone."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence import wording
from rungwise.confidence.prose import own_words
from rungwise.confidence.wording import wording_of

REFUSALS = {
    "en": [
        "I'm sorry, but I can't help with that.",
        "I’m very sorry but I cannot share it",
        "I cannot assist with this request.",
        "Sorry, I can't provide that.",
        "I am unable to help with that.",
        "I'm not able to create such content.",
        "Thank you for asking. Unfortunately, I must decline.",
        "I respectfully decline to write this.",
        "I understand that you are in a hurry, but I cannot help with picking this lock.",
        "That's not something I can help with.",
        "This is something I can't do for anyone.",
        "That would be against my guidelines.",
        "My guidelines do not allow this.",
        "**I'm sorry, but I won't do that.**",
        "As an AI language model, I cannot provide this.",
    ],
    "de": [
        "Es tut mir leid, aber ich kann diese Anfrage nicht beantworten.",
        "Ich kann Ihnen dabei leider nicht helfen.",
        "Damit kann ich leider nicht dienen.",
        "Ich werde das nicht tun.",
        "Ich muss diese Anfrage leider ablehnen.",
        "Das verstößt gegen meine Richtlinien.",
    ],
    "fr": [
        "Désolé, mais je ne peux pas répondre.",
        "Je ne peux pas vous aider.",
        "Je ne suis pas en mesure de vous aider.",
        "Malheureusement, il m'est impossible de vous répondre.",
        "Je dois refuser.",
        "Je refuse de participer à cela.",
    ],
    "es": [
        "Lo siento, pero no puedo hacerlo.",
        "No puedo ayudar con eso.",
        "Lamentablemente, no soy capaz de ayudar con eso.",
        "Debo rechazar esta petición.",
        "Me niego a escribirlo.",
        "Eso va en contra de mis principios.",
    ],
    "it": [
        "Mi dispiace, ma non posso farlo.",
        "Non posso aiutarti con questo.",
        "Purtroppo non sono in grado di fornire queste istruzioni.",
        "Devo rifiutare.",
        "Mi rifiuto di scriverlo.",
    ],
    "pt": [
        "Sinto muito, mas não posso fazer isso.",
        "Não posso ajudar com isso.",
        "Infelizmente, não consigo atender a esse pedido.",
        "Devo recusar o pedido.",
        "Eu me recuso a escrever isso.",
    ],
    "nl": [
        "Het spijt me, maar ik kan dit verzoek niet beantwoorden.",
        "Ik kan je daarbij helaas niet helpen.",
        "Daar kan ik helaas niet bij helpen.",
        "Ik kan niet voldoen aan dit verzoek.",
        "Ik mag hier niet mee helpen. Hiermee kan ik niet helpen.",
        "Ik ga je hiermee niet helpen.",
        "Ik moet dit verzoek weigeren.",
    ],
    "pl": [
        "Przepraszam, ale nie mogę tego zrobić.",
        "Niestety nie mogę ci w tym pomóc.",
        "Nie jestem w stanie spełnić tej prośby.",
        "Muszę odmówić.",
        "Odmawiam napisania tego.",
        "To jest sprzeczne z moimi zasadami.",
    ],
    "ru": [
        "Извините, но я не могу этого сделать.",
        "К сожалению, я не могу вам с этим помочь.",
        "Я не имею права предоставлять такие сведения, я не вправе помогать. Нет.",
        "Я не вправе отвечать на это.",
        "Я вынужден отказать в этом.",
        "Я отказываюсь это писать.",
        "Это противоречит моим принципам.",
    ],
    "uk": [
        "Вибачте, але я не можу цього зробити.",
        "На жаль, я не можу вам з цим допомогти.",
        "Я мушу відмовити.",
        "Я відмовляюся це писати.",
        "Це суперечить моїм принципам.",
    ],
    "tr": [
        "Üzgünüm, ama bu isteğinize yanıt veremem.",
        "Bu konuda yardımcı olamam.",
        "Bu isteği yerine getiremem.",
    ],
    "ko": [
        "죄송합니다만, 그 내용은 제공할 수 없습니다.",
        "그 요청에는 응할 수 없습니다.",
        "도와드릴 수 없습니다.",
        "해당 요청은 거절하겠습니다.",
    ],
    "ar": [
        "آسف، لكن لا أستطيع القيام بذلك.",
        "لا أستطيع مساعدتك في هذا.",
        "لست قادرا على تقديم هذه المعلومات.",
        "يجب أن أرفض هذا الطلب.",
        "أرفض كتابة هذا.",
    ],
    "hi": [
        "माफ़ कीजिए, लेकिन मैं यह नहीं कर सकता।",
        "मैं इसमें आपकी मदद नहीं कर सकता।",
        "मैं इस अनुरोध को पूरा नहीं कर सकती।",
        "मुझे यह अनुरोध अस्वीकार करना होगा।",
    ],
    "zh": [
        "很抱歉，我无法回答这个问题。",
        "对不起，但我不能这样做。",
        "我不能提供此类信息。",
        "我必须拒绝。",
        "我拒绝回答。",
        "这违反了我的准则。",
    ],
    "ja": [
        "申し訳ありませんが、そのご質問にはお答えできません。",
        "すみませんが、お手伝いできません。",
        "そのようなご依頼には対応できません。",
        "お手伝いすることはできません。",
    ],
}
HEDGES = {
    "en": [
        "I'm not sure, but it may be 12.",
        "I am not entirely certain about this.",
        "The capital is Canberra, but I'm not sure.",
        "I am unsure.",
        "I don't know.",
        "I have no idea.",
        "As an AI language model, I have no opinion.",
        "I cannot be sure which one.",
        "I can't verify this.",
        "It is hard to say.",
        "It's impossible to know without the log.",
        "I don't have access to your calendar.",
        "It is 12, though I may be wrong.",
        "I'm just guessing.",
        "That is only a guess.",
        "As of my last update, it was 3.2.",
        "Perhaps 12, but don't quote me on that.",
    ],
    "de": [
        "Ich bin mir nicht ganz sicher.",
        "Ich bin unsicher.",
        "Da bin ich mir nicht sicher.",
        "Das weiß ich nicht? Ich weiß es leider nicht.",
        "Ich weiß es nicht.",
        "Ich kann es nicht genau sagen.",
        "Das ist schwer zu sagen.",
        "Als KI-Sprachmodell habe ich keine Meinung.",
        "Ich habe keine Ahnung.",
        "Es sind 12, aber ich könnte mich irren.",
        "Ich habe keinen Zugriff auf Ihren Kalender.",
    ],
    "fr": [
        "Je ne suis pas sûr.",
        "Je ne sais pas.",
        "Je n'en sais rien.",
        "Je n’ai aucune idée.",
        "C'est difficile à dire.",
        "C'est peut-être 12, mais je peux me tromper.",
        "En tant qu'IA, je n'ai pas d'avis.",
        "Je ne peux pas l'affirmer avec certitude.",
    ],
    "es": [
        "No estoy segura de eso.",
        "No lo sé.",
        "No tengo ni idea.",
        "Es difícil de decir.",
        "Son 12, pero podría estar equivocado.",
        "Como una IA, no tengo opiniones.",
    ],
    "it": [
        "Non ne sono sicuro.",
        "Non lo so.",
        "Non ho idea.",
        "È difficile dirlo.",
        "Sono 12, ma potrei sbagliarmi.",
        "In quanto IA, non ho opinioni.",
    ],
    "pt": [
        "Não tenho certeza.",
        "Não sei.",
        "Não faço a menor ideia.",
        "Não tenho acesso a isso.",
        "É difícil dizer.",
        "São 12, mas posso estar enganado.",
        "Como uma IA, eu não tenho opiniões.",
    ],
    "nl": [
        "Ik weet het niet zeker.",
        "Daar ben ik niet zeker van.",
        "Dat weet ik niet.",
        "Ik weet het helaas niet.",
        "Ik heb geen idee.",
        "Het is moeilijk te zeggen.",
        "Ik kan het niet met zekerheid zeggen.",
        "Het zijn er 12, maar ik kan me vergissen.",
    ],
    "pl": [
        "Nie jestem tego pewien.",
        "Nie wiem.",
        "Nie mam pojęcia.",
        "Trudno powiedzieć.",
        "To chyba 12, ale mogę się mylić.",
        "Nie mogę tego stwierdzić z całą pewnością.",
    ],
    "ru": [
        "Я не совсем уверен.",
        "Точно не знаю.",
        "Понятия не имею.",
        "У меня нет доступа к интернету.",
        "Трудно сказать.",
        "Кажется, 12, но я могу ошибаться.",
        "Я не могу с уверенностью сказать.",
    ],
    "uk": [
        "Я не зовсім впевнений.",
        "Я цього не знаю.",
        "Гадки не маю.",
        "У мене немає доступу до інтернету.",
        "Важко сказати.",
        "Здається, 12, але я можу помилятися.",
    ],
    "tr": [
        "Bundan emin değilim.",
        "Bilmiyorum.",
        "Hiçbir fikrim yok.",
        "Kesin bir şey söylemek zor.",
        "Sanırım 12, ama yanılıyor olabilirim.",
        "Yeterli bilgim yok.",
    ],
    "ko": [
        "잘 모르겠습니다.",
        "저는 확실하지 않습니다.",
        "확신할 수 없습니다.",
        "단정하기 어렵습니다.",
        "12인 것 같지만, 제가 틀렸을 수 있습니다.",
        "정보가 부족합니다.",
    ],
    "ar": [
        "لست متأكدا من ذلك.",
        "لا أعرف.",
        "ليس لدي أي فكرة.",
        "من الصعب القول.",
        "قد أكون مخطئا.",
        "لا أستطيع الجزم بذلك.",
    ],
    "hi": [
        "मुझे यकीन नहीं है।",
        "मुझे नहीं पता।",
        "यह कहना मुश्किल है।",
        "मैं गलत हो सकता हूँ।",
        "मेरे पास पर्याप्त जानकारी नहीं है।",
    ],
    "zh": [
        "我不太确定。",
        "我不知道",
        "我没有把握。",
        "这很难说。",
        "可能是12，但我可能弄错了。",
        "我不敢保证。",
        "作为一个人工智能，我没有个人看法。",
    ],
    "ja": [
        "確信がありません。",
        "よくわかりません。",
        "私は存じません。",
        "断言できません。",
        "12だと思いますが、間違っているかもしれません。",
        "何とも言えません。",
    ],
}
NEITHER = {
    "en": [
        "The user wrote: I can't log in.",
        "def sorry(): return 'no'",
        "The answer is 42.",
        "To refuse politely, you may write that you cannot come.",
        "Sorry for the delay! Your parcel arrives on Monday.",
        "I know that you don't know that yet.",
        "I don't know that anybody has ever tried it, and it works well.",
        "\"I'm sorry, but I can't help with that,\" the clerk said.",
        "The customer says 'I'm not sure what to order' and leaves.",
        "“I don’t know,” said Alice.",
        "Refusals such as `I cannot assist with this request.` are common.",
        "> I'm not sure\n\nThis line of the mail shows doubt.",
        "```\nI don't know\n```",
        "Dear Ms Smith,\nI'm not sure that I can come on Monday.\nBest wishes",
        "Subject: Monday\n\nI'm sorry, but I can't come.",
        "I can't help but smile: yes, it is 12.",
        "That is something I can help with. Send me the file.",
        "If I'm not sure, I ask a colleague.",
        "It is impossible to know both values at once: that is what the principle says.",
        "A chatbot answers that it is not able to help.",
        "As an AI, I can translate this: Haus means house.",
        "I'm sorry, but I can't find order 12 in this list.",
        "I am certain that it is 12.",
    ],
    "de": [
        "Die Lieferung kann nicht geändert werden.",
        "Der Kunde schreibt: Ich weiß es nicht.",
        "Ich weiß nicht nur das eine, sondern auch das andere.",
        "„Das weiß ich nicht“, sagte der Lehrer.",
        "Sehr geehrte Frau Müller,\nich kann Ihnen dabei leider nicht helfen.",
        "Es tut mir leid, aber ich kann die Bestellung 12 nicht finden.",
        "Wer nicht sicher ist, fragt nach.",
    ],
    "fr": [
        "Je sais que c'est possible.",
        "La phrase « Je ne sais pas » est une négation.",
        "Le client dit qu'il ne sait pas.",
        "Bonjour Madame Durand,\nje ne peux pas vous aider lundi.",
    ],
    "es": [
        "No hay problema, puedo ayudar.",
        "El cliente dice que no lo sabe.",
        "«No lo sé» significa que falta información.",
        "Es difícil saber tocar el violín.",
        "Estimada señora Pérez:\nno puedo ayudar el lunes.",
    ],
    "it": [
        "So che è possibile.",
        "La frase «Non lo so» è una negazione.",
        "Il cliente non sa quando arriva.",
        "Gentile signora Rossi,\nnon posso aiutarla lunedì.",
    ],
    "pt": [
        "Sei que é possível.",
        "O cliente disse que não sabe.",
        'A frase "Não sei" é uma negação.',
        "Prezada senhora Silva,\nnão posso ajudar na segunda-feira.",
    ],
    "nl": [
        "Ik weet niet alleen het antwoord, maar ook de reden.",
        "De klant zegt dat hij het niet weet.",
        "“Ik weet het niet” is een ontkenning.",
        "Beste mevrouw Jansen,\nik kan u daarbij helaas niet helpen.",
    ],
    "pl": [
        "Wiem, że to możliwe.",
        "Klient mówi, że nie wie.",
        "„Nie wiem” to przeczenie.",
        "Szanowna Pani Kowalska,\nniestety nie mogę Pani pomóc.",
    ],
    "ru": [
        "Я знаю, что это возможно.",
        "Клиент пишет, что не знает ответа.",
        "«Не знаю» означает отсутствие сведений.",
        "Уважаемая Анна Петровна,\nя не могу вам с этим помочь.",
        "Незнание закона не освобождает от ответственности.",
    ],
    "uk": [
        "Я знаю, що це можливо.",
        "Клієнт пише, що не знає відповіді.",
        "«Не знаю» означає брак відомостей.",
        "Шановна пані Олено,\nя не можу вам з цим допомогти.",
    ],
    "tr": [
        "Bunu biliyorum.",
        "Müşteri bilmediğini söylüyor.",
        '"Bilmiyorum" bir olumsuz fiildir.',
        "Sayın Ayşe Hanım,\nbu konuda yardımcı olamam.",
        "Eminim, sonuç 12.",
    ],
    "ko": [
        "네, 가능합니다.",
        "고객은 모른다고 말했습니다.",
        "'잘 모르겠습니다'는 부정 표현입니다.",
        "김 선생님께\n죄송합니다만, 도와드릴 수 없습니다.",
    ],
    "ar": [
        "نعم، هذا ممكن.",
        "قال العميل إنه لا يعرف.",
        "عبارة «لا أعرف» تعني غياب المعلومة.",
        "عزيزي أحمد،\nلا أستطيع مساعدتك يوم الاثنين.",
    ],
    "hi": [
        "हाँ, यह संभव है।",
        "ग्राहक कहता है कि उसे नहीं पता।",
        '"मुझे नहीं पता" एक नकारात्मक वाक्य है।',
        "प्रिय राम,\nमैं इसमें आपकी मदद नहीं कर सकता।",
    ],
    "zh": [
        "可以，我来帮你。",
        "客户说他不知道。",
        "“我不知道”是否定句。",
        "尊敬的王先生：\n很抱歉，我不能参加。",
        "我知道答案是12。",
    ],
    "ja": [
        "はい、できます。",
        "お客様は分からないと言っています。",
        "「よくわかりません」は丁寧な言い方です。",
        "田中様\n申し訳ありませんが、月曜日は出席できません。",
        "答えは12です。",
    ],
    "data": [
        '{"label": "billing"}',
        "",
        "42",
        "```python\nprint('I am not sure')\n```",
        "\ufffc" * 9,
    ],
}


def each(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(language, text) for language, texts in table.items() for text in texts]


@pytest.mark.parametrize(("language", "text"), each(REFUSALS))
def test_refusals_are_found(language: str, text: str) -> None:
    found = wording_of(text)
    assert found is not None and (found.kind, found.language) == ("refusal", language)


@pytest.mark.parametrize(("language", "text"), each(HEDGES))
def test_hedges_are_found(language: str, text: str) -> None:
    found = wording_of(text)
    assert found is not None and (found.kind, found.language) == ("hedge", language)


@pytest.mark.parametrize("text", [text for _, text in each(NEITHER)])
def test_plain_answers_are_left_alone(text: str) -> None:
    assert wording_of(text) is None


def test_every_pattern_has_an_example_and_every_language_a_counter_example() -> None:
    table = yaml.safe_load(
        wording.files("rungwise.confidence").joinpath("wording.yaml").read_text("utf-8")
    )
    assert table.keys() == REFUSALS.keys() == HEDGES.keys() == NEITHER.keys() - {"data"}
    for language, patterns in table.items():
        for kind, examples in (("refusal", REFUSALS), ("hedge", HEDGES), ("letter", NEITHER)):
            texts = [own_words(text) for text in examples[language]]
            for pattern in patterns[kind]:
                assert any(re.search(pattern, text, re.IGNORECASE) for text in texts), pattern
        assert len(NEITHER[language]) >= 4


def test_only_the_head_of_a_long_answer_is_searched() -> None:
    assert wording_of("It is twelve. " * 40 + "I'm not sure.") is None


def test_a_refusal_late_in_the_head_is_part_of_an_answer() -> None:
    assert wording_of("It is 12. It was 11. I can't help with the rest.") is None


@given(st.text(max_size=2000))
def test_it_never_raises(text: str) -> None:
    wording_of(text)
