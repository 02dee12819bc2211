"""What does a real Prometheus see of a server? Started for a test, with the shipped settings and
rules, on loopback, scraping again and again."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.outside import folder, free_port, program, running

__all__ = ["OBSERVABILITY", "Prometheus", "Sample", "prometheus", "promtool", "selectors"]

OBSERVABILITY = Path(__file__).parents[1] / "configs" / "observability"
PATIENCE_S = 20.0
SCRAPE = "400ms"


@dataclass(frozen=True, slots=True)
class Sample:
    labels: Mapping[str, str]
    value: float


class Prometheus:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def ask(self, expr: str) -> list[Sample]:
        """What an expression is now. Raises ValueError with Prometheus' own words."""
        answer = (await self._http.post("/api/v1/query", data={"query": expr})).json()
        if answer["status"] != "success":
            raise ValueError(f"{answer['error']}: {expr}")
        found = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return [Sample({}, float(found[1]))]
        return [Sample(one["metric"], float(one["value"][1])) for one in found]

    async def number(self, expr: str) -> float:
        """Of an expression that gives one."""
        (found,) = await self.ask(expr)
        return found.value

    async def until(self, expr: str) -> None:
        """Wait until it gives something."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.ask(expr):
                await asyncio.sleep(0.05)

    async def scraped(self) -> None:
        """Wait for two scrapes of each server, of which the later began after now."""
        for _ in range(2):
            now = await self.number("time()")
            await self.until(f'min(timestamp(up{{job="rungwise"}})) > {now}')

    async def told(self, path: str) -> Any:
        """What else its API says: /api/v1/rules, /api/v1/targets."""
        return (await self._http.get(path)).json()["data"]


@asynccontextmanager
async def prometheus(*ports: int, key: str = "") -> AsyncIterator[Prometheus]:
    """Watching the servers on these ports of loopback by the shipped settings, but for their
    addresses, the key, and how often it asks."""
    binary = program("prometheus", "prometheus", "prometheus")
    with folder() as home:
        (home / "key").write_text(key)
        (home / "prometheus.yml").write_text(yaml.safe_dump(_settings(ports, home)))
        own = f"127.0.0.1:{free_port()}"
        command = [binary, f"--web.listen-address={own}", "--config.file=prometheus.yml"]
        command += [f"--storage.tsdb.path={home / 'data'}", "--log.level=warn"]
        async with httpx.AsyncClient(base_url=f"http://{own}", trust_env=False) as http:
            with running(command, home, lambda: _answers(f"http://{own}")):
                yield Prometheus(http)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _settings(ports: Sequence[int], home: Path) -> dict[str, Any]:
    text = (OBSERVABILITY / "prometheus.yml").read_text(encoding="utf-8")
    told: dict[str, Any] = yaml.safe_load(text)
    often = {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE}
    told["global"] |= often
    told["rule_files"] = [
        str(OBSERVABILITY / "rules" / Path(pattern).name) for pattern in told["rule_files"]
    ]
    (job,) = [job for job in told["scrape_configs"] if job["job_name"] == "rungwise"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
    job["authorization"]["credentials_file"] = str(home / "key")
    told["scrape_configs"] = [job]
    return told


def promtool(*arguments: str | Path) -> str:
    """What it says; an AssertionError where it fails."""
    binary = program("prometheus", "promtool", "prometheus")
    ended = subprocess.run([binary, *arguments], capture_output=True, text=True)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    return said


_SELECTOR = re.compile(r"(?<![\w:\"])[a-z_:]*(?:rungwise|up)\w*(?::\w+)*(?:\{[^}]*\})?")


def selectors(expr: str) -> list[str]:
    """The series that an expression asks for, each with its matchers."""
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", expr)
    return [found for found in _SELECTOR.findall(bare) if re.match(r"up\b|.*rungwise", found)]
