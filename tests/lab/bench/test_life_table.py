"""Does the table tell what each caller saw, and what became of the server?"""

from __future__ import annotations

from rungwise.lab.bench.life_table import table

BROKEN = {"held": False, "saw": "a typed error", "told": "unavailable", "tokens": 9, "ended_s": 0.3}
CLIMBED = {**BROKEN, "held": True, "saw": "a whole answer of the next rung", "told": "stop"}
WHOLE = {**BROKEN, "saw": "a whole answer", "told": "length", "ended_s": 7.25}

KILLED = [
    {
        "server": "rungwise",
        "streams": [CLIMBED, BROKEN, {**BROKEN, "ended_s": 0.42}],
        "meanwhile": "fixed",
        "lives": True,
        "back_s": 21.04,
        "exit_status": None,
        "/readyz": [[0.01, "200"], [0.4, "503"], [21.0, "200"]],
    },
    {
        "server": "vllm",
        "streams": [BROKEN],
        "meanwhile": None,
        "lives": False,
        "back_s": None,
        "exit_status": 1,
        "/health": [[-0.01, "200"], [5.0, "no connection"]],
    },
]
STOPPED = [
    {
        "server": "rungwise",
        "streams": [WHOLE],
        "new_work": "status 503",
        "exit_status": 0,
        "ended_s": 9.0,
        "/readyz": [[0.1, "503"]],
    },
    {"server": "vllm --shutdown-timeout 60", "not_measured": "vllm ended early: no such flag"},
]


def test_every_server_s_callers_and_end_are_told() -> None:
    assert table(KILLED, STOPPED).splitlines() == [
        "SIGKILL to the engine's process, with open streams",
        "  rungwise",
        "    1 held: a whole answer of the next rung (stop), the last after 0.30 s",
        "    2 begun: a typed error (unavailable), the last after 0.42 s",
        "    the server lives; its engine answers again: after 21.0 s",
        "    meanwhile the ladder is answered by: fixed",
        "    /readyz: 200 from 0.0 s, 503 from 0.4 s, 200 from 21.0 s",
        "  vllm",
        "    1 begun: a typed error (unavailable), the last after 0.30 s",
        "    the server ends with status 1; its engine answers again: never",
        "    /health: 200 from 0.0 s, no connection from 5.0 s",
        "",
        "SIGTERM to the server, with open streams",
        "  rungwise",
        "    1 begun: a whole answer (length), the last after 7.25 s",
        "    new work: status 503",
        "    it ends with status 0 after 9.0 s",
        "    /readyz: 503 from 0.1 s",
        "  vllm --shutdown-timeout 60",
        "    not measured: vllm ended early: no such flag",
    ]
