"""`sluicegate scan` and `sluicegate peek` over every transport, against pymodbus's servers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_gateway.cli import app

pytestmark = pytest.mark.integration

PEER = Path(__file__).parent.parent / "peers" / "pymodbus_line_peer.py"
TRANSPORTS = ("tcp", "udp", "tls", "rtu_over_tcp", "rtu")


@pytest.fixture(params=TRANSPORTS)
def url(request: Any, port: int, line: tuple[str, str], start: Any, certificates: Path) -> str:
    """Unit 1 with the holding registers 0..199, which hold 1000 + their address."""
    theirs, ours = line
    start(sys.executable, str(PEER), request.param, theirs if request.param == "rtu" else str(port), str(certificates))
    if request.param == "rtu":
        return f"modbus+rtu://{ours}?baudrate=115200&parity=N&unit_id=1"
    scheme = f"modbus+{request.param}".replace("_", "-")
    if request.param == "tls":
        files = {"ca_file": "authority.pem", "certificate": "gateway.pem", "private_key": "gateway.key"}
        options = "&".join(f"{key}={certificates / name}" for key, name in files.items())
        return f"{scheme}://127.0.0.1:{port}/1?{options}"
    return f"{scheme}://127.0.0.1:{port}/1"


def sluicegate(*words: str) -> Any:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_scan_and_peek_over(url: str) -> None:
    quick = ("--pause", "0", "--timeout", "0.2", "--json")
    peeked = sluicegate("peek", url, "holding:7", *quick)
    assert peeked.exit_code == 0, peeked.stderr
    assert {item["address"]: item["value"] for item in json.loads(peeked.stdout)}["holding:7:uint16:AB"] == 1007
    scanned = sluicegate("scan", url, "--table", "holding", "--last", "999", "--step", "64", *quick)
    assert scanned.exit_code == 0, scanned.stderr
    (unit,) = json.loads(scanned.stdout)["units"]
    assert unit["ranges"] == {"holding": [[0, 199]]}


def test_a_serial_line_with_nobody_on_it_is_told_so(line: tuple[str, str]) -> None:
    result = sluicegate("peek", f"modbus+rtu://{line[1]}?baudrate=115200&parity=N", "holding:0", "--timeout", "0.1")
    assert result.exit_code == 1
    assert "check the unit id, baudrate, parity and stop_bits" in result.stderr


def test_a_port_that_is_not_there_is_told_so() -> None:
    result = sluicegate("peek", "modbus+rtu:///dev/no-such-port", "holding:0")
    assert result.exit_code == 1
    assert "rtu /dev/no-such-port 19200 8E1" in result.stderr
