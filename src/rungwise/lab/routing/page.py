"""How do cost and quality look in a browser? Charts as inline SVG, and the tables under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.pages import lines, page, section, table
from rungwise.lab.routing.drawn import Line, Picture, picture_of
from rungwise.lab.routing.evaluate import SetFigures
from rungwise.lab.routing.report import table_of_points, table_of_policies, told_of

__all__ = ["routing_page"]

WIDTH, HEIGHT = 560, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 24, 12, 48
DASHES = ("2 3", "6 4", "1 4", "10 3 2 3", "5 2", "none")
Place = Callable[[Floats], Floats]


def routing_page(found: Sequence[SetFigures]) -> str:
    return page("Cost and quality on recorded ladders", [_section(one) for one in found])


def _section(found: SetFigures) -> str:
    picture = picture_of(found)
    head, rest = told_of(found)
    return section(
        picture.title,
        [
            lines(head),
            _key(picture),
            _chart(picture),
            "<h3>How much of the gap is recovered</h3>",
            table(table_of_policies(found)),
            "<h3>Chosen settings</h3>",
            table(table_of_points(found)),
            lines(rest),
        ],
    )


def _key(picture: Picture) -> str:
    told = "\n".join(
        f'<li><svg width="32" height="8" aria-hidden="true">{_stroke(number, "M0 4H32")}</svg>'
        f"{escape(line.name)}</li>"
        for number, line in enumerate(picture.lines)
    )
    return f'<ul class="key">\n{told}\n</ul>'


def _chart(picture: Picture) -> str:
    x, y = _axes(picture)
    parts = [*_grid(picture, x, y)]
    if picture.band is not None:
        usd, low, high = picture.band
        edge = _path(x(np.concatenate((usd, usd[::-1]))), y(np.concatenate((low, high[::-1]))))
        parts.append(f'<path d="{edge}Z" fill="var(--c5)" opacity=".15"/>')
    parts.append(
        f'<path class="line" d="{_trace(picture.hull, x, y)}" stroke="var(--ink)" opacity=".4"/>'
    )
    for number, line in enumerate(picture.lines):
        parts.append(_stroke(number, _trace(line, x, y), line.name))
    for name, px, py in zip(
        picture.rung_names,
        x(picture.rungs.usd).tolist(),
        y(picture.rungs.right).tolist(),
        strict=True,
    ):
        anchor = "end" if px > WIDTH / 2 else "start"
        shift = -8 if px > WIDTH / 2 else 8
        parts.append(
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="var(--ink)"/>'
            f'<text x="{px + shift:.1f}" y="{py + 16:.1f}" text-anchor="{anchor}">'
            f"{escape(name)}</text>"
        )
    label = f"{picture.title}: share of right answers by dollars for 1,000 steps"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">\n'
        + "\n".join(parts)
        + "\n</svg>"
    )


def _stroke(number: int, path: str, name: str = "") -> str:
    told = f"<title>{escape(name)}</title>" if name else ""
    dash = DASHES[number % len(DASHES)]
    return (
        f'<path class="line" d="{path}" stroke="var(--c{number % 6})" '
        f'stroke-dasharray="{dash}">{told}</path>'
    )


def _axes(picture: Picture) -> tuple[Place, Place]:
    usd = np.concatenate([line.usd for line in (*picture.lines, picture.rungs)])
    right = np.concatenate([line.right for line in (*picture.lines, picture.rungs)])
    scale = np.log10 if picture.logarithmic else np.asarray
    low, high = float(scale(usd.min())), float(scale(usd.max()))
    bottom, top = float(right.min()), float(right.max())
    room = (top - bottom or 1.0) * 0.06

    def x(values: Floats) -> Floats:
        share = (scale(values) - low) / (high - low or 1.0)
        return np.asarray(LEFT + share * (WIDTH - LEFT - RIGHT))

    def y(values: Floats) -> Floats:
        share = (values - bottom + room) / (top - bottom + 2 * room)
        return np.asarray(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))

    return x, y


def _grid(picture: Picture, x: Place, y: Place) -> list[str]:
    right = np.concatenate([line.right for line in (*picture.lines, picture.rungs)])
    usd = picture.lines[0].usd
    across = np.linspace(right.min(), right.max(), 6)
    spread = np.geomspace if picture.logarithmic else np.linspace
    along = spread(usd.min(), usd.max(), 6)
    found = []
    for value, place in zip(across.tolist(), y(across).tolist(), strict=True):
        found.append(f'<path class="axis" d="M{LEFT} {place:.1f}H{WIDTH - RIGHT}"/>')
        found.append(
            f'<text x="{LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{value:.1%}</text>'
        )
    for value, place in zip(along.tolist(), x(along).tolist(), strict=True):
        found.append(f'<path class="axis" d="M{place:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        found.append(
            f'<text x="{place:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
            f"${value:.3g}</text>"
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    told = "US dollars for 1,000 steps" + (", logarithmic" if picture.logarithmic else "")
    found.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{told}</text>')
    return found


def _trace(line: Line, x: Place, y: Place) -> str:
    return _path(x(line.usd), y(line.right))


def _path(x: Floats, y: Floats) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
