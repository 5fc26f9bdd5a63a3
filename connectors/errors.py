"""Errors of this room. Facts are fields; the sentence is built from them and names the fix.

ConnectorError
├── JournalLocked     a second writer on one journal
├── JournalDamaged    a segment that cannot be read
├── JournalTooNew     written by newer software
├── JournalWriteFailed  the disk refused an append
├── UnknownAsset      a block of an asset the journal was not opened with
├── EndpointUnreachable  nobody answers there
├── LinkDown          a link that worked does not any more
├── RequestRefused    a device answered with a bad status code
├── MalformedMessage  bytes that the protocol does not allow
├── SecurityRefused   somebody has to change something, here or at the device
│   ├── CertificateNotTrusted, CertificateExpired, GatewayNotTrusted
│   └── UserRejected, PlaintextPassword, EndpointNotOffered
├── AddressError      a Modbus address that cannot be what it says
└── ModbusError       a read over a link that is there, and no values
    ├── NoReply       the time-out of the request passed
    ├── BadReply      a reply that is not the answer to the request; the link is dropped
    └── DeviceException  the device answered with an exception code
"""

# ruff: noqa: N818  the names say what happened; every one of them is a ConnectorError

from __future__ import annotations

from pathlib import Path


class ConnectorError(Exception):
    """Root of the tree."""


class JournalLocked(ConnectorError):
    """Another process writes this journal."""

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder = folder
        self.owner = owner
        super().__init__(
            f"journal {folder}: already written by {owner or 'another process'}; one journal has one writer. "
            "Stop the other one, or configure another folder."
        )


class JournalDamaged(ConnectorError):
    """A segment whose header or frames cannot be read."""

    def __init__(self, path: Path, offset: int, why: str) -> None:
        self.path = path
        self.offset = offset
        self.why = why
        super().__init__(f"journal segment {path}: {why} at byte {offset}")


class JournalTooNew(ConnectorError):
    """A segment of a later format than this software knows."""

    def __init__(self, path: Path, version: int, known: int) -> None:
        self.path = path
        self.version = version
        self.known = known
        super().__init__(
            f"journal segment {path}: format {version}, this software reads up to {known}. "
            "Upgrade it, or configure another folder."
        )


class JournalWriteFailed(ConnectorError):
    """An append that did not reach the file; nothing of it is kept."""

    def __init__(self, path: Path, cause: OSError) -> None:
        self.path = path
        self.errno = cause.errno
        super().__init__(f"journal segment {path}: append failed: {cause.strerror}. Check the disk.")


class UnknownAsset(ConnectorError):
    """A block whose asset or tag table is not one of the journal's."""

    def __init__(self, asset: str, known: tuple[str, ...]) -> None:
        self.asset = asset
        self.known = known
        super().__init__(
            f"asset {asset!r}: not in this journal or with other tags; it was opened for {', '.join(known) or 'none'}. "
            "Open the journal with the tables of all drivers."
        )


class EndpointUnreachable(ConnectorError):
    """Nobody answers there, or not in time. The driver tries again."""

    def __init__(self, endpoint: str, detail: str) -> None:
        super().__init__(f"{endpoint} cannot be reached ({detail}); check address, cable, firewall and that it runs")
        self.endpoint = endpoint
        self.detail = detail


class LinkDown(ConnectorError):
    """A link that worked does not any more. The driver reconnects.

    Attributes:
        resumable: The session may live on at the server.
    """

    def __init__(self, endpoint: str, detail: str, *, resumable: bool = True) -> None:
        super().__init__(f"link to {endpoint} lost: {detail}")
        self.endpoint = endpoint
        self.detail = detail
        self.resumable = resumable


class RequestRefused(ConnectorError):
    """The peer answered a request with a bad status code."""

    def __init__(self, endpoint: str, request: str, code: int, name: str) -> None:
        super().__init__(f"{endpoint} refused {request}: {name} (0x{code:08X})")
        self.endpoint = endpoint
        self.request = request
        self.code = code
        self.name = name


class MalformedMessage(ConnectorError):
    """Bytes that the protocol does not allow. Nothing of the message is used."""


class SecurityRefused(ConnectorError):
    """Not to be healed by trying again at once: somebody has to change something, here or at the server."""


class CertificateNotTrusted(SecurityRefused):
    """The server shows a certificate that nobody here has trusted. No credentials were sent."""

    def __init__(self, endpoint: str, thumbprint: str, fix: str) -> None:
        super().__init__(f"{endpoint} shows a certificate that is not trusted (SHA-1 {thumbprint}); {fix}")
        self.endpoint = endpoint
        self.thumbprint = thumbprint


class CertificateExpired(SecurityRefused):
    """A certificate, the server's or our own, is not valid at this time."""

    def __init__(self, whose: str, not_before: str, not_after: str) -> None:
        super().__init__(
            f"the certificate of {whose} is valid from {not_before} to {not_after} only; renew it or set the clock"
        )
        self.whose = whose


class GatewayNotTrusted(SecurityRefused):
    """The server does not accept this gateway's certificate."""

    def __init__(self, endpoint: str, detail: str) -> None:
        super().__init__(
            f"{endpoint} closed the secure channel ({detail}); trust this gateway's certificate at the server, "
            "and see that application_uri stands in it"
        )
        self.endpoint = endpoint


class UserRejected(SecurityRefused):
    """User or password refused."""

    def __init__(self, endpoint: str, user: str | None, name: str) -> None:
        super().__init__(f"{endpoint} refused {f'user {user!r}' if user else 'anonymous access'}: {name}; check both")
        self.endpoint = endpoint
        self.user = user


class PlaintextPassword(SecurityRefused):
    """The password would travel readable; it was not sent."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"{endpoint} offers no encryption for the password; use SignAndEncrypt or set allow_plaintext_password"
        )
        self.endpoint = endpoint


class EndpointNotOffered(SecurityRefused):
    """The server has no endpoint of that security policy and mode."""

    def __init__(self, endpoint: str, wanted: str, offered: str) -> None:
        super().__init__(
            f"{endpoint} does not offer {wanted}; it offers {offered}; set policy and mode to one of these"
        )
        self.endpoint = endpoint
        self.wanted = wanted
        self.offered = offered


class AddressError(ConnectorError, ValueError):
    """A Modbus address that cannot be what it says."""

    def __init__(self, value: str, rule: str, fix: str) -> None:
        self.value = value
        self.rule = rule
        self.fix = fix
        super().__init__(f"Modbus address: {value}: {rule}. {fix}")


class ModbusError(ConnectorError):
    """A read that brought no values although the link is there. The driver turns it into bad status."""


class NoReply(ModbusError):
    """The time-out of one request passed."""

    def __init__(self, unit: int, timeout_s: float) -> None:
        self.unit = unit
        self.timeout_s = timeout_s
        super().__init__(f"unit {unit}: no reply within {timeout_s:g} s")


class BadReply(ModbusError):
    """Bytes that are not the answer to the request. Nothing in them may be taken for a value."""

    def __init__(self, field: str, got: int, expected: str) -> None:
        self.field = field
        self.got = got
        self.expected = expected
        super().__init__(f"reply with {field} {got}, expected {expected}")


class DeviceException(ModbusError):
    """The device answered with an exception code (Modbus Application Protocol V1.1b3, 7)."""

    def __init__(self, code: int, name: str) -> None:
        self.code = code
        self.name = name
        super().__init__(f"exception {code:#04x}, {name}")
