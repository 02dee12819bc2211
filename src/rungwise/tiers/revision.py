"""Which weights does a tier serve, and how are they run? What a calibration belongs to."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rungwise.config import AdapterTierConfig, TierConfig, VllmTierConfig
from rungwise.tiers.local.adapter_files import digest_of

__all__ = ["MANIFEST", "revision_of"]

MANIFEST = "rungwise.json"
"""What `rungwise models fetch` leaves beside the files: which they are, their sizes and hashes. It
says nothing new of them."""
ENDS = 64 * 1024
"""Bytes read at each end of a weight file: its header, and weights that any training changes."""


def revision_of(config: TierConfig, of: VllmTierConfig | None = None) -> str:
    """A short text that changes when the model does.

    For a model in a folder it is a digest of its configuration, its tokenizer and both ends of
    each weight file; for one of a hub its pinned revision; for a hosted one the id that is asked
    for. How a local model is run (dtype, quantisation, a chat template of the owner's) is a part
    of it, because log-probabilities depend on that. For an adapter, which needs `of`, the section
    of the rung that it adapts, it is a digest of its files beside that rung's own revision.
    """
    if isinstance(config, AdapterTierConfig):
        assert of is not None, "an adapter alone is no model"
        return f"{digest_of(config)}@{revision_of(of)}"
    if not isinstance(config, VllmTierConfig):
        return config.model
    engine, folder = config.engine, Path(config.model).expanduser()
    weights = _digest(folder) if folder.is_dir() else config.revision or "unpinned"
    run = [engine.dtype, *([engine.quantization] if engine.quantization else [])]
    if engine.chat_template is not None and engine.chat_template.is_file():
        run.append(hashlib.sha256(engine.chat_template.read_bytes()).hexdigest()[:8])
    return "/".join((weights, *run))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix == ".safetensors":
            digest.update(f"{file.name} {file.stat().st_size}\n".encode())
            digest.update(_ends(file))
        elif file.suffix in (".json", ".jinja") and file.name != MANIFEST:
            digest.update(file.name.encode() + b"\n" + file.read_bytes())
    return digest.hexdigest()[:16]


def _ends(file: Path) -> bytes:
    with file.open("rb") as stream:
        head = stream.read(ENDS)
        stream.seek(max(0, file.stat().st_size - ENDS))
        return head + stream.read(ENDS)
