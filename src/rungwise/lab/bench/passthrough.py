"""What does the least gateway cost? FastAPI, an async HTTP client, and nothing in between.

`python -m rungwise.lab.bench.passthrough --port PORT --upstream URL` is what one writes in ten
lines: no keys, no plan, no ledger, no metrics. A gateway is compared with it.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="rungwise.lab.bench.passthrough")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="where /v1/chat/completions is")
    given = parser.parse_args(arguments)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            app.state.session = session
            yield

    app = FastAPI(lifespan=lifespan)

    async def pass_through(request: Request) -> Response:
        body, kind = await request.body(), {"content-type": "application/json"}
        told = await app.state.session.post(
            f"{given.upstream}/v1/chat/completions", data=body, headers=kind
        )
        if told.content_type == "text/event-stream":
            return StreamingResponse(told.content.iter_any(), media_type=told.content_type)
        return Response(await told.read(), media_type=told.content_type)

    app.add_api_route("/v1/chat/completions", pass_through, methods=["POST"], response_model=None)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
