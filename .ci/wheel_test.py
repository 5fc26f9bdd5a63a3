"""Builds the wheel, installs it beside the locked dependencies in a fresh environment, and runs the tests there.

With `--python PATH` the environment is of another Python, which is then tested by the same run.

The tests are copied to a folder without the sources, so that a module missing from the wheel is missing for them too.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def call(*command: str | Path, cwd: Path = ROOT) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=sys.executable)
    given, further = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="sluicegate-wheel-") as name:
        work = Path(name)
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        call(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", work, ROOT)
        (wheel,) = work.glob("sluicegate-*.whl")
        call(given.python, "-m", "venv", work / "env")
        python = work / "env" / "bin" / "python"
        install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        call(*install, "--require-hashes", "-r", ROOT / "requirements.lock")
        call(*install, "--no-deps", wheel)
        shutil.copytree(ROOT / "tests", work / "elsewhere" / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("pyproject.toml", "requirements.lock", "README.md", "CHANGELOG.md", "Makefile"):
            shutil.copy(ROOT / file, work / "elsewhere")
        # What talks to the servers of tests is tested from the sources; here it matters that all is in the wheel
        chosen = "not integration and not faults and not slow and not container"
        return subprocess.run(
            [python, "-m", "pytest", "-q", "-nauto", "--dist=worksteal", "-m", chosen, *further],
            cwd=work / "elsewhere",
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
