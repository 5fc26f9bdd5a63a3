"""A pymodbus server: `pymodbus_line_peer.py rtu DEVICE | tcp PORT | rtu_over_tcp PORT | udp PORT | tls PORT FOLDER`.

Unit 1, holding registers 0..199 hold 1000 + their address. Prints READY; ends with its parent.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from pathlib import Path
from typing import Any

from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer, ModbusUdpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def without_unit_2(kind: str) -> Any:
    """Nobody answers as unit 2; pymodbus would, with exception 04."""
    place = 0 if kind.startswith("rtu") else 6
    return lambda sending, data: b"" if sending and data[place : place + 1] == b"\2" else data


def server(kind: str, where: str, rest: list[str]) -> Any:
    devices = [SimDevice(id=1, simdata=[SimData(0, values=list(range(1000, 1200)), datatype=DataType.REGISTERS)])]
    trace = without_unit_2(kind)
    if kind == "rtu":
        return ModbusSerialServer(devices, port=where, baudrate=115_200, framer=FramerType.RTU, trace_packet=trace)
    address = ("127.0.0.1", int(where))
    if kind == "rtu_over_tcp":
        return ModbusTcpServer(devices, address=address, framer=FramerType.RTU, trace_packet=trace)
    if kind == "tcp":
        return ModbusTcpServer(devices, address=address, trace_packet=trace)
    if kind == "udp":
        return ModbusUdpServer(devices, address=address, trace_packet=trace)
    folder = Path(rest[0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "device.pem", folder / "device.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "authority.pem")
    return ModbusTlsServer(devices, address=address, sslctx=context, trace_packet=trace)


async def main() -> None:
    parent = os.getppid()
    await server(sys.argv[1], sys.argv[2], sys.argv[3:]).serve_forever(background=True)
    print("READY", flush=True)
    while os.getppid() == parent:  # noqa: ASYNC110 - a parent's death sets no event
        await asyncio.sleep(0.2)
    os._exit(0)


asyncio.run(main())
