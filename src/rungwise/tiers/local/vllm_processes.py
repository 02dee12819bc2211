"""What do an engine's processes find in their environment, and where do they log?"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["logging_to", "logs_as", "making_processes", "owners_logging", "prepare"]

# vLLM reads these when it is imported, so they must be set by whoever imports it. What the owner
# set stays, but for what would report this machine's use to vLLM's project or to the hub.
_DEFAULTS = {
    # as NVML counts them, by which it was told what fits where; CUDA's own is the fastest first
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    # fork would copy our event loop and threads into the engine
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
}
_ALWAYS = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def prepare() -> None:
    """For what is imported after this."""
    os.environ.update(_ALWAYS)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


_MAKING = threading.Lock()
"""The environment is the whole process's: engines are made one after another."""
_QUIET = "ignore::UserWarning:multiprocessing.resource_tracker"
"""Python's own process that removes what others left in /dev/shm tells of it at every stop."""
_CONSOLE_LINE = "%(asctime)s %(levelname)s %(name)s {}%(message)s"


@contextmanager
def making_processes(environment: Mapping[str, str]) -> Iterator[None]:
    """While an engine's processes are made: they find this in their environment, and the rest; and
    a Ctrl-C is not theirs, or they would drop what they write while the server drains."""
    with _MAKING, _own_logging(kept=bool(environment)):
        told = {**environment, "PYTHONWARNINGS": _quietly()}
        before = {name: os.environ.get(name) for name in told}
        os.environ.update(told)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _quietly() -> str:
    """What the owner wants of warnings, and that."""
    owners = os.environ.get("PYTHONWARNINGS")
    return f"{owners},{_QUIET}" if owners else _QUIET


@contextmanager
def _own_logging(*, kept: bool) -> Iterator[None]:
    """From 0.31 on vLLM takes what its processes are told for this process too, and before that
    nothing is set up here. Where it is `kept`, this one's lines go on to the console."""
    here = logging.getLogger("vllm")
    if kept and not here.handlers:
        console = logging.StreamHandler(sys.stderr)
        console.setFormatter(logging.Formatter(_CONSOLE_LINE.format("")))
        here.addHandler(console)
        here.setLevel(os.environ.get("VLLM_LOGGING_LEVEL", "WARNING").upper())
        here.propagate = False
    before, level = here.handlers[:], here.level
    try:
        yield
    finally:
        if kept:
            for handler in set(here.handlers) - set(before):
                handler.close()
            here.handlers[:] = before
            here.setLevel(level)


def owners_logging() -> str | None:
    """The variable in which the owner has told vLLM how to log, where there is one."""
    if os.environ.get("VLLM_LOGGING_CONFIG_PATH"):
        return "VLLM_LOGGING_CONFIG_PATH"
    return "VLLM_CONFIGURE_LOGGING" if os.environ.get("VLLM_CONFIGURE_LOGGING") == "0" else None


def logs_as(file: Path) -> dict[str, str]:
    """The environment of processes that log as this file says. It counts for no compiled graph."""
    return {"VLLM_LOGGING_CONFIG_PATH": str(file)}


def logging_to(path: Path, tier: str) -> dict[str, Any]:
    """For logging.config.dictConfig: all from INFO into this file, and onto the console what the
    owner wants there, warnings where he does not say."""
    told = os.environ.get("VLLM_LOGGING_LEVEL", "").upper()
    shown = told or _DEFAULTS["VLLM_LOGGING_LEVEL"]
    stream = os.environ.get("VLLM_LOGGING_STREAM") or _DEFAULTS["VLLM_LOGGING_STREAM"]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "file": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"},
            "console": {"format": _CONSOLE_LINE.format(f"{tier}: ")},
        },
        "handlers": {
            "file": {
                "class": "logging.FileHandler",
                "filename": str(path),
                "encoding": "utf-8",
                "formatter": "file",
            },
            "console": {
                "class": "logging.StreamHandler",
                "stream": stream,
                "formatter": "console",
                "level": shown,
            },
        },
        "loggers": {
            "vllm": {
                "handlers": ["file", "console"],
                "level": "DEBUG" if told == "DEBUG" else "INFO",
                "propagate": False,
            }
        },
    }
