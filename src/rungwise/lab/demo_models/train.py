"""How is one demo model trained? From scratch, on the train split, for a stated time."""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rungwise.lab.demo_models.batches import IGNORED, Batch, batches, make_samples
from rungwise.lab.demo_models.evaluate import accuracy
from rungwise.lab.demo_models.shapes import make_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["train"]

TOKENS = 6144
"""Tokens a step, whichever kind of row."""
PLAIN, FRAMED = 384, 1024
"""Row lengths without and with the system prompt; every sample fits either."""
SYSTEM_SHARE = 0.15
"""Steps with the system prompt in the first part of training; all of them in the last part."""
LAST_PART = 0.82
RATE = {"muon": 0.006, "adamw": 0.003}


def train(
    name: str,
    tokenizer: PreTrainedTokenizerFast,
    *,
    minutes: float,
    folder: Path,
    build: Path,
    samples: int = 160_000,
    seed: int = 0,
    fused: bool = False,
) -> dict[str, Any]:
    """Train `name` for `minutes` of its own time, resuming from `build` where a run was cut off.

    The schedule follows the time spent, so that the rate always ends at zero.
    """
    torch.manual_seed(seed)
    data = make_samples(tokenizer, samples, seed)
    model = make_model(name, len(tokenizer))
    optimizers = _optimizers(model)
    state = _Progress(build / f"{name}.pt", model, optimizers)
    state.resume()
    loss_of = torch.compile(_Loss(model), dynamic=False) if fused else _Loss(model)
    plain = _ahead(
        batches(tokenizer, data, rows=TOKENS // PLAIN, length=PLAIN, system=False, seed=state.step)
    )
    framed = _ahead(
        batches(tokenizer, data, rows=TOKENS // FRAMED, length=FRAMED, system=True, seed=state.step)
    )
    budget = minutes * 60
    told = saved = time.monotonic()
    while state.seconds < budget:
        began = time.monotonic()
        part = state.seconds / budget
        _set_rate(optimizers, part, state.step)
        with_system = part > LAST_PART or state.step % round(1 / SYSTEM_SHARE) == 0
        loss = _step(loss_of, optimizers, next(framed if with_system else plain))
        state.note(loss, time.monotonic() - began)
        if time.monotonic() - told > 15:
            told = time.monotonic()
            _tell(name, state, budget)
        if time.monotonic() - saved > 240:
            state.save()
            state.scores.append((state.seconds, accuracy(model, tokenizer, "calibration", 90)))
            export(model, tokenizer, folder)
            saved = time.monotonic()
            print(f"\n{name} {state.scores[-1]}", flush=True)
    export(model, tokenizer, folder)
    state.save()
    return {
        "name": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": state.step,
        "tokens": state.step * TOKENS,
        "minutes": round(state.seconds / 60, 1),
        "seed": seed,
        "losses": state.losses,
        "scores": state.scores,
    }


def export(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write what vLLM serves: config, bfloat16 safetensors, tokenizer, chat template."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = model.state_dict()
    copy = type(model)(model.config).to(torch.bfloat16)
    copy.load_state_dict(kept)
    copy.config.dtype = torch.bfloat16
    copy.generation_config.eos_token_id = 1
    copy.generation_config.pad_token_id = 0
    copy.generation_config.bos_token_id = None
    copy.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


class _Loss(torch.nn.Module):
    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        logits = self.model(
            input_ids=ids,
            position_ids=positions,
            attention_mask={"full_attention": mask, "sliding_attention": mask}
            if self.model.config.model_type == "gemma3_text"
            else mask,
            use_cache=False,
        ).logits
        each = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="none"
        )
        return (each * weights.flatten()).sum() / weights.sum()


class _Progress:
    """What a resumed run needs, kept beside the weights."""

    def __init__(self, path: Path, model: torch.nn.Module, optimizers: list[Any]) -> None:
        self.path, self.model, self.optimizers = path, model, optimizers
        self.step, self.seconds = 0, 0.0
        self.losses: list[tuple[int, float]] = []
        self.scores: list[tuple[float, dict[str, float]]] = []
        self.mean = 0.0

    def note(self, loss: float, seconds: float) -> None:
        self.step += 1
        # the first step compiles: its time is not training
        self.seconds += min(seconds, 3.0)
        self.mean = loss if self.step == 1 else 0.98 * self.mean + 0.02 * loss
        if self.step % 20 == 0:
            self.losses.append((self.step, round(self.mean, 4)))

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizers": [o.state_dict() for o in self.optimizers],
                "notes": json.dumps([self.step, self.seconds, self.losses, self.scores, self.mean]),
            },
            partial,
        )
        partial.replace(self.path)

    def resume(self) -> None:
        if not self.path.exists():
            return
        kept = torch.load(self.path, weights_only=True)
        self.model.load_state_dict(kept["model"])
        for optimizer, state in zip(self.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step, self.seconds, self.losses, self.scores, self.mean = json.loads(kept["notes"])


def _optimizers(model: torch.nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for embeddings and norms."""
    hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(
            hidden, lr=RATE["muon"], weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=RATE["adamw"], weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def _set_rate(optimizers: list[torch.optim.Optimizer], part: float, step: int) -> None:
    """Warm up over 100 steps, then a cosine down to 2 % of the rate."""
    shape = min(1.0, (step + 1) / 100) * (
        0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))
    )
    for optimizer, rate in zip(optimizers, RATE.values(), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate * shape


def _step(loss_of: Any, optimizers: list[torch.optim.Optimizer], batch: Batch) -> float:
    loss = loss_of(batch.ids, batch.positions, batch.mask, batch.labels, batch.weights)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _tell(name: str, state: _Progress, budget: float) -> None:
    done = min(1.0, state.seconds / budget)
    bar = "#" * round(30 * done)
    pace = state.seconds / state.step
    line = f"{name} [{bar:<30}] {done:4.0%} step {state.step} loss {state.mean:.3f}"
    print(f"\r{line} {pace:.2f} s/step", end="", flush=True)


def _ahead(source: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, made by a thread while the last step is computed."""
    made: queue.Queue[Batch] = queue.Queue(maxsize=3)

    def make() -> None:
        for batch in source:
            made.put(batch)

    threading.Thread(target=make, daemon=True).start()
    while True:
        yield made.get()
