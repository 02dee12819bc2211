"""The demo's smallest model as a repository of the hub's double, and one run of fetching it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rungwise.weights.fetching import Plan, carry_out, check_room, plan
from rungwise.weights.from_hub import HubSource
from rungwise.weights.sources import Sought, Source
from tests.doubles.hub import Hub

DEMO = Path(__file__).parents[2] / "models" / "demo" / "bottom"
MODEL, WEIGHTS = "org/bottom", "model.safetensors"


def demo_files() -> dict[str, bytes]:
    """With what is beside a model in a repository of the hub and is never fetched."""
    files = {path.name: path.read_bytes() for path in sorted(DEMO.iterdir())}
    left = {
        ".gitattributes": b"*.safetensors filter=lfs\n",
        "README.md": b"# bottom\n",
        "modeling_bottom.py": b"print('never')\n",
        "pytorch_model.bin": b"a pickle",
        "onnx/model.onnx": b"another",
        "original/consolidated.00.pth": b"a third",
    }
    return {**files, "LICENSE": b"Apache-2.0\n", **left}


WANTED = sorted({*(path.name for path in DEMO.iterdir()), "LICENSE"})


def demo_hub(files: Mapping[str, bytes] | None = None, **more: object) -> Hub:
    hub = Hub(**more)  # type: ignore[arg-type]
    hub.add(MODEL, demo_files() if files is None else files)
    return hub


@dataclass
class Run:
    """What was said, and how far the bar got."""

    said: list[str] = field(default_factory=list)
    moved: int = 0
    plan: Plan | None = None

    def advance(self, count: int) -> None:
        self.moved += count


def fetch(
    hub: Hub | Source, to: Path, revision: str | None = None, *, model: str = MODEL, **more: bool
) -> Run:
    run = Run()
    source = HubSource(endpoint=hub.url) if isinstance(hub, Hub) else hub
    sought = Sought(repository=model, revision=revision, **more)
    run.plan = plan(source, sought, to, say=run.said.append)
    check_room([run.plan], to)
    carry_out(source, run.plan, say=run.said.append, advance=run.advance)
    return run
