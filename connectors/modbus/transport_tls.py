"""Modbus/TCP Security: Modbus TCP within TLS, both sides with a certificate.

Source: MODBUS/TCP Security Protocol Specification (2018): TLS 1.2 or later, mutual authentication, port 802. There is
no way from here to a connection without TLS.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path

from connectors.errors import EndpointUnreachable
from connectors.modbus.transport_tcp import StreamTransport, connect_tcp


async def connect_tls(
    host: str,
    port: int,
    timeout: timedelta,  # noqa: ASYNC109 - bounds DNS as well
    *,
    label: str,
    ca_file: Path | None,
    pinned_cert: Path | None,
    cert_file: Path,
    key_file: Path,
) -> StreamTransport:
    """Open a connection to a device that proves who it is. The files are read anew each time: they may be renewed.

    Args:
        host: Name or address; with `ca_file` the device's certificate must name it.
        port: 1..65535.
        timeout: For look-up, connection and handshake.
        label: The endpoint in errors.
        ca_file: Authorities (PEM), or None.
        pinned_cert: The one certificate (PEM), or None; exactly one of the two is given.
        cert_file: Our certificate and chain (PEM).
        key_file: Our key (PEM), not encrypted.

    Raises:
        EndpointUnreachable: as TCP, or a file cannot be used, or the device is not who it should be. Where the device
            does not accept our certificate, TLS 1.3 says so only with the first reply: that is a `LinkDown`.
    """
    try:
        context, pinned = await asyncio.to_thread(_context, ca_file, pinned_cert, cert_file, key_file)
    except (OSError, ValueError) as exc:  # SSLError is an OSError; ValueError: no PEM
        raise EndpointUnreachable(label, f"certificate files: {exc}") from exc
    transport = await connect_tcp(host, port, timeout, label=label, tls=context)
    # Being signed by the pinned certificate is not enough, it has to be it: it might be an authority's.
    if pinned is not None and transport.peer_certificate() != pinned:
        transport.abort()
        await transport.closed.wait()
        raise EndpointUnreachable(label, "the device shows another certificate than pinned_cert")
    return transport


def _context(
    ca_file: Path | None, pinned_cert: Path | None, cert_file: Path, key_file: Path
) -> tuple[ssl.SSLContext, bytes | None]:
    """What the handshake obeys, and the certificate to see, in DER, where one is pinned."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert_file, key_file, password=_refuse_password)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
        return context, None
    assert pinned_cert is not None
    context.check_hostname = False  # the certificate itself is compared
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be self-signed
    context.load_verify_locations(pinned_cert)
    return context, ssl.PEM_cert_to_DER_cert(_first(pinned_cert.read_text(encoding="ascii")))


def _first(pem: str) -> str:
    """The first certificate of a PEM file, which may hold comments and a chain."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return pem[pem.index(begin) : pem.index(end) + len(end)]


def _refuse_password() -> str:
    """OpenSSL would ask at the terminal, and a gateway has none."""
    msg = "the key is encrypted: give it without a passphrase, readable by the gateway only"
    raise ValueError(msg)
