"""How does a report look in a browser? One HTML file that fetches nothing: text, tables, charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from rungwise.errors import ConfigError

__all__ = ["lines", "page", "section", "table", "write_page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #d5dae0;
  --c0: #8a8f98; --c1: #b8860b; --c2: #8e44ad; --c3: #1f77b4; --c4: #d2691e; --c5: #0a7d34; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --paper: #14171a; --faint: #3a4047;
  --c0: #9aa0a8; --c1: #e0b040; --c2: #c08be0; --c3: #6bb3ec; --c4: #f0975a; --c5: #55c57f; } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  margin: 0 auto; max-width: 62rem; padding: 1rem; }
h1, h2 { line-height: 1.2; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--faint); padding: .25rem .6rem; text-align: right;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
svg { display: block; height: auto; max-width: 100%; }
svg text { fill: var(--ink); font: 14px system-ui, sans-serif; }
svg .axis { stroke: var(--faint); stroke-width: 1; }
svg .line { fill: none; stroke-width: 2; }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; }
.key svg { display: inline-block; margin-right: .4rem; vertical-align: middle; }
"""


def page(title: str, sections: Iterable[str]) -> str:
    """`sections` are HTML; the title is text."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def section(title: str, parts: Iterable[str]) -> str:
    """`parts` are HTML; the title is text."""
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "\n</section>"


def lines(told: Iterable[str]) -> str:
    """A list of texts."""
    return "<ul>\n" + "\n".join(f"<li>{escape(line)}</li>" for line in told) + "\n</ul>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """The first row is the head; cells are texts. Scrolls by itself where it is too wide."""
    head, *body = ([escape(cell) for cell in row] for row in rows)
    told = "".join(f"<th>{cell}</th>" for cell in head)
    rest = "\n".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in body)
    return (
        f'<div class="wide"><table>\n<thead><tr>{told}</tr></thead>\n'
        f"<tbody>\n{rest}\n</tbody>\n</table></div>"
    )


def write_page(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
