"""A serial line. pyserial opens and sets the port; bytes then go through its file descriptor, without a thread."""

from __future__ import annotations

import os
import termios

import serial

from connectors.errors import EndpointUnreachable, LinkDown
from connectors.modbus.rtu import frame_silence_s
from connectors.modbus.transport import Inbox, Wire

_READ_SIZE = 4096


class SerialTransport(Inbox):
    """One serial port, ours alone."""

    def __init__(self, endpoint: str, port: serial.Serial, wire: Wire) -> None:
        """Take over an open port."""
        super().__init__(endpoint)
        self.wire = wire
        self._port = port
        self._fd = port.fileno()
        self._loop.add_reader(self._fd, self._readable)

    def send(self, data: bytes) -> None:
        """See `Transport`. A request is 8 bytes, every port has room for it."""
        self._need_open()
        try:
            written = os.write(self._fd, data)
        except OSError as exc:  # BlockingIOError too: a port that has not sent the last request yet is stuck
            self._end(str(exc))
            raise LinkDown(self._endpoint, str(exc)) from exc
        if written != len(data):
            self._end("the port is stuck")
            raise LinkDown(self._endpoint, "the port is stuck")

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError as exc:  # an adapter that was pulled out
            self._end(str(exc))
            return
        if data:
            self._put(data)
        else:
            self._end("the port is gone")

    def _close(self) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._fd)
            self._port.close()
        self.closed.set()


def open_serial(
    device: str, baudrate: int, bytesize: int, parity: str, stopbits: int, *, bits_per_character: int, label: str
) -> SerialTransport:
    """Open a serial port; takes milliseconds. Nobody else may have it open: two masters on one line break both.

    Args:
        device: Path of the port.
        baudrate: Bits per second.
        bytesize: Data bits.
        parity: N, E or O.
        stopbits: 1 or 2.
        bits_per_character: On the line, start and stop bits included.
        label: The endpoint in errors.

    Raises:
        EndpointUnreachable: no such port, no permission, in use, or it cannot be set so.
    """
    byte_s = bits_per_character / baudrate
    wire = Wire(serial=True, byte_s=byte_s, silence_s=frame_silence_s(baudrate, bits_per_character))
    try:
        port = serial.Serial(
            device, baudrate, bytesize=bytesize, parity=parity, stopbits=stopbits, timeout=0, exclusive=True
        )
        os.set_blocking(port.fileno(), False)
        port.reset_input_buffer()  # what came before nobody asked for
        return SerialTransport(label, port, wire)
    except (OSError, ValueError, termios.error) as exc:  # SerialException is an OSError; the others: a setting refused
        raise EndpointUnreachable(label, str(exc)) from exc
