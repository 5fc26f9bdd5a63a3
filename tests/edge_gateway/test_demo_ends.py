"""However a demo ends, nothing that it started goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.integration


def demo(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge_gateway", "demo", "--folder", str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_sigterm_in_the_middle_leaves_no_process(tmp_path: Path) -> None:
    with demo(tmp_path / "demo") as process:
        end = time.monotonic() + 60
        family: list[psutil.Process] = []
        while len(family) < 5:  # the plant, the supervisor and its three
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
            family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=40)
        assert process.returncode == 1
        assert "stopped before its end" in told
    _, alive = psutil.wait_procs(family, timeout=1)
    assert alive == []


def test_a_report_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    with demo(tmp_path / "demo", "--report", str(tmp_path)) as process:
        told, _ = process.communicate(timeout=20)
        assert process.returncode == 2
        assert "Is a directory" in told
