"""A pymodbus server: `modbus_peer.py PORT`. Unit 1; prints READY; ends with its parent.

Holding registers 0..199 hold 1000 + their address; 300 and 302 the floats 1.5 and -2.5, 304 the float 1.5 with its low
word first; everything else is refused with exception 02.
"""

from __future__ import annotations

import asyncio
import os
import sys

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


async def main(port: int) -> None:
    data = [
        SimData(0, values=list(range(1000, 1200)), datatype=DataType.REGISTERS),
        SimData(300, values=[1.5, -2.5], datatype=DataType.FLOAT32),
        SimData(304, values=[0x0000, 0x3FC0], datatype=DataType.REGISTERS),
    ]
    server = ModbusTcpServer([SimDevice(id=1, simdata=data)], address=("127.0.0.1", port))
    parent = os.getppid()
    await server.serve_forever(background=True)  # comes back once it listens
    print("READY", flush=True)
    while os.getppid() == parent:  # noqa: ASYNC110 - a parent's death sets no event
        await asyncio.sleep(0.2)
    os._exit(0)


asyncio.run(main(int(sys.argv[1])))
