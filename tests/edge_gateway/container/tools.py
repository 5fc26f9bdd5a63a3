"""Tools of others that read the container's files, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_BIN = Path(os.environ.get("SLUICEGATE_CONTAINER_TOOLS", ROOT / "var" / "container")) / "bin"


def tool(name: str, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What it said; the test is skipped where it is not."""
    if not (_BIN / name).exists():
        pytest.skip(f"no {name} here: make var/container/.ready installs it")
    command = [str(_BIN / name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})
