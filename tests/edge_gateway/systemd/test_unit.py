"""The unit for systemd: understood by it, as closed as promised, and fit for what the gateway does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_gateway.exit_codes import Exit
from edge_gateway.supervisor import _GRACE_S
from edge_gateway.verdict import BEAT_S
from tests.edge_gateway.systemd.confine import UNIT, settings

ANALYZE = shutil.which("systemd-analyze")
needs_analyze = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is missing: apt-get install systemd")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ANALYZE), *arguments], capture_output=True, text=True, timeout=60, check=False)


def verified(text: str, tmp_path: Path) -> str:
    """What systemd has to say of a unit; the program need not be installed here."""
    here = tmp_path / "sluicegate.service"
    here.write_text(text.replace("/opt/sluicegate/bin/sluicegate", "/bin/true"))
    done = analyze("verify", "--man=no", str(here))
    return "\n".join(line for line in done.stderr.splitlines() if "sluicegate" in line)


@needs_analyze
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    assert verified(UNIT.read_text(), tmp_path) == ""


@needs_analyze
def test_the_check_would_see_a_misspelt_key(tmp_path: Path) -> None:
    assert "ProtectSytem" in verified(UNIT.read_text().replace("ProtectSystem", "ProtectSytem"), tmp_path)


@needs_analyze
def test_it_is_as_closed_as_promised() -> None:
    done = analyze("security", "--offline=true", "--no-pager", str(UNIT))
    match = re.search(r"Overall exposure level for sluicegate.service: ([0-9.]+)", done.stdout)
    assert match, done.stderr
    assert float(match[1]) <= 1.5


def test_its_times_fit_those_of_the_supervisor() -> None:
    told = {key: values[-1] for key, values in settings(UNIT).items()}
    assert int(told["TimeoutStopSec"]) >= sum(_GRACE_S.values())
    assert int(told["WatchdogSec"]) >= 4 * BEAT_S, "the supervisor mends first"
    assert told["RestartPreventExitStatus"] == str(int(Exit.CONFIG))
    assert (told["Type"], told["NotifyAccess"], told["KillMode"]) == ("notify", "main", "mixed")


def test_secrets_come_as_credentials_and_nothing_is_in_its_environment() -> None:
    told = settings(UNIT)
    assert told["LoadCredential"] == ["secrets:/etc/sluicegate/secrets"]
    assert not {"EnvironmentFile", "SetCredential"} & told.keys()
