"""How are the figures of a killed engine and of a stopped server shown? As lines for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["table"]

Figures = Mapping[str, Any]


def table(killed: Sequence[Figures], stopped: Sequence[Figures]) -> str:
    return "\n".join((*_killed(killed), "", *_stopped(stopped)))


def _killed(rows: Sequence[Figures]) -> Iterator[str]:
    yield "SIGKILL to the engine's process, with open streams"
    for row in rows:
        yield f"  {row['server']}"
        yield from _saw(row["streams"])
        lives = "lives" if row["lives"] else f"ends with status {row['exit_status']}"
        back = f"after {row['back_s']:.1f} s" if row["back_s"] is not None else "never"
        yield f"    the server {lives}; its engine answers again: {back}"
        if row["meanwhile"] is not None:
            yield f"    meanwhile the ladder is answered by: {row['meanwhile']}"
        yield f"    {_health(row)}"


def _stopped(rows: Sequence[Figures]) -> Iterator[str]:
    yield "SIGTERM to the server, with open streams"
    for row in rows:
        yield f"  {row['server']}"
        if "not_measured" in row:
            yield f"    not measured: {row['not_measured']}"
            continue
        yield from _saw(row["streams"])
        yield f"    new work: {row['new_work']}"
        yield f"    it ends with status {row['exit_status']} after {row['ended_s']:.1f} s"
        yield f"    {_health(row)}"


def _saw(streams: Sequence[Figures]) -> Iterator[str]:
    groups = Counter((stream["held"], stream["saw"], stream["told"]) for stream in streams)
    for (held, saw, told), count in groups.items():
        same = [s for s in streams if (s["held"], s["saw"], s["told"]) == (held, saw, told)]
        kind = "held" if held else "begun"
        last = max(stream["ended_s"] for stream in same)
        yield f"    {count} {kind}: {saw} ({told}), the last after {last:.2f} s"


def _health(row: Figures) -> str:
    path = next(key for key in row if key.startswith("/"))
    return f"{path}: " + ", ".join(f"{said} from {max(0.0, at):.1f} s" for at, said in row[path])
