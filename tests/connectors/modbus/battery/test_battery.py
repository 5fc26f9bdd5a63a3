"""Everything a device can do wrong, done to our master and to pymodbus: which of the two hands out wrong values?

Every true reply names its address and its request, so that an old value is a wrong one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import connectors.modbus
from connectors.modbus.endpoint import Endpoint
from tests.connectors.modbus.battery.cases import ALL, CASES, Case
from tests.connectors.modbus.battery.clients import COUNT, UNIT, Client, Ours, Pymodbus

pytestmark = [pytest.mark.integration, pytest.mark.faults]

README = Path(connectors.modbus.__file__).parent / "README.md"


async def ends_of(client: Client, device: Any, case: Case) -> str:
    ends = ""
    for address in case.addresses:
        before = len(device.asked)
        values = await client.read(address)
        # True is only what was asked for by this very read.
        true = [asked.registers for asked in device.asked[before:] if asked.fields == (UNIT, 3, address, COUNT)]
        ends += "x" if values is None else "+" if values in true else "W"
        await asyncio.sleep(case.pause_s)
    return ends


def runs(who: str) -> list[Any]:
    return [
        pytest.param(name, medium, id=f"{name}-{medium}")
        for name, case in CASES.items()
        for medium in getattr(case, who)
    ]


def play(device: Any, case: Case, medium: str, client_of: Callable[[Endpoint], Client]) -> str:
    async def main() -> str:
        async with device(medium, case.script()) as fake:
            client = client_of(fake.endpoint)
            try:
                return await ends_of(client, fake, case)
            finally:
                client.close()

    return asyncio.run(main())


def fits(ends: str, expected: str) -> bool:
    return len(ends) == len(expected) and all(
        end == wanted or (wanted == "?" and end in "+x") for end, wanted in zip(ends, expected, strict=True)
    )


@pytest.mark.parametrize(("name", "medium"), runs("ours"))
def test_no_wrong_value_poses_as_good(name: str, medium: str, device: Any) -> None:
    mode = "ignore" if name.startswith("T3") else "strict"
    ends = play(device, CASES[name], medium, lambda endpoint: Ours(endpoint, mode))
    assert "W" not in ends
    assert fits(ends, CASES[name].ours[medium]), ends


@pytest.mark.parametrize(("name", "medium"), runs("pymodbus"))
def test_pymodbus_for_comparison(name: str, medium: str, device: Any) -> None:
    ends = play(device, CASES[name], medium, Pymodbus)
    assert fits(ends, CASES[name].pymodbus[medium]), ends


def test_a_strict_master_reads_nothing_from_a_device_without_transaction_ids(device: Any) -> None:
    assert play(device, CASES["T3"], "tcp", Ours) == "xxxx"


def test_t9_a_refused_connection_is_an_error_and_the_next_one_works(device: Any) -> None:
    async def main() -> None:
        async with device("tcp") as fake:
            endpoint = fake.endpoint
        client = Ours(endpoint)
        assert await client.read(10) is None
        server = await asyncio.start_server(fake._connected, "127.0.0.1", endpoint.port)
        assert await client.read(10) == fake.asked[-1].registers
        client.close()
        server.close()

    asyncio.run(main())


def test_the_readme_tells_what_was_found() -> None:
    """The comparison in the README is this table, and it claims no more than the tests above assert."""
    assert not any("W" in ends for case in CASES.values() for ends in case.ours.values())
    rows = []
    for name, case in CASES.items():
        cells = [case.pymodbus.get(medium, "") for medium in ALL]
        said = ["" if not ends else "**wrong data**" if "W" in ends else "ok" for ends in cells]
        rows.append(f"| {name} | {case.what} | {' | '.join(said)} |".replace("|  |", "| |").replace("|  |", "| |"))
    print("\n".join(rows))
    text = README.read_text(encoding="utf-8")
    assert [row for row in rows if row not in text] == []
