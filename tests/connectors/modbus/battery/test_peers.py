"""The master against servers that others have written: libmodbus, jsmodbus, pymodbus; and mbpoll reads the same."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import DeviceException
from connectors.modbus.address import Table
from connectors.modbus.endpoint import Endpoint, connect
from connectors.modbus.master import Master

pytestmark = pytest.mark.integration

PEERS = Path(__file__).parent.parent / "peers"
PACKAGES = Path(__file__).parents[4] / "var" / "modbus-node"


def needs(*commands: str) -> None:
    for command in commands:
        if shutil.which(command) is None:
            pytest.skip(f"{command} is not installed (Debian: apt install gcc libmodbus-dev pkg-config mbpoll nodejs)")


@pytest.fixture(scope="module")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> str:
    needs("gcc", "pkg-config")
    ask = ["pkg-config", "--cflags", "--libs", "libmodbus"]
    flags = subprocess.run(ask, capture_output=True, text=True, check=False)
    if flags.returncode != 0:
        pytest.skip("libmodbus-dev is not installed (Debian: apt install libmodbus-dev)")
    binary = str(tmp_path_factory.mktemp("libmodbus") / "peer")
    subprocess.run(["gcc", "-O1", "-Wall", PEERS / "libmodbus_peer.c", "-o", binary, *flags.stdout.split()], check=True)
    return binary


async def read(endpoint: Endpoint, reads: list[tuple[Table, int, int]]) -> list[bytes | int]:
    """Payloads, or the codes of exceptions."""
    transport = await connect(endpoint, timedelta(seconds=3))
    settings: Any = {"timeout": timedelta(milliseconds=800), "pause": timedelta(0), "monotonic": time.monotonic_ns}
    master = Master(transport, Counter(), framing=endpoint.framing, **settings)
    got: list[bytes | int] = []
    for table, first, count in reads:
        try:
            got.append((await master.read(1, table, first, count)).payload)
        except DeviceException as error:
            got.append(error.code)
    master.abort()
    return got


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def bits(values: list[bool]) -> bytes:
    return sum(value << i for i, value in enumerate(values)).to_bytes((len(values) + 7) // 8, "little")


WHOLE = [
    (Table.HOLDING, 0, 125),
    (Table.INPUT, 75, 125),
    (Table.COIL, 1, 199),
    (Table.DISCRETE, 0, 13),
    (Table.HOLDING, 300, 2),
    (Table.HOLDING, 400, 1),
]
TRUE = [
    words(*range(1000, 1125)),
    words(*range(2075, 2200)),
    bits([i % 3 == 0 for i in range(1, 200)]),
    bits([i % 2 == 0 for i in range(13)]),
    bytes.fromhex("3FC00000"),
    2,
]


def mbpoll(*options: str) -> list[int]:
    ask = ["mbpoll", "-a", "1", "-0", "-1", *options]
    run = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", run.stdout, re.MULTILINE)]


def test_libmodbus_over_tcp_and_mbpoll_agrees(libmodbus: str, port: int, start: Any) -> None:
    start(libmodbus, "tcp", str(port))
    endpoint = Endpoint(host="127.0.0.1", port=port)
    assert asyncio.run(read(endpoint, WHOLE)) == TRUE
    needs("mbpoll")
    for kind, table, first in (("4", Table.HOLDING, 50), ("3", Table.INPUT, 60)):
        theirs = mbpoll("-m", "tcp", "-p", str(port), "-t", kind, "-r", str(first), "-c", "9", "127.0.0.1")
        assert [words(*theirs)] == asyncio.run(read(endpoint, [(table, first, 9)]))


def test_libmodbus_over_rtu_and_mbpoll_agrees(libmodbus: str, line: tuple[str, str], start: Any) -> None:
    theirs, ours = line
    start(libmodbus, "rtu", theirs)
    endpoint = Endpoint(transport="rtu", device=ours, baudrate=115_200, parity="N")
    assert asyncio.run(read(endpoint, WHOLE)) == TRUE
    needs("mbpoll")
    options = ("-m", "rtu", "-b", "115200", "-P", "none", "-t", "4", "-r", "50", "-c", "9", ours)
    assert [words(*mbpoll(*options))] == asyncio.run(read(endpoint, [(Table.HOLDING, 50, 9)]))


def test_jsmodbus_over_tcp(port: int, start: Any) -> None:
    needs("node")
    if not (PACKAGES / "node_modules" / "jsmodbus").is_dir():
        pytest.skip("jsmodbus is not installed: make var/modbus-node/.ready")
    start("node", str(PEERS / "jsmodbus_peer.js"), str(PACKAGES), str(port))
    got = asyncio.run(read(Endpoint(host="127.0.0.1", port=port), WHOLE[:2]))
    assert got == TRUE[:2]


@pytest.mark.parametrize("transport", ["rtu", "rtu_over_tcp", "udp", "tls"])
def test_pymodbus_server(transport: str, port: int, line: Any, start: Any, certificates: Path) -> None:
    theirs, ours = line
    if transport == "rtu":
        where = theirs
        endpoint = Endpoint(transport="rtu", device=ours, baudrate=115_200, parity="N")
    else:
        where = str(port)
        files: dict[str, Any] = {}
        if transport == "tls":
            names = {"ca_file": "authority.pem", "cert_file": "gateway.pem", "key_file": "gateway.key"}
            files = {field: certificates / name for field, name in names.items()}
        endpoint = Endpoint(transport=transport, host="127.0.0.1", port=port, **files)  # type: ignore[arg-type]
    start(sys.executable, str(PEERS / "pymodbus_line_peer.py"), transport, where, str(certificates))
    assert asyncio.run(read(endpoint, [WHOLE[0], WHOLE[-1]])) == [TRUE[0], 2]
