"""Doors open downwards: which room may import which, what loads lazily, how large a file may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "rungwise"
SIBLINGS = {
    "access",
    "policy",
    "tiers",
    "confidence",
    "verify",
    "cache",
    "ledger",
    "drift",
    "observe",
}
STOREYS = [
    {"types"},
    {"errors"},
    {
        "config",
        "contracts",
        "counted",
        "days",
        "drafts",
        "errand",
        "escalations",
        "golden_file",
        "traceparent",
    },
    {"deadline", "store"},
    SIBLINGS,
    {"feasible", "golden", "headstart", "idle", "offline", "weights"},
    {"attempts", "story"},
    {"auditing", "cascade", "lab"},
    {"once"},
    {"edge"},
    {"build"},
    {"demo"},
    {"cli"},
    {"__main__"},
]
STOREY = {room: level for level, rooms in enumerate(STOREYS) for room in rooms}
READS_ENVIRONMENT = {
    "config/load.py",
    "tiers/local/vllm_compat.py",
    "tiers/local/vllm_processes.py",
    "lab/children.py",
}
HEAVY = (
    "vllm",
    "torch",
    "transformers",
    "openai",
    "anthropic",
    "pynvml",
    "sklearn",
    "alembic",
    "matplotlib",
    "redis",
    "opentelemetry",
    "playwright",
)


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[0]


def imports(path: Path) -> Iterator[str]:
    """The rooms that a file imports, at any depth of nesting."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import hides which room it means"
            if node.module == "rungwise":
                yield from (name.name for name in node.names if name.name in STOREY)
            elif (node.module or "").startswith("rungwise."):
                yield node.module.split(".")[1]  # type: ignore[union-attr]
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.name.startswith("rungwise."):
                    yield name.name.split(".")[1]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_doors_open_downwards(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    own = {"attempts", "story"}  # a step and its parts: one subject in two files
    for other in set(imports(path)) - (own if room in own else {room}):
        assert STOREY[other] < STOREY[room], f"{room} must not import {other}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_are_small_and_say_what_they_answer(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, "probably two subjects"
    assert ast.get_docstring(ast.parse(text)), "opens with one line: which question it answers"


def test_cascade_stays_one_screen_or_four() -> None:
    assert len((SOURCE / "cascade.py").read_text().splitlines()) < 250


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_effects_have_one_address(path: Path) -> None:
    name = str(path.relative_to(SOURCE))
    text = path.read_text(encoding="utf-8")
    if name not in READS_ENVIRONMENT:
        assert "os.environ" not in text and "getenv" not in text, "the environment: config/load.py"
    if not name.startswith(("observe/metrics_", "lab/boards/")):
        assert "rungwise_" not in text, "metric names: observe/metrics_*.py, and their boards"
    for forbidden in ("import pickle", "eval(", "exec(", "trust_remote_code=True"):
        assert forbidden not in text.replace("model.eval(", "").replace("_exec(", "")


def test_importing_every_module_loads_nothing_heavy() -> None:
    names = [
        ".".join(("rungwise", *path.relative_to(SOURCE).with_suffix("").parts))
        for path in modules()
        if not {"demo_models", "migrations"} & set(path.parts)
        and path.name not in ("__init__.py", "__main__.py")
    ]
    code = (
        "import sys\n"
        + "\n".join(f"import {name}" for name in names)
        + f"\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_help_loads_no_database_either() -> None:
    code = (
        "import sys\nfrom rungwise.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('sqlalchemy' in sys.modules, file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "False"


def test_every_exported_name_exists() -> None:
    from importlib import import_module

    for path in modules():
        if {"demo_models", "migrations"} & set(path.parts) or path.name == "__main__.py":
            continue
        parts = path.relative_to(SOURCE).with_suffix("").parts
        module = import_module(".".join(("rungwise", *(p for p in parts if p != "__init__"))))
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), f"{module.__name__} exports {name}, which it lacks"
