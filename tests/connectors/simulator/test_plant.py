"""The plant as a process, spoken to by other people's clients."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from pymodbus.client import AsyncModbusTcpClient

from connectors.opcua.certificates import make_self_signed
from connectors.simulator import tags
from connectors.simulator.recorder import simulate

pytestmark = pytest.mark.integration
COMMAND = (sys.executable, "-m", "connectors.simulator")


class Plant:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.facts: dict[str, Any] = {}

    async def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(await asyncio.wait_for(self.process.stdout.readline(), 30))
        return answer

    async def say(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        return await self.read()

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 10)


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[Plant]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
    plant = Plant(process)
    try:
        plant.facts = await plant.read()
        yield plant
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def opcua_client(plant: Plant, folder: Path) -> AsyncIterator[Client]:
    uri = "urn:test:client"
    certificate, key = make_self_signed(folder, uri, ["localhost"])
    client = Client(plant.facts["opcua_endpoint"])
    client.application_uri = uri
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        str(certificate),
        str(key),
        server_certificate=plant.facts["opcua_server_certificate"],
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    async with client:
        yield client


class Received:
    def __init__(self) -> None:
        self.values: dict[str, list[ua.DataValue]] = {}

    def datachange_notification(self, node: Any, _: Any, data: Any) -> None:
        self.values.setdefault(node.nodeid.Identifier, []).append(data.monitored_item.Value)


async def _until(condition: Any, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.05)


async def _registers(client: AsyncModbusTcpClient, point: tags.ModbusPoint) -> Any:
    read = client.read_holding_registers if point.address.table == "holding" else client.read_input_registers
    return await read(point.address.register, count=point.address.kind.width, device_id=tags.UNIT_ID)


async def _story(folder: Path) -> None:
    seed = 17
    async with started("--seed", str(seed), "--folder", str(folder / "pki")) as plant:
        assert plant.facts["event"] == "ready"
        assert plant.facts["pid"] == plant.process.pid
        modbus = AsyncModbusTcpClient("127.0.0.1", port=plant.facts["modbus_port"], retries=0, timeout=2)
        assert await modbus.connect()
        async with opcua_client(plant, folder / "client") as client:
            assert {e.SecurityMode.name for e in await client.get_endpoints()} == {"SignAndEncrypt"}
            received = Received()
            subscription = await client.create_subscription(100, received)
            index = await client.get_namespace_index(tags.NAMESPACE)
            nodes = [client.get_node(ua.NodeId(point.identifier, index)) for point in tags.OPCUA_POINTS]
            await subscription.subscribe_data_change(nodes, queuesize=100)
            await _until(lambda: len(received.values.get("pump-1.flow", [])) > 20)
            _check_against_recording(received, seed, plant.facts["time"])
            await _check_modbus(modbus)
            await _check_dropout(plant, received, modbus)
        modbus.close()
        assert (await plant.say("quit"))["event"] == "stopped"
        assert await plant.ended() == 0
        assert plant.process.stderr is not None
        assert await plant.process.stderr.read() == b""


def _check_against_recording(received: Received, seed: int, start: int) -> None:
    """What the wire brought is what `simulate` says: same times, same values, to the last bit."""
    recorded: dict[str, dict[int, float]] = {}
    for batch in simulate(15, seed, start):
        for tag, when, value in zip(batch.tag, batch.source_time, batch.value, strict=True):
            recorded.setdefault(f"{batch.asset}.{batch.tags.names[tag]}", {})[int(when)] = float(value)
    for point in tags.OPCUA_POINTS:
        for data in received.values[point.identifier]:
            if _code(data) != 0:  # waiting for the first value
                continue
            when = _ns(data.SourceTimestamp)
            if point.waveform:
                assert len(data.Value.Value) == 1024
                assert data.Value.VariantType == ua.VariantType.Float
                assert data.Value.Value[-1] == recorded[point.identifier][when]
            else:
                assert data.Value.Value == recorded[point.identifier][when]
    steps = np.diff([_ns(data.SourceTimestamp) for data in received.values["pump-2.head"][1:]])
    assert np.all(steps == 100_000_000)


def _code(data: ua.DataValue) -> int:
    code: int = data.StatusCode.value
    return code


def _ns(time: dt.datetime) -> int:
    micros = (time.replace(tzinfo=dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return micros * 1000


async def _check_modbus(client: AsyncModbusTcpClient) -> None:
    expected = {"bearing_temperature": (52, 57), "winding_temperature": (76, 83), "valve_position": (55, 85)}
    expected |= {"level": (2.9, 3.1), "inflow": (170, 230)}
    for point in tags.MODBUS_POINTS:
        words = (await _registers(client, point)).registers
        low, high = expected[point.tag]
        if point.address.kind == "float32":
            value = client.convert_from_registers(words, client.DATATYPE.FLOAT32, word_order="little")
        else:
            value = words[0] * point.address.scale
        assert low < value < high, (point, value)
    gap = await client.read_holding_registers(100, count=7, device_id=1)
    assert not gap.isError()
    for address, count in ((99, 2), (103, 10), (0, 1), (700, 1)):
        assert (await client.read_holding_registers(address, count=count, device_id=1)).exception_code == 2
    assert (await client.write_register(106, 1, device_id=1)).exception_code == 1
    assert (await client.write_coil(0, True, device_id=1)).exception_code == 1


async def _check_dropout(plant: Plant, received: Received, modbus: AsyncModbusTcpClient) -> None:
    points = {(point.asset, point.tag): point for point in tags.MODBUS_POINTS}
    answer = await plant.say("inject dropout pump-1")
    assert answer["event"] == "injected"
    currents = received.values["pump-1.motor_current"]
    await _until(lambda: _code(currents[-1]) != 0)
    stamped = [value for value in currents if value.SourceTimestamp is not None]  # "waiting for the first" has none
    bad = next(value for value in stamped if _ns(value.SourceTimestamp) == answer["time"])
    assert _code(bad) == 0x808C_0000
    assert bad.Value is None or bad.Value.Value is None
    assert (await _registers(modbus, points["pump-1", "bearing_temperature"])).exception_code == 4
    for other in (("pump-1", "winding_temperature"), ("pump-2", "bearing_temperature")):
        assert not (await _registers(modbus, points[other])).isError()
    assert (await plant.say("clear"))["event"] == "cleared"
    await _until(lambda: _code(currents[-1]) == 0)
    assert not (await _registers(modbus, points["pump-1", "bearing_temperature"])).isError()


def test_other_peoples_clients_read_what_the_plant_does(tmp_path: Path) -> None:
    asyncio.run(_story(tmp_path))


def test_restart_with_a_fault_and_without_security_keeps_the_certificate(tmp_path: Path) -> None:
    """The second plant is stopped by a signal, not by a command, and offers what it was asked to offer."""

    async def story() -> None:
        make_self_signed(tmp_path, f"urn:{socket.gethostname()}:sluicegate:simulator", ["localhost"])
        before = (tmp_path / "certificate.der").read_bytes()
        async with started("--folder", str(tmp_path), "--insecure", "--fault", "dropout@0.5") as plant:
            assert Path(plant.facts["opcua_server_certificate"]) == tmp_path / "certificate.der"
            async with Client(plant.facts["opcua_endpoint"]) as client:
                endpoints = await client.get_endpoints()
                assert {endpoint.SecurityMode.name for endpoint in endpoints} == {"SignAndEncrypt", "None_"}
                index = await client.get_namespace_index(tags.NAMESPACE)
                current = client.get_node(ua.NodeId("pump-1.motor_current", index))
                code = 0
                async with asyncio.timeout(10):
                    while code != 0x808C_0000:
                        code = (await current.read_data_value(raise_on_bad_status=False)).StatusCode.value
            plant.process.send_signal(signal.SIGTERM)
            assert await plant.ended() == 0
        assert (tmp_path / "certificate.der").read_bytes() == before

    asyncio.run(story())


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed without a chance to say goodbye, and the end of the input was told not to matter."""
    start = f"subprocess.Popen([*{COMMAND!r}, '--serve', '--folder', sys.argv[1]], stdin=subprocess.DEVNULL)"
    code = f"import subprocess, sys, time; {start}; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        plant = json.loads(parent.stdout.readline())["pid"]
        time.sleep(0.2)
        assert _alive(plant)
        parent.kill()
        deadline = time.monotonic() + 10
        while _alive(plant) and time.monotonic() < deadline:
            time.sleep(0.05)
        survived = _alive(plant)
        if survived:
            os.kill(plant, signal.SIGKILL)
        assert not survived


def test_end_of_input_stops_it(tmp_path: Path) -> None:
    command = [*COMMAND, "--folder", str(tmp_path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["event"] == "ready"


def test_a_wrong_fault_is_refused_at_once() -> None:
    done = subprocess.run([*COMMAND, "--fault", "rust@1"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "bearing_wear" in done.stderr


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
