"""What does Dockerfile.gpu say, and what does .dockerignore keep from the builder?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

__all__ = ["DOCKERFILE", "ROOT", "copied", "instructions", "left_out"]

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile.gpu").read_text(encoding="utf-8")
_WHOLE = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
_RULES = [
    line
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def instructions(word: str, stage: str | None = None) -> list[str]:
    """What follows a word, of every stage or of one."""
    text = _WHOLE if stage is None else _stages()[stage]
    return [told.strip() for told in re.findall(rf"^{word} (.+)$", text, re.MULTILINE)]


def copied(stage: str) -> Iterator[str]:
    """The sources of what a stage copies from the folder of the project."""
    for told in instructions("COPY", stage):
        if not told.startswith("--from"):
            *sources, _ = told.split()
            yield from sources


def left_out(file: Path) -> bool:
    """By the last rule that names the file or a folder above it; folders under a rule of `!` that
    goes deeper are still looked into."""
    path, out = file.relative_to(ROOT).as_posix().rstrip("/"), False
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for rule in _RULES:
        pattern = rule.removeprefix("!")
        names = parts if pattern.startswith("**/") else above
        if any(fnmatch(name, pattern.removeprefix("**/")) for name in names):
            out = not rule.startswith("!")
        elif rule.startswith(f"!{path}/"):
            out = False
    return out


def _stages() -> dict[str, str]:
    _, *parts = re.split(r"^FROM \S+ AS (\S+)$", _WHOLE, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))
