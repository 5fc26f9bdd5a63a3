"""A Modbus TCP server that is cheaper than any client: register 2i and 2i+1 hold the float32 i, in every unit.

Prints its port; ends with its stdin, and after an hour in any case.
"""

from __future__ import annotations

import asyncio
import struct
import sys

import numpy as np

IMAGE = np.arange(0x10000 // 2, dtype=">f4").tobytes() + bytes(250)
REQUEST = struct.Struct(">HHHBBHH")
HEADER = struct.Struct(">HHHBBB")


class Device(asyncio.Protocol):
    """One connection. Frames come whole: 12 bytes on loopback are never parted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        for transaction, _, _, unit, function, start, count in REQUEST.iter_unpack(data):
            size = 2 * count
            self._write(
                HEADER.pack(transaction, 0, 3 + size, unit, function, size) + IMAGE[2 * start : 2 * (start + count)]
            )


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Device, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    async with asyncio.timeout(3600):
        await stdin.read()


if __name__ == "__main__":
    asyncio.run(main())
