"""Who answers when there is no hosted API? A stand-in: two small local models behind the two wires.

It is not OpenAI and not Anthropic, and says so in its `Server` header. It speaks enough of their
Chat Completions and Messages protocols for the official SDKs, adds no delay, and answers under
whatever model id the client asks for.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:  # vLLM's child processes import this module again: it must stay light
    from starlette.applications import Starlette

    from rungwise.contracts import Tier

__all__ = ["CONTEXT", "main", "make_standin"]

SERVER = "rungwise-stand-in"
CONTEXT = 2048
CHILD_END_S = 6.0


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="rungwise.demo.standin", description=__doc__)
    parser.add_argument("--openai-model", type=Path, required=True)
    parser.add_argument("--anthropic-model", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--port-file", type=Path, help="written once it is ready")
    given = parser.parse_args(arguments)

    def ready() -> None:
        if given.port_file is not None:
            _write(given.port_file, str(bound.getsockname()[1]))

    # While uvicorn serves it takes the signal first, ends open answers, and then passes it on
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _end(0))
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", given.port))
    tiers = (
        engine("stand-in-mid", given.openai_model),
        engine("stand-in-frontier", given.anthropic_model),
    )
    asyncio.run(_serve(tiers, bound, ready))
    _end(0)


def engine(name: str, folder: Path) -> Tier:
    from rungwise.config import EngineConfig, VllmTierConfig
    from rungwise.tiers.local.vllm import VllmTier

    settings = EngineConfig(
        dtype="bfloat16",
        max_model_len=CONTEXT,
        max_num_seqs=32,
        kv_cache_gib=0.25,
        enforce_eager=True,
        tool_parser="hermes",
    )
    return VllmTier(VllmTierConfig(name=name, kind="vllm", model=str(folder), engine=settings))


def make_standin(openai_side: Tier, anthropic_side: Tier) -> Starlette:
    """The stand-in as an ASGI app on two tiers that somebody else starts and stops."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    from rungwise.demo.standin_http import endpoint
    from rungwise.demo.standin_messages import MESSAGES
    from rungwise.demo.standin_openai import CHAT_COMPLETIONS

    return Starlette(
        routes=[
            Route(
                "/v1/chat/completions", endpoint(CHAT_COMPLETIONS, openai_side), methods=["POST"]
            ),
            Route("/v1/messages", endpoint(MESSAGES, anthropic_side), methods=["POST"]),
        ]
    )


async def _serve(tiers: tuple[Tier, Tier], bound: socket.socket, ready: Callable[[], None]) -> None:
    import uvicorn

    from rungwise.errors import RungwiseError

    try:
        for tier in tiers:
            await tier.start()
    except RungwiseError as error:
        print(error, file=sys.stderr, flush=True)
        _end(1)
    bound.listen(256)
    ready()
    config = uvicorn.Config(
        make_standin(*tiers),
        lifespan="off",
        log_level="warning",
        server_header=False,
        headers=[("Server", SERVER)],
        timeout_graceful_shutdown=2,
    )
    await uvicorn.Server(config).serve(sockets=[bound])


def _end(code: int) -> NoReturn:
    """Take the engines down without their leisurely farewell: nothing here outlives the process."""
    children = multiprocessing.active_children()
    for child in children:
        child.terminate()
    for child in children:
        child.join(CHILD_END_S)
        child.kill()
    os._exit(code)


def _write(file: Path, text: str) -> None:
    """Whole or not at all, because someone is polling for it."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, file)


if __name__ == "__main__":
    main()
