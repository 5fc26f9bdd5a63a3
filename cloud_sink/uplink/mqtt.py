"""Publishing to an MQTT broker with QoS 1: the four packets that takes, of MQTT 3.1.1 (OASIS standard, 2014).

A client library would bring threads, callbacks and a socket that this room does not count; publishing needs none of it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence

from cloud_sink.errors import CloudSinkError
from cloud_sink.uplink.line import Line, link_error
from cloud_sink.uplink.words import LinkError, Trouble

_CONNACK, _PUBACK = 0x20, 0x40
_CLEAN, _PASSWORD, _USER = 0x02, 0x40, 0x80
_KEEP_ALIVE_S = 60  # longer than a connection is kept unused, so no ping is ever due
_WINDOW = 20  # messages on their way; brokers hold back or refuse more
_LONGEST = 268_435_455  # 2.2.3


class BrokerRefused(CloudSinkError):  # noqa: N818 - reads as a state
    """The broker does not let us in; `code` is that of its CONNACK (3.2.2.3)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the broker refuses the connection with code {code}")
        self.code = code


class Broker:
    """One publisher. For one thread."""

    def __init__(self, line: Line, client_id: str, login: Callable[[], tuple[str, str] | None]) -> None:
        """Describe it; nothing is opened yet.

        Args:
            line: To the broker.
            client_id: A second connection with the same one ends the first.
            login: User and password, asked at each connection; None = none.
        """
        self._line = line
        self._client_id = client_id
        self._login = login

    @property
    def sent(self) -> int:
        """Bytes handed to the network since the start."""
        return self._line.sent

    def publish(self, topic: str, messages: Sequence[bytes]) -> None:
        """Publish all; returns when the broker has acknowledged each. After a failure none is known to be there.

        Raises:
            LinkError: The link or the broker failed.
            BrokerRefused: It does not let us in.
        """
        kept = self._line.kept()
        try:
            self._once(topic, messages, kept=kept)
        except LinkError as error:
            if not kept or error.trouble is not Trouble.CUT:
                raise
            self._once(topic, messages, kept=False)  # it had been closed meanwhile

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def _once(self, topic: str, messages: Sequence[bytes], *, kept: bool) -> None:
        login = None if kept else self._login()
        try:
            if not kept:
                self._connect(login)
            for start in range(0, len(messages), _WINDOW):
                self._publish(topic, messages[start : start + _WINDOW])
        except (LinkError, BrokerRefused):
            self._line.close()
            raise
        except (OSError, ValueError) as error:
            self._line.close()
            raise link_error(error, self._line.origin) from error
        self._line.used()

    def _connect(self, login: tuple[str, str] | None) -> None:
        self._line.send(connect_packet(self._client_id, login))
        head, body = _read(self._answers())
        if head != _CONNACK:
            msg = "its first answer is no CONNACK"
            raise ValueError(msg)
        if body[1]:
            raise BrokerRefused(body[1])

    def _answers(self) -> io.BufferedReader:
        return self._line.open().answer_file(self._line.limits.answer)

    def _publish(self, topic: str, messages: Sequence[bytes]) -> None:
        self._line.send(b"".join(publish_packet(topic, number, data) for number, data in enumerate(messages, 1)))
        file = self._answers()
        waiting = set(range(1, len(messages) + 1))
        while waiting:
            head, body = _read(file)
            number = int.from_bytes(body[:2])
            if head != _PUBACK or number not in waiting:
                msg = f"packet 0x{head:02X} where a PUBACK was due"
                raise ValueError(msg)
            waiting.discard(number)


def connect_packet(client_id: str, login: tuple[str, str] | None) -> bytes:
    """CONNECT (3.1), with a clean session: what is not acknowledged is published again by us."""
    flags, rest = _CLEAN, _text(client_id)
    if login is not None:
        flags |= _USER | _PASSWORD
        rest += _text(login[0]) + _text(login[1])
    return _packet(0x10, _text("MQTT") + struct.pack(">BBH", 4, flags, _KEEP_ALIVE_S) + rest)


def publish_packet(topic: str, number: int, data: bytes) -> bytes:
    """PUBLISH (3.3) with QoS 1, not retained."""
    return _packet(0x32, _text(topic) + struct.pack(">H", number) + data)


def _packet(head: int, body: bytes) -> bytes:
    """With the remaining length (2.2.3): seven bits a byte, the lowest first."""
    length, left = bytearray(), len(body)
    assert left <= _LONGEST
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | 0x80 if left else digit)
        if not left:
            return bytes([head]) + bytes(length) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _read(file: io.BufferedReader) -> tuple[int, bytes]:
    """Head and body of a CONNACK or a PUBACK, each of two bytes (3.2, 3.4); nothing else is ever due to us."""
    packet = file.read(4)
    if len(packet) < 4:
        msg = "the broker hung up"
        raise ConnectionResetError(msg)
    if packet[1] != 2:
        msg = f"packet 0x{packet[0]:02X} of length {packet[1]}, which is none that is due"
        raise ValueError(msg)
    return packet[0], packet[2:]
