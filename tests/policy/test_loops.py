"""Whether a tool loop gets on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.policy.loops import CALLS, LATELY, LOOKED_AT, stuck, was_stuck
from rungwise.policy.rejection import rejection, unsettled
from rungwise.types import Chat, Message, ToolCall

SAME, FAILS, TURNS = (
    "the same call is made again and again",
    "one tool call after the other fails",
    "two calls take turns",
)


def step(name: str, result: str = "done", *, failed: bool = False) -> list[Message]:
    call = ToolCall(id=f"call_{name}", name=name, arguments="{}")
    return [
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", text=result, tool_call_id=call.id, failed=failed),
    ]


def loop(*steps: list[Message]) -> list[Message]:
    return [Message(role="user", text="do it"), *(m for s in steps for m in s)]


def names(told: str) -> list[Message]:
    """A step for each letter."""
    return loop(*(step(name) for name in told))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", None),
        ("a", None),
        ("aa", None),
        ("aaa", SAME),
        ("baaa", SAME),
        ("aaab", None),
        ("abc", None),
        ("aba", None),
        ("abab", TURNS),
        ("cabab", TURNS),
        ("ababc", None),
        ("abba", None),
        ("abcabc", None),
    ],
)
def test_what_comes_again_and_again_does_not_get_on(told: str, expected: str | None) -> None:
    assert stuck(names(told)) == expected


def test_it_is_new_at_every_third_step_of_it() -> None:
    assert [n for n in range(1, 11) if stuck(names("a" * n))] == [3, 6, 9]
    assert [n for n in range(1, 12) if stuck(names(("ab" * 6)[:n]))] == [4, 7, 10]


def test_a_call_whose_results_change_is_waiting_for_something() -> None:
    polls = [step("status", f"{percent} %") for percent in (10, 40, 70)]
    assert stuck(loop(*polls)) is None
    assert stuck(loop(*[step("status", "running")] * 3)) == SAME


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (LOOKED_AT, LOOKED_AT - 1, None),
        (LOOKED_AT, LOOKED_AT, SAME),
        (LOOKED_AT - 1, 9000, None),
        (9000, LOOKED_AT - 1, None),
        (9000, 9000, SAME),
    ],
    ids=["short", "just too long", "another head", "another tail", "another middle"],
)
def test_of_a_long_text_only_the_ends_are_looked_at(
    before: int, after: int, expected: str | None
) -> None:
    texts = ["x" * before + sign + "x" * after for sign in "abc"]
    calls = [ToolCall(id="1", name="write", arguments=text) for text in texts]
    assert stuck(loop(*(step("read", text) for text in texts))) == expected
    steps = [[Message(role="assistant", tool_calls=(c,)), step("x")[1]] for c in calls]
    assert stuck(loop(*steps)) == expected


def test_two_long_texts_of_different_lengths_are_not_the_same() -> None:
    assert stuck(loop(*(step("read", "x" * (9000 + more)) for more in range(3)))) is None


def test_of_many_calls_at_once_only_some_are_looked_at() -> None:
    def told(last: str, count: int) -> list[Message]:
        names = "a" * (count - 1) + last
        calls = tuple(ToolCall(id=str(i), name=n, arguments="{}") for i, n in enumerate(names))
        return [Message(role="assistant", tool_calls=calls), step("x")[1]]

    assert stuck(loop(*(told(last, CALLS) for last in "abc"))) is None
    assert stuck(loop(*(told(last, CALLS + 1) for last in "abc"))) == SAME
    assert stuck(loop(*(told("a", CALLS + more) for more in (1, 2, 3)))) is None


def test_the_same_tool_with_other_arguments_is_another_call() -> None:
    steps = []
    for i in range(3):
        call = ToolCall(id=str(i), name="read", arguments=f'{{"line": {i}}}')
        steps.append([Message(role="assistant", tool_calls=(call,)), step("x")[1]])
    assert stuck(loop(*steps)) is None


def test_three_steps_that_fail_do_not_get_on() -> None:
    failing = [step(name, "no", failed=True) for name in "abc"]
    assert stuck(loop(*failing[:2])) is None
    assert stuck(loop(*failing)) == FAILS
    assert stuck(loop(*failing, step("d"))) is None
    assert stuck(loop(failing[0], step("d"), *failing[1:])) is None


def test_one_of_several_calls_at_once_that_does_is_enough() -> None:
    calls = tuple(ToolCall(id=name, name=name, arguments="{}") for name in "ab")
    half = [
        Message(role="assistant", tool_calls=calls),
        Message(role="tool", text="no", failed=True),
        Message(role="tool", text="found"),
    ]
    assert stuck(loop(half, half[:2] + half[1:2], half)) is None


@pytest.mark.parametrize(
    "result",
    [
        "Error: no such file",
        "error: expected ;",
        '{"error": "not found"}',
        "{'error': {'code': 404}}",
        "Traceback (most recent call last):\n...",
        "ValueError: bad",
        "json.decoder.JSONDecodeError: Expecting value",
        "Exit code 1\nfailed",
        "exit status: 127",
        "Process exited with code 2",
        "[Error] timed out",
        "<error>no</error>",
        "Command failed",
        "FAILED: 2 tests",
        "fatal: not a git repository",
    ],
)
def test_a_result_may_say_itself_that_it_failed(result: str) -> None:
    assert stuck(loop(*(step(name, result) for name in "abc"))) == FAILS


@pytest.mark.parametrize(
    "result",
    [
        "",
        "ok",
        "3 errors were fixed",
        '{"error": null, "rows": 3}',
        '{"error": false}',
        "errors: 0",
        "failed: 0, passed: 12",
        "Error handling is in chapter 4",
        "exit code 0",
        "status: 200",
        "The word error occurs twice",
    ],
)
def test_a_result_that_speaks_of_errors_need_not_be_one(result: str) -> None:
    assert stuck(loop(*(step(name, result) for name in "abc"))) is None


def test_what_the_user_says_begins_anew() -> None:
    said = [*names("aa"), Message(role="user", text="go on"), *step("a")]
    assert stuck(said) is None and was_stuck(said) is None


def test_a_loop_counts_for_some_steps_once_it_is_over() -> None:
    for later in range(1, LATELY):
        assert was_stuck(names("aaa" + "bcdefgh"[:later])) == SAME
        assert stuck(names("aaa" + "bcdefgh"[:later])) is None
    assert was_stuck(names("aaa" + "bcdefgh"[:LATELY])) is None


def test_an_old_loop_is_out_of_sight() -> None:
    assert was_stuck(names("a" * 60)) == SAME, "longer than what is looked at"
    assert was_stuck(names("aaa" + "bcdefghijklmnopqrstuvwxyz" * 4)) is None


def test_it_is_evidence_like_a_word_of_the_user() -> None:
    assert rejection(Chat(messages=tuple(names("aaa")))) == SAME
    assert rejection(Chat(messages=tuple(names("aaab")))) is None
    assert unsettled(Chat(messages=tuple(names("aaab")))) == SAME
    assert unsettled(Chat(messages=tuple(names("abc")))) is None


def test_a_rejected_turn_stays_unsettled_while_its_tools_work() -> None:
    said = [
        Message(role="user", text="x"),
        Message(role="assistant", text="y"),
        Message(role="user", text="That is wrong."),
        *step("a"),
    ]
    assert rejection(Chat(messages=tuple(said))) is None
    assert unsettled(Chat(messages=tuple(said))) is not None


@given(
    st.lists(
        st.builds(
            Message,
            role=st.sampled_from(["user", "assistant", "tool", "system"]),
            text=st.sampled_from(["", "x", "error: 1"]),
            tool_calls=st.sampled_from([(), (ToolCall(id="1", name="a", arguments="{}"),)]),
            failed=st.booleans(),
        ),
        max_size=20,
    )
)
def test_no_history_makes_it_fail(messages: list[Message]) -> None:
    if stuck(messages) is not None:
        assert was_stuck(messages) is not None
    unsettled(Chat(messages=tuple(messages)))
