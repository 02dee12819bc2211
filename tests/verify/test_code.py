"""Which code does not parse, and what is no whole program and is left alone."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.lab.steps.suite import EVEN, generate
from rungwise.verify.code import LONGEST, code_fault


def fenced(language: str, code: str) -> str:
    return f"Here it is:\n\n```{language}\n{code}\n```\n\nThat is all."


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (fenced("python", "def f(x):\n    return x +"), "the Python code does not parse: line 2"),
        (fenced("py", "print('a'"), "'(' was never closed"),
        (fenced("Python", "x = = 1"), "the Python code does not parse: line 1"),
        (fenced("python3", "def f():\nreturn 1"), "expected an indented block"),
        (fenced("python", "if x:\n    y = 1\n  z = 2"), "unindent does not match"),
        (fenced("python title=a.py", "\nx = (1"), "line 2, '(' was never closed"),
        (fenced("json", '{"a": 1,}'), "the JSON does not parse: line 1"),
        (fenced("json", "{'a': 1}"), "the JSON does not parse: line 1"),
        (fenced("json", '{\n  "a": 1\n  "b": 2\n}'), "the JSON does not parse: line 3"),
        (fenced("toml", "a = "), "the TOML does not parse"),
        ("1. Do:\n   ```python\n   x = (1\n   ```\n", "never closed"),
        ("~~~python\nx = (1\n~~~", "never closed"),
        ("````python\nx = (1\n````", "never closed"),
        ("```python\nx = (1", "never closed"),
        (fenced("python", "x = 1") + fenced("json", "[1"), "the JSON does not parse"),
        ("def f(x):\n    x = x +\n    return x", "the Python code does not parse: line 2"),
        ("import os\n\ndef f(x):\n    return (x", "never closed"),
        ("def f(x)\n    return x\n\nclass A:\n    pass", "expected ':'"),
    ],
)
def test_what_does_not_parse_is_found(text: str, fault: str) -> None:
    found = code_fault(text)
    assert found is not None and fault in found and "\n" not in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain words.",
        fenced("python", "def f(x):\n    return x"),
        fenced("python", "x = '\\d'\nif x is 1: pass"),
        fenced("python", 's = "a\u2028b\x0cc"'),
        fenced("python", "    def f(self):\n        return 1"),
        fenced("python", "return x"),
        fenced("python", "await f(x)"),
        fenced("json", '{"a": 123456789012345678901234567890}'),
        fenced("json", '{"a": 1}\n{"a": 2}'),
        fenced("toml", "[a]\nb = 1"),
        fenced("", "x = = 1"),
        fenced("text", "x = = 1"),
        fenced("javascript", "const x = {"),
        fenced("jsonc", '{"a": 1, // one\n}'),
        "````markdown\n```python\nx = (1\n```\n````",
        "Write `x = (` here.",
        "```python\nx = 1\n```\nand ```python x = ( ``` in a line",
    ],
)
def test_what_parses_passes(text: str) -> None:
    assert code_fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        fenced("python", ">>> f(1\n2"),
        fenced("python", "In [1]: f(1"),
        fenced("python", "$ python a.py"),
        fenced("python", "!pip install a\nx = 1"),
        fenced("python", "%timeit f(1)"),
        fenced("python", "pip install a"),
        fenced("python", "Traceback (most recent call last):\n  File"),
        fenced("python", "- x = 1\n+ x = 2"),
        fenced("python", "def f(x):\n    ...\n        return x"),
        fenced("python", "# ... as before\n    x = 1"),
        fenced("python", "f(a, ...\nx = 1"),
        fenced("python", "key = <your key>"),
        fenced("python", "x = {{ value }}"),
        fenced("python", "{% if x %}"),
        fenced("python", "else:\n    x = 1"),
        fenced("python", "        return x\n    def g(self):\n        pass"),
        fenced("python", "def f(x: int, y: int) -> int:"),
        fenced("python", '@route("/a")\n@route(\n    "/b",\n)'),
        fenced("python", "# first\npython -m venv .venv"),
        fenced("python", "type A = list[int]"),
        fenced("python", "def f[T](x: T) -> T:\n    return x"),
        fenced("python", "x = f'{a['b']}'"),
        fenced("python", "try:\n    f()\nexcept A, B:\n    pass"),
        fenced("python", 'print "a"  # Python 2'),
        fenced("python", "(" * 150 + ")" * 150 + "\n" + "-" * 9000 + "1"),
        fenced("python", "1" + "+1" * 9000),
        fenced("python", "x = (" + "1, " * LONGEST),
        fenced("json", '{\n  "a": 1,\n  ...\n}'),
        fenced("json", '{"a": [1, 2, ...]}'),
        fenced("json", '{\n  // a comment\n  "a": 1\n}'),
        fenced("json", '"a": 1, "b": 2'),
        fenced("json", '{"a": <number>}'),
        fenced("json", "[" * 9_000 + "]" * 9_000),
        "def f(x):\n    return x\n\nThis function returns what it is given.",
        "def f(x):\n    return x\n\n- It is short: nothing more.",
        "import taxes are high, and so on.",
        "import Foundation\n\nprint(\n",
        "def f(x)\n  x + 1\nend",
        "class of 1999: we meet (on Monday",
        "from time to time (not often",
    ],
)
def test_what_is_a_fragment_or_cannot_be_checked_is_left_alone(text: str) -> None:
    assert code_fault(text) is None


def test_no_warning_gets_out() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        code_fault(fenced("python", "x = '\\d'"))
    assert not caught


def test_the_right_answers_of_the_suite_pass() -> None:
    for step in generate("test", 450, mix=EVEN):
        assert code_fault(step.answer) is None


def test_a_broken_program_of_the_suite_is_found() -> None:
    seen = 0
    for step in generate("test", 450, mix=EVEN):
        if step.step_type == "code_generation":
            assert code_fault(step.answer.replace("x = x ", "x = x x ", 1)) is not None
            seen += 1
    assert seen == 50


LANGUAGES = st.sampled_from(["python", "json", "toml"])


@given(st.text(max_size=300), LANGUAGES, st.text(max_size=200))
def test_it_never_raises(text: str, language: str, code: str) -> None:
    code_fault(text)
    code_fault(text + fenced(language, code))


@settings(max_examples=60)
@given(LANGUAGES, st.text("([{}])'\"\\:=,.#/@ \nab1f", min_size=1, max_size=6))
def test_hostile_code_is_read_in_bounded_time(language: str, unit: str) -> None:
    code_fault(fenced(language, unit * (LONGEST // len(unit))))
    code_fault("def f(x):\n" + unit * 3_000)


@pytest.mark.parametrize(
    "unit",
    ["\n", " ", " \n", "...", "f'", "<a ", "a.", "[a.b]\n", "[[a]]\n", "```\n", "`", "#\n", "def "],
)
@pytest.mark.parametrize("language", ["python", "json", "toml", ""])
def test_long_code_is_read_in_bounded_time(language: str, unit: str) -> None:
    code_fault(fenced(language, unit * (LONGEST // len(unit))))
    code_fault("```" + language + "\n" + unit * 30_000)
