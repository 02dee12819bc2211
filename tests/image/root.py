"""What would the image hold? Its last two stages, made in a folder without docker: the packages,
the files that are copied, a user without rights, and the places that may be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.image.dockerfile import ROOT, copied, instructions

__all__ = ["USER", "Root", "made_root"]

USER = int(instructions("USER")[0].partition(":")[0])
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class Root:
    folder: Path

    @property
    def app(self) -> Path:
        return self.folder / "opt" / "rungwise"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def scrape(self) -> Path:
        return self.folder / "scrape"

    def environ(self, **more: str) -> dict[str, str]:
        """All that a process in the image knows, and where its places are here."""
        (told,) = instructions("ENV", "server")
        image = dict(word.partition("=")[::2] for word in told.split())
        home = str(self.folder / "home")
        return {
            **{name: value.replace(image["HOME"], home) for name, value in image.items()},
            "PATH": f"{self.folder / 'opt' / 'venv' / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
            "LD_LIBRARY_PATH": str(self.folder / "python" / "lib"),
            "TMPDIR": str(self.folder / "tmp"),
            "RUNGWISE_DATA": str(self.data),
            "RUNGWISE_SCRAPE": str(self.scrape),
            **more,
        }

    def as_user(self, *command: str) -> Sequence[str]:
        """The command, of a user who is nobody here; of this one, where that cannot be changed."""
        if os.getuid() != 0:
            return command
        ids = (f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs")
        return ("setpriv", *ids, "--bounding-set=-all", "--inh-caps=-all", *command)

    def run(self, *command: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.as_user(*command),
            env=environ,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
        )

    def written_elsewhere(self) -> list[str]:
        """What of this user's is not in the places that are his, since the root was made: nobody
        else has his number."""
        own = ("home", "data", "scrape", "tmp")
        skipped = [
            word for name in own for word in ("-path", str(self.folder / name), "-prune", "-o")
        ]
        places = [place for place in ("/tmp", "/var", "/run", "/dev/shm") if Path(place).is_dir()]
        found = subprocess.run(
            ["find", *places, *skipped, "-uid", str(USER), "-newer", str(self.app), "-print"],
            capture_output=True,
            text=True,
        )
        return found.stdout.split()


@contextmanager
def made_root() -> Iterator[Root]:
    with tempfile.TemporaryDirectory(prefix="rungwise-image-", dir="/tmp") as made:
        root = Root(Path(made))
        root.folder.chmod(0o755)
        _copy(root.app, [*copied("packages"), *copied("server")])
        _install(root)
        for place in ("home", "data", "scrape", "tmp"):
            (root.folder / place).mkdir()
            if os.getuid() == 0:
                os.chown(root.folder / place, USER, USER)
        yield root


def _copy(app: Path, sources: Sequence[str]) -> None:
    for source in sources:
        here, there = ROOT / source, app / source
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(here, there, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy(here, there)


def _install(root: Root) -> None:
    """Our own package as the image has it, a wheel and no checkout, above the packages that are
    installed here: the image's lists are those of this environment. Python itself may stand where
    another user cannot look, so it is copied."""
    home, venv = root.folder / "python", root.folder / "opt" / "venv"
    base, library = Path(sys.base_prefix), Path("lib") / _VERSION
    ignored = shutil.ignore_patterns("*-packages", "test", "config-*", "__pycache__")
    shutil.copytree(base / library, home / library, ignore=ignored, symlinks=True)
    headers = Path("include") / _VERSION  # engines compile while they start
    if (base / headers).is_dir():
        shutil.copytree(base / headers, home / headers)
    for shared in (base / "lib").glob("libpython3*.so*"):
        shutil.copy(shared, home / "lib", follow_symlinks=False)
    (home / "bin").mkdir()
    python = shutil.copy(base / "bin" / _VERSION, home / "bin")
    environ = root.environ()
    _quietly(environ, str(python), "-m", "venv", "--without-pip", str(venv))
    packages = venv / library / "site-packages"
    (packages / "packages.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    alone = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    pip = (sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install")
    _quietly(environ, *pip, *alone, str(root.app))


def _quietly(environ: Mapping[str, str], *command: str) -> None:
    environ = {**os.environ, **environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
