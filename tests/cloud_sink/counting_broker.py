"""A broker that takes every message and counts every byte: as much of MQTT 3.1.1 as a publisher with QoS 1 needs."""

from __future__ import annotations

import socket
import threading

_CONNECT, _PUBLISH = 1, 3
_CONNACK = b"\x20\x02\x00\x00"


class CountingBroker:
    """Serves in threads while its block lasts.

    Attributes:
        port: On the loopback.
        received: Bytes of all packets so far.
        messages: (topic, payload) of each.
    """

    def __init__(self):
        self.received = 0
        self.messages = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as file:
            try:
                while head := file.read(1):
                    self._packet(connection, head[0] >> 4, self._rest(file))
            except OSError:
                pass

    def _rest(self, file):
        """What follows a packet's first byte: its length in 7 bits a byte (2.2.3), then so many bytes."""
        length = shift = size = 0
        while True:
            (digit,) = file.read(1)
            size += 1
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        self.received += 1 + size + length
        return file.read(length)

    def _packet(self, connection, kind, body):
        if kind == _CONNECT:
            connection.sendall(_CONNACK)
        elif kind == _PUBLISH:
            end = 2 + int.from_bytes(body[:2], "big")
            self.messages.append((body[2:end].decode(), body[end + 2 :]))
            connection.sendall(b"\x40\x02" + body[end : end + 2])
