"""What can go wrong on the way to the cloud, as one tree with facts as fields."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class CloudSinkError(Exception):
    """Root of everything this room raises."""


class OutboxError(CloudSinkError):
    """The outbox file cannot do what was asked."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"outbox {path}: {message}")
        self.path = path


class OutboxLocked(OutboxError):  # noqa: N818 - reads as a state
    """Another process already plays this role."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            path,
            f"in use by process {holder or 'unknown'}; one process a role may work on an outbox: "
            "stop the other one or give this gateway a data folder of its own",
        )
        self.holder = holder


class OutboxTooNew(OutboxError):  # noqa: N818 - reads as a state
    """The file was written by newer software."""

    def __init__(self, path: Path, found: int, supported: int) -> None:
        super().__init__(
            path, f"has schema {found}, this software knows up to {supported}; upgrade it, or use another data folder"
        )
        self.found = found
        self.supported = supported


class OutboxBusy(OutboxError):  # noqa: N818 - reads as a state
    """The other process held the write lock for longer than is sane."""


class OutboxFull(OutboxError):  # noqa: N818 - reads as a state
    """The disk (or the file's page limit) is full."""


class OutboxDamaged(OutboxError):  # noqa: N818 - reads as a state
    """The file is not what it was."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            path,
            f"damaged ({reason}); a restart of the gateway salvages it, `sluicegate outbox doctor` says what it found",
        )
        self.reason = reason


class TransientReason(StrEnum):
    """Why a delivery did not work and will be tried again. Bounded: it labels a metric."""

    TARGET_MISSING = "target_missing"  # the folder, medium, share, bucket or path is not there
    TARGET_FULL = "target_full"
    TARGET_DENIED = "target_denied"  # read-only or no permission: held until a person mends it
    TARGET_IO = "target_io"
    VERIFY_FAILED = "verify_failed"  # what lies there, or is said to lie there, is not what was sent
    NO_LINK = "no_link"  # no route, or the resolver cannot be reached: nothing left this machine
    DNS = "dns"  # the name is not known
    UNREACHABLE = "unreachable"  # refused, or no answer to the first packet
    TIMEOUT = "timeout"  # connected, then silence
    CUT = "cut"  # the connection ended in the middle
    PORTAL = "portal"  # somebody in between answered: a log-in page
    CREDENTIALS = "credentials"
    CLOCK = "clock"  # ours differs too much from the server's
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_EXPIRED = "tls_expired"
    TLS_NAME = "tls_name"
    TLS_OURS = "tls_ours"  # our own certificate, key or CA file
    TLS = "tls"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    PROTOCOL = "protocol"  # an answer that this software does not expect
    INTERNAL = "internal"  # a bug of this software


class PermanentReason(StrEnum):
    """Why trying again cannot help. Bounded: it labels a metric."""

    KEY_CONFLICT = "key_conflict"  # another object already has this key
    UNREADABLE = "unreadable"  # a record of this batch cannot be decoded
    TOO_LARGE = "too_large"  # for the target; a batch is split first


class DeliveryError(CloudSinkError):
    """An object was not delivered.

    Attributes:
        wire: Bytes handed to the network in vain, with headers; set by the target that knows.
    """

    wire = 0


class TransientDeliveryError(DeliveryError):
    """Not now; the same object is sent again under the same key.

    Attributes:
        reason: For metrics.
        hold: Only a person or a changed setting will mend it, so it is tried again seldom.
        retry_after: Seconds that the server asked for; None = it did not.
    """

    def __init__(
        self, reason: TransientReason, message: str, *, hold: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.hold = hold
        self.retry_after = retry_after


class PermanentDeliveryError(DeliveryError):
    """Never; the batch is split where it is too large, or set aside."""

    def __init__(self, reason: PermanentReason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


class PlaceError(CloudSinkError):
    """A place that records were delivered to cannot be read or written from the other end."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place


class QueryError(CloudSinkError):
    """A question about what was delivered cannot be answered as it was put."""
