"""Made-up prompts are as long as told, shared where told, and never asked twice."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from rungwise.lab.bench.prompts import MadeUp, Suite, bodies_of, words_per_token

BOTTOM = Path(__file__).parents[3] / "models/demo/bottom"


def made_up(tokens: int = 300, shared: int = 0) -> MadeUp:
    return MadeUp(tokens=tokens, shared=shared, words_per_token=words_per_token(BOTTOM))


@pytest.mark.parametrize("tokens", [32, 500, 4000])
def test_a_prompt_has_about_the_tokens_it_is_to_have(tokens: int) -> None:
    tokenizer = Tokenizer.from_file(str(BOTTOM / "tokenizer.json"))
    for prompt in made_up(tokens).of_round(0, 3):
        (message,) = prompt.messages
        assert len(tokenizer.encode(str(message["content"])).ids) == pytest.approx(tokens, rel=0.2)


def test_no_two_prompts_begin_alike_in_any_round() -> None:
    heads = [
        str(prompt.messages[-1]["content"])[:20]
        for number in (-1, 0, 1)
        for prompt in made_up().of_round(number, 20)
    ]
    assert len(set(heads)) == 60


def test_a_shared_prefix_is_the_same_for_all_and_in_every_round() -> None:
    asked = [one for number in (-1, 3) for one in made_up(50, 200).of_round(number, 2)]
    assert [message["role"] for message in asked[0].messages] == ["system", "user"]
    assert len({json.dumps(one.messages[0]) for one in asked}) == 1
    assert len({json.dumps(one.messages[1]) for one in asked}) == 4


def test_all_servers_are_asked_the_same_in_a_round() -> None:
    assert made_up().of_round(2, 5) == made_up().of_round(2, 5)
    assert Suite().of_round(0, 5) == Suite().of_round(9, 5)


def test_a_salt_is_sent_only_where_there_is_one() -> None:
    for salt in (None, "on"):
        (body,) = bodies_of(
            made_up().of_round(0, 1), model="m", stream=True, max_tokens=8, typed=True, salt=salt
        )
        sent = json.loads(body)
        assert sent.get("cache_salt") == salt and sent["metadata"] == {"step_type": "open_chat"}
