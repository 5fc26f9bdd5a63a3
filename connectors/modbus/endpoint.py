"""Where a line of units is and how it is spoken to; `connect` opens it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from connectors.modbus.transport import Transport
from connectors.modbus.transport_serial import open_serial
from connectors.modbus.transport_tcp import connect_tcp
from connectors.modbus.transport_tls import connect_tls
from connectors.modbus.transport_udp import open_udp

TRANSPORTS = ("tcp", "rtu", "rtu_over_tcp", "udp", "tls")
TCP_PORT = 502  # registered for Modbus TCP
TLS_PORT = 802  # registered for Modbus/TCP Security


class EndpointRejected(ValueError):  # noqa: N818 - like the other refusals
    """What was given does not make an endpoint; `field` is at fault, and `rule` and `fix` say why."""

    def __init__(self, where: str, field: str, value: object, rule: str, fix: str) -> None:
        self.field, self.value, self.rule, self.fix = field, value, rule, fix
        super().__init__(f"{where}: {field} = {value}: {rule}. {fix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One line: a serial port, or a device or gateway on the network.

    Attributes:
        transport: tcp (Modbus TCP), rtu (a serial line), rtu_over_tcp (RTU frames through a transparent gateway), udp,
            tls (Modbus/TCP Security).
        host: Name or address; not for rtu.
        port: 1..65535; 802 by default for tls, 502 for the others.
        device: Path of the serial port, rtu only.
        baudrate: Bits per second.
        parity: N, E or O. Modbus over Serial Line V1.02, 2.5.1 asks for E by default, and for two stop bits with N.
        stopbits: 1 or 2.
        bytesize: 8: RTU knows no other.
        ca_file: Certificates (PEM) of the authorities that may vouch for the device; its name is compared with `host`.
        pinned_cert: The one certificate (PEM) the device must show; its name does not matter. Not with `ca_file`.
        cert_file: This gateway's certificate and its chain (PEM). Modbus/TCP Security is mutual.
        key_file: Its key (PEM), not encrypted.
        transaction_id: strict, or ignore for devices that do not repeat it (most answer 0). With ignore every time-out
            drops the link.
    """

    transport: Literal["tcp", "rtu", "rtu_over_tcp", "udp", "tls"] = "tcp"
    host: str = ""
    port: int | None = None
    device: str = ""
    baudrate: int = 19_200
    parity: Literal["N", "E", "O"] = "E"
    stopbits: int = 1
    bytesize: int = 8
    ca_file: Path | None = None
    pinned_cert: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    transaction_id: Literal["strict", "ignore"] = "strict"

    def __post_init__(self) -> None:
        need = self._need
        need(self.transport in TRANSPORTS, "transport", f"must be one of {', '.join(TRANSPORTS)}", "Use tcp.")
        if self.transport == "rtu":
            self._check_serial()
        else:
            need(bool(self.host), "host", "must not be empty", "Give a host name or address.")
            need(not self.device, "device", "is for rtu only", "Remove it, or set transport = rtu.")
            if self.port is None:
                object.__setattr__(self, "port", TLS_PORT if self.transport == "tls" else TCP_PORT)
            need(0 < (self.port or 0) <= 65_535, "port", "must be 1..65535", "Modbus TCP devices listen on 502.")
        self._check_tls()
        need(self.transaction_id in ("strict", "ignore"), "transaction_id", "must be strict or ignore", "Use strict.")
        need(
            self.transaction_id == "strict" or self.transport in ("tcp", "tls"),
            "transaction_id",
            f"cannot be ignored over {self.transport}",
            "Remove it: RTU has no transaction id, and UDP cannot do without.",
        )

    @property
    def framing(self) -> Literal["mbap", "rtu"]:
        """How frames look: with the header of Modbus TCP, or with a check sum."""
        return "rtu" if self.transport in ("rtu", "rtu_over_tcp") else "mbap"

    @property
    def bits_per_character(self) -> int:
        """On a serial line: start bit, data, parity, stop bits."""
        return 1 + self.bytesize + (self.parity != "N") + self.stopbits

    def __str__(self) -> str:
        """For logs and errors: `tcp 10.0.0.5:502`, `rtu /dev/ttyUSB0 9600 8E1`."""
        if self.transport == "rtu":
            return f"rtu {self.device} {self.baudrate} {self.bytesize}{self.parity}{self.stopbits}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport} {host}:{self.port}"

    def _check_serial(self) -> None:
        need = self._need
        need(bool(self.device), "device", "must not be empty", "Give the serial port, such as /dev/ttyUSB0.")
        need(not self.host, "host", "is not for rtu", "Remove it, or set transport = rtu_over_tcp.")
        need(self.port is None, "port", "is not for rtu", "Remove it, or set transport = rtu_over_tcp.")
        need(300 <= self.baudrate <= 4_000_000, "baudrate", "must be 300..4000000", "Use the rate of the devices.")
        need(self.parity in ("N", "E", "O"), "parity", "must be N, E or O", "Use the parity set on the devices.")
        need(self.stopbits in (1, 2), "stopbits", "must be 1 or 2", "Use 1, or 2 where the devices are set to it.")
        need(self.bytesize == 8, "bytesize", "must be 8", "RTU sends whole bytes; 7 is for ASCII, which is not spoken.")

    def _check_tls(self) -> None:
        files = ("ca_file", "pinned_cert", "cert_file", "key_file")
        if self.transport != "tls":
            for field in files:
                self._need(getattr(self, field) is None, field, "is for tls only", "Remove it, or set transport = tls.")
            return
        for field in ("cert_file", "key_file"):
            self._need(
                getattr(self, field) is not None,
                field,
                "must be given for tls",
                "Modbus/TCP Security is mutual: the device wants to see a certificate, too.",
            )
        self._need(
            (self.ca_file is None) != (self.pinned_cert is None),
            "ca_file",
            f"with pinned_cert = {self.pinned_cert}: exactly one of the two must be given",
            "Give ca_file, or pinned_cert where the device's certificate is self-signed.",
        )

    def _need(self, holds: bool, field: str, rule: str, fix: str) -> None:  # noqa: FBT001 - reads like assert
        if not holds:
            value = getattr(self, field)
            where = re.sub(r"\s+", " ", f"modbus {self.transport} {self.device or self.host}").strip()
            raise EndpointRejected(where, field, value, rule, fix)


async def connect(endpoint: Endpoint, timeout: timedelta) -> Transport:  # noqa: ASYNC109 - bounds DNS as well
    """Open the line.

    Args:
        endpoint: Where and how.
        timeout: For all of it: name look-up, connection, handshake.

    Raises:
        EndpointUnreachable: not there, not in time, or its certificate is not the right one.
    """
    label = str(endpoint)
    if endpoint.transport == "rtu":
        return open_serial(
            endpoint.device,
            endpoint.baudrate,
            endpoint.bytesize,
            endpoint.parity,
            endpoint.stopbits,
            bits_per_character=endpoint.bits_per_character,
            label=label,
        )
    assert endpoint.port is not None
    if endpoint.transport == "udp":
        return await open_udp(endpoint.host, endpoint.port, timeout, label=label)
    if endpoint.transport == "tls":
        assert endpoint.cert_file is not None
        assert endpoint.key_file is not None
        return await connect_tls(
            endpoint.host,
            endpoint.port,
            timeout,
            label=label,
            ca_file=endpoint.ca_file,
            pinned_cert=endpoint.pinned_cert,
            cert_file=endpoint.cert_file,
            key_file=endpoint.key_file,
        )
    return await connect_tcp(endpoint.host, endpoint.port, timeout, label=label)
