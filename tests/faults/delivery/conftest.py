"""How often each fault is made, and where its figures go."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.delivery.rows import ROWS

FULL = os.environ.get("DELIVERY_FAULTS") == "full"


@pytest.fixture
def times():
    """`times(few, full)`: so often in `make test`, so often in `make delivery-faults`; CUTS in the environment wins."""

    def times(few: int, full: int, variable: str = "") -> int:
        if text := os.environ.get(variable):
            return int(text)
        return full if FULL else few

    return times


@pytest.fixture
def account():
    """Keeps the figures of a fault for the table."""

    def account(fault: str, how: str, *, runs: int, lost: int, twice: int, recovery_s: float | None, told: str = ""):
        assert (fault, how) in ROWS
        row = {"fault": fault, "how": how, "runs": runs, "lost": lost, "twice": twice, "recovery_s": recovery_s}
        if path := os.environ.get("FAULTS_TABLE"):
            with Path(path).open("a") as file:
                file.write(json.dumps({**row, "told": told}) + "\n")

    return account


@pytest.fixture
def small_disk(tmp_path):
    """`small_disk(bytes)`: a real ext4 of its own, which can be full and can lose its power."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    mounted = []

    @contextmanager
    def small_disk(size: int):
        image, point = tmp_path / "disk.img", tmp_path / "disk"
        with image.open("wb") as file:
            file.truncate(size)
        point.mkdir()
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        disk = Disk(image, point)
        disk.mount()
        mounted.append(disk)
        try:
            yield disk
        finally:
            disk.unmount()

    return small_disk


class Disk:
    """An ext4 in a file."""

    def __init__(self, image: Path, point: Path):
        self.image = image
        self.point = point

    def mount(self):
        done = subprocess.run(
            ["mount", "-o", "loop", self.image, self.point], check=False, capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no loop mounts here: {done.stderr.strip()}")

    def unmount(self):
        subprocess.run(["umount", self.point], check=True)
