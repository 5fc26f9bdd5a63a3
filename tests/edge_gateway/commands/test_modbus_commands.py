"""`scan` and `peek` against pymodbus's server in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from edge_gateway.cli import app
from edge_gateway.commands.peek import PeekWish
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.scan import ScanWish

PEER = Path(__file__).parents[2] / "connectors" / "modbus" / "peers" / "modbus_peer.py"

PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}

Sluicegate = Callable[..., Result]


@pytest.fixture
def sluicegate() -> Sluicegate:
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Unit 1 with holding registers 0..199 and 300..305; see the peer's own words."""
    port = free_port()
    with subprocess.Popen([sys.executable, str(PEER), str(port)], **PIPES) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "READY\n"
        yield f"modbus://127.0.0.1:{port}"
        server.kill()


@pytest.mark.integration
def test_scan_finds_the_unit_and_its_registers(sluicegate: Sluicegate, endpoint: str) -> None:
    words = ("scan", endpoint, "--units", "1", "--pause", 0, "--timeout", 0.3, "--last", 999, "--step", 4)
    result = sluicegate(*words, "--table", "holding", "--json")
    assert result.exit_code == 0, result.stderr
    (unit,) = json.loads(result.stdout)["units"]
    assert unit["unit"] == 1
    assert unit["ranges"] == {"holding": [[0, 199], [300, 305]]}
    assert unit["complete"]
    shown = sluicegate(*words, "--table", "holding", "--limit", 40)
    assert shown.stdout.splitlines()[1].startswith("  holding\t0-199")
    assert "there may be more" in shown.stderr


@pytest.mark.integration
def test_scan_does_not_search_a_unit_that_only_fails(sluicegate: Sluicegate, endpoint: str) -> None:
    result = sluicegate("scan", f"{endpoint}/77", "--pause", 0)  # exception 04 to all, from this server
    assert result.stdout.splitlines() == ["unit 77\t4 requests", "  nothing that could be read"]


def test_scan_says_that_nobody_answers(sluicegate: Sluicegate) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        result = sluicegate("scan", f"modbus://127.0.0.1:{silent.getsockname()[1]}", "--units", "1", "--timeout", 0.1)
    assert result.exit_code == 1
    assert "none of 1 units answers" in result.stderr


@pytest.mark.integration
def test_peek_marks_the_float_and_its_order(sluicegate: Sluicegate, endpoint: str) -> None:
    result = sluicegate("peek", f"{endpoint}/1", "holding:304-305", "--json", "--pause", 0)
    assert result.exit_code == 0, result.stderr
    told = {item["address"]: item for item in json.loads(result.stdout)}
    assert told["holding:304:float32:CDAB"] == {
        "address": "holding:304:float32:CDAB",
        "value": 1.5,
        "plausible": True,
        "text": "",
    }
    assert not told["holding:304:float32:ABCD"]["plausible"]
    shown = sluicegate("peek", f"{endpoint}/1", "holding:304-305", "--pause", 0).stdout
    assert "*\tholding:304:float32:CDAB\t1.5\t" in shown.splitlines()
    assert "float32:ABCD" not in shown
    assert "float32:ABCD" in sluicegate("peek", endpoint, "holding:304-305", "--all", "--pause", 0).stdout


@pytest.mark.integration
def test_peek_says_what_the_device_refused(sluicegate: Sluicegate, endpoint: str) -> None:
    result = sluicegate("peek", endpoint, "holding:250", "--pause", 0)
    assert result.exit_code == 1
    assert "illegal data address; sluicegate scan shows" in result.stderr


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1-3", (1, 2, 3)),
        ("5, 1,5", (5, 1)),
        ("0,255", (0, 255)),
        ("256", None),
        ("a", None),
        ("", None),
        ("1-999", None),
    ],
)
def test_unit_lists(text: str, units: tuple[int, ...] | None) -> None:
    wish = ScanWish.read(text, (), 1, 1, 1, as_json=False)
    assert isinstance(wish, Refusal) if units is None else wish.units == units  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["holding", "holding:9-3", "holding:0-125", "coil:0-2000", "word:1", "input:70000"])
def test_stretches_that_cannot_be_read(text: str) -> None:
    assert isinstance(PeekWish.read(text, False, False), Refusal)
    assert isinstance(PeekWish.read("holding:0-124", False, False), PeekWish)


@pytest.mark.parametrize("command", ["plan", "scan", "peek", "browse", "read", "check", "run", "train", "demo"])
def test_help_can_be_shown(sluicegate: Sluicegate, command: str) -> None:
    assert sluicegate(command, "--help").exit_code == 0, "brackets in a help text are markup"


def test_an_unknown_table_is_refused(sluicegate: Sluicegate) -> None:
    result = sluicegate("scan", "modbus://plc", "--table", "registers")
    assert result.exit_code == 2
    assert "Use one of coil, discrete, input, holding" in result.stderr


def test_nobody_there(sluicegate: Sluicegate) -> None:
    result = sluicegate("scan", f"modbus://127.0.0.1:{free_port()}", "--units", "1")
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
