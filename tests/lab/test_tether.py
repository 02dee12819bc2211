"""A module under the tether cannot tell it from `python -m`."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_module_runs_as_python_m_would_run_it(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(
        "import sys\n"
        "print(sys.argv, __name__, __spec__.name, sys.modules['__main__'].__spec__.name)\n"
        "sys.exit(7)"
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def said(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, text=True, env=environ
        )

    plain = said("told", "a", "-b")
    tethered = said("rungwise.lab.tether", str(os.getpid()), "told", "a", "-b")
    assert (tethered.returncode, tethered.stdout) == (plain.returncode, plain.stdout)
    assert plain.returncode == 7 and "['" in plain.stdout and "told" in plain.stdout
