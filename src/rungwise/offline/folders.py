"""Which files of a model's folder are carried? Weights as safetensors and what describes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rungwise.offline.manifest import plain_name
from rungwise.offline.plain import BundleError

__all__ = ["configs_of", "model_files"]

CARRIED = {".safetensors", ".json", ".jinja", ".txt", ".model", ".md", ".yaml", ".tiktoken"}
NAMES = {"LICENSE", "NOTICE", "USE_POLICY", "README"}
PICKLES = {".bin", ".ckpt", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"}


def model_files(folders: Sequence[Path]) -> dict[str, Path]:
    """Name in the bundle -> file, for each folder. Hidden files are passed over; a pickle, code,
    a link, or a folder without weights or without config.json is a BundleError."""
    files: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BundleError(f"{folder}: no folder")
        found = dict(_below(folder, f"models/{folder.resolve().name}"))
        if not any(name.endswith(".safetensors") for name in found):
            raise BundleError(f"{folder}: no *.safetensors in it: no model, or not as safetensors")
        if f"models/{folder.resolve().name}/config.json" not in found:
            raise BundleError(f"{folder}: no config.json in it")
        if files.keys() & found.keys():
            raise BundleError(f"{folder}: a second model folder of that name")
        files |= found
    return files


def configs_of(project: Path) -> dict[str, Path]:
    """Name in the bundle -> file: the configurations that come with the project."""
    return {f"configs/{file.name}": file for file in sorted(project.glob("configs/*.yaml"))}


def _below(folder: Path, name: str) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_symlink():
            raise BundleError(f"{path}: a link, which is not followed: copy the folder without it")
        if path.is_dir():
            found += _below(path, f"{name}/{path.name}")
        else:
            found.append((_allowed(path, f"{name}/{path.name}"), path))
    return found


def _allowed(path: Path, name: str) -> str:
    if path.suffix in PICKLES:
        raise BundleError(f"{path}: may run code when it is read: only safetensors are carried")
    if path.suffix not in CARRIED and path.stem not in NAMES:
        raise BundleError(f"{path}: is neither weights nor what describes them: take it out")
    if not plain_name(name):
        raise BundleError(f"{path}: has a name that may not be carried: rename it")
    return name
