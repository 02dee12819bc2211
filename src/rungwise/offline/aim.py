"""For which box is a bundle made: its Python, its platform, its C library, its vLLM?"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags

from rungwise.offline.plain import BundleError

__all__ = ["Aim"]

LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """`python` 3.12, `platform` x86_64 or aarch64, `glibc` 2.35; no `vllm`: without an engine."""

    python: str
    platform: str
    glibc: str
    vllm: str | None
    extras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.\d{1,2}", self.python):
            raise BundleError(f"--python {self.python}: like 3.12")
        if self.platform not in ("x86_64", "aarch64"):
            raise BundleError(f"--platform {self.platform}: x86_64 or aarch64")
        if not re.fullmatch(r"2\.\d{1,2}", self.glibc):
            raise BundleError(f"--glibc {self.glibc}: like 2.35 (`ldd --version` tells)")

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags of wheels that run there, the newest first."""
        tags = []
        for minor in range(int(self.glibc[2:]), 4, -1):
            tags.append(f"manylinux_2_{minor}_{self.platform}")
            if minor in LEGACY:
                tags.append(f"{LEGACY[minor]}_{self.platform}")
        return (*tags, f"linux_{self.platform}")

    @property
    def tags(self) -> dict[Tag, int]:
        """Each tag of a wheel that runs there, and its rank: 0 fits best."""
        version = (3, int(self.python[2:]))
        interpreter = f"cp3{version[1]}"
        fitting = (
            *cpython_tags(version, platforms=self.platforms),
            *compatible_tags(version, interpreter, platforms=self.platforms),
        )
        ranks: dict[Tag, int] = {}
        for rank, tag in enumerate(fitting):
            ranks.setdefault(tag, rank)
        return ranks

    @property
    def markers(self) -> dict[str, str]:
        """What a requirement's marker sees there."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.platform,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }
