"""Does the code in an answer parse in the language that it names?

Python, JSON and TOML. What is plainly a fragment, a template or a session at a prompt is left
alone, and so is what cannot be checked: too long, nested too deeply, newer than this interpreter.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

__all__ = ["code_fault"]

LONGEST = 20_000
"""Characters of one block: the parsers' own limits on depth hold below it."""
MOST = 50
"""Blocks of one answer."""

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`\n]*")
_LEFT_OUT = re.compile(
    r"^[ \t]*(?:(?:#|//)[ \t]*)?\.{3}|[\[{(,]\s*\.{3}|\.{3}[ \t]*$|\u2026"
    r"|<[A-Za-z][\w .:-]*>|\{\{|\{%|\$\{",
    re.MULTILINE,
)
_SESSION = re.compile(
    r"^[ \t]*(?:>>>|In \[\d|[$%!?] ?\w|Traceback \()|^[+-]\s"
    r"|^(?:pip3?|uv|python3?|conda|git|curl|npm) [\w.-]",
    re.MULTILINE,
)
_DECORATOR_LAST = re.compile(r"^@[^\n]*(?:\n[ \t)][^\n]*)*\s*\Z", re.MULTILINE)
_FRAGMENT = re.compile(r"\s|(?:elif|else|except|finally|case)\b")
_NEWER = re.compile(
    r"^[ \t]*(?:type \w|(?:async )?(?:def|class) \w+\[|except [\w.]+,)|\bt['\"]|Python 2",
    re.MULTILINE,
)
_COMMENT = re.compile(r"^[ \t]*(?://|/\*|#)|\s//\s", re.MULTILINE)
_BEGINS = re.compile(
    r"\s*(?:@\w|(?:import|from) [\w.]+|(?:async )?def \w+\(|class \w+[(:]|#!/.*python)"
)
_HEADER = re.compile(r"^(?:async )?(?:def|class) \w+.*:[ \t]*(?:#.*)?$", re.MULTILINE)
_CODE_LINE = re.compile(
    r"\s|(?:async|def|class|return|if|for|while|with|import|from|try|raise|assert)\b|[)\]}@]"
    r"|[\w.]+\s*(?:[=(\[+*/-]|$)"
)


def code_fault(text: str) -> str | None:
    """One line on the first block that does not parse; None where none is wrong.

    Blocks are fenced and name their language; an answer without any block that is plainly a
    Python function is one too. Bounded in time by LONGEST and MOST.
    """
    blocks = list(_blocks(text))
    for language, code in blocks[:MOST]:
        check = _CHECKS.get(language.lower())
        if check is not None and len(code) <= LONGEST and not _LEFT_OUT.search(code):
            fault = check(code)
            if fault is not None:
                return fault
    if not blocks and len(text) <= LONGEST and _BEGINS.match(text) and _HEADER.search(text):
        return _bare_python_fault(text)
    return None


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and code of each fenced block, as CommonMark finds them; one that is never closed
    goes to the end."""
    language, fence, indent, lines = "", "", "", list[str]()
    for line in text.replace("\r\n", "\n").split("\n"):
        found = _FENCE.fullmatch(line)
        if not fence:
            if found:
                indent, fence, language = found.groups()
        elif found and _closes(found, fence, indent):
            yield language, "\n".join(lines)
            fence, lines = "", []
        else:
            lines.append(line.removeprefix(indent))
    if fence:
        yield language, "\n".join(lines)


def _closes(found: re.Match[str], fence: str, indent: str) -> bool:
    deeper = len(found[1]) > len(indent) + 3
    return found[2].startswith(fence) and not found[3] and not deeper


def _python_fault(code: str) -> str | None:
    code = textwrap.dedent(code)
    if _SESSION.search(code) or _FRAGMENT.match(code.lstrip("\n")):
        return None
    error = _syntax_error(code)
    if error is None or _is_header_only(code) or _may_be_newer(code, error):
        return None
    return f"the Python code does not parse: line {error.lineno or 1}, {_one_line(error.msg)}"


def _bare_python_fault(text: str) -> str | None:
    """The same for an answer that is code, but may go on with prose: an error must be in code."""
    error = _syntax_error(text)
    if error is None or not _CODE_LINE.match(_line(text, error)):
        return None
    return _python_fault(text)


def _may_be_newer(code: str, error: SyntaxError) -> bool:
    """Python 3.12 and later nest quotes in f-strings, and have more words."""
    in_string = "f-string" in error.msg or re.search(r"f['\"]", _line(code, error), re.IGNORECASE)
    return bool(in_string or _NEWER.search(code))


def _line(code: str, error: SyntaxError) -> str:
    """The line that an error is in; empty where it is in none."""
    number = error.lineno or 0
    return next(islice(code.split("\n"), max(0, number - 1), None), "")


def _syntax_error(code: str) -> SyntaxError | None:
    """What is wrong with Python code; None where nothing is or it cannot be checked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def _is_header_only(code: str) -> bool:
    """A signature without its body or a decorator without its function, for documentation."""
    return code.rstrip().endswith((":", "\\")) or _DECORATOR_LAST.search(code) is not None


def _json_fault(code: str) -> str | None:
    if not code.lstrip().startswith(("{", "[")) or _COMMENT.search(code):
        return None
    try:
        json.loads(code, parse_int=str)
    except json.JSONDecodeError as error:
        if all(map(_is_json, filter(str.strip, code.splitlines()))):
            return None  # one document a line
        return f"the JSON does not parse: line {error.lineno}, {_one_line(error.msg)}"
    except (ValueError, RecursionError):
        return None
    return None


def _is_json(line: str) -> bool:
    try:
        json.loads(line, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _toml_fault(code: str) -> str | None:
    try:
        tomllib.loads(code)
    except tomllib.TOMLDecodeError as error:
        return f"the TOML does not parse: {_one_line(str(error))}"
    except (ValueError, RecursionError):
        return None
    return None


def _one_line(message: str) -> str:
    return " ".join(message.split())[:120]


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "python": _python_fault,
    "py": _python_fault,
    "python3": _python_fault,
    "py3": _python_fault,
    "json": _json_fault,
    "toml": _toml_fault,
}
