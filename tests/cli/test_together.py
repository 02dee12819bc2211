"""Servers of one process answer each on its own port, and only the watched one is counted."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from rungwise.lab.bench.gateways import Gateway, bare, bodies, together


def asked(server: Gateway, path: str, body: bytes | None = None) -> str:
    head = {"authorization": f"Bearer {server.key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{server.url}{path}", data=body, headers=head)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def test_each_writes_to_its_own_ledger_and_one_is_watched(tmp_path: Path) -> None:
    with (
        bare(tmp_path, 4) as upstream,
        together(tmp_path, upstream, ("off", "on"), watched="on") as (off, on),
    ):
        assert off.pid == on.pid and off.port != on.port
        for server, times in ((off, 1), (on, 2)):
            for body in bodies(server, stream=False)[:times]:
                asked(server, "/v1/chat/completions", body)
            figures = json.loads(asked(server, "/v1/figures"))
            assert figures["all"]["steps"] == times
        counted = 'rungwise_answers_total{route="auto",state="answered",step_type="open_chat"'
        assert counted in asked(on, "/metrics")
        assert counted not in asked(off, "/metrics")
