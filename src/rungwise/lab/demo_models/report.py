"""How did training go? Curves as a picture, and what the models can do as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rungwise.counted import wilson
from rungwise.lab.demo_models.shapes import NAMES

__all__ = ["report"]

STEPS = 450


def report(models: Path, build: Path) -> None:
    """Write training.png and training.json beside the models. Needs the runs' own notes."""
    runs = [json.loads((build / f"{name}.json").read_text()) for name in NAMES]
    _plot(runs, models / "training.png")
    for run in runs:
        run["test"] = _test(models / run["name"])
        del run["losses"]
    (models / "training.json").write_text(json.dumps({"runs": runs}, indent=1) + "\n")


def _test(folder: Path) -> dict[str, Any]:
    """Greedy accuracy on the test split, with a 95 % interval, by plain transformers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rungwise.lab.demo_models.evaluate import accuracy

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    shares = accuracy(model, tokenizer, "test", STEPS)
    low, high = wilson(round(shares["all"] * STEPS), STEPS)
    return {"count": STEPS, "accuracy": shares, "accuracy_interval": [low, high]}


def _plot(runs: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for run in runs:
        label = f"{run['name']} ({run['parameters'] / 1e6:.2f}M)"
        steps, losses = zip(*run["losses"], strict=True)
        left.plot(steps, losses, label=label)
        minutes = [seconds / 60 for seconds, _ in run["scores"]]
        right.plot(minutes, [s["all"] for _, s in run["scores"]], marker="o", label=label)
    left.set(xlabel="optimiser step", ylabel="training loss (nats a token)", yscale="log")
    right.set(xlabel="minutes", ylabel="accuracy, 90 calibration steps", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
