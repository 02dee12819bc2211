"""What does an OpenTelemetry collector receive? Its way in on loopback: OTLP over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """`statuses` are answered in order, the last one again and again; None never answers."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses: list[int | None] = list(statuses or (200,))
        self.taken: list[ExportTraceServiceRequest] = []
        self.asked = 0
        self._news, self._over = asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> Collector:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/traces", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1/traces"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert request.headers["content-type"] == "application/x-protobuf"
        self.asked += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        self._news.set()
        if status is None:
            await self._over.wait()
        if status == 200:
            self.taken.append(ExportTraceServiceRequest.FromString(body))
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(
            body=answer, status=status or 200, content_type="application/x-protobuf"
        )

    async def was_asked(self, times: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.asked < times:
                self._news.clear()
                await self._news.wait()

    @property
    def spans(self) -> list[Span]:
        return [span for request in self.taken for span in _spans(request)]


def told(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    """Attributes by name, each as the value that it holds."""
    found = {}
    for pair in attributes:
        kind = pair.value.WhichOneof("value")
        assert kind is not None
        found[pair.key] = getattr(pair.value, kind)
    return found


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resourced in request.resource_spans:
        assert told(resourced.resource.attributes)["service.name"] == "rungwise"
        for scoped in resourced.scope_spans:
            yield from scoped.spans
