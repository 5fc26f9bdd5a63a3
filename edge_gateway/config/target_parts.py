"""What the kinds of target have in common: kinds of records, names, certificates."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from cloud_sink.records import Lane
from cloud_sink.uplink.words import split_url
from edge_gateway.config.section import NAME_FIX, Name, Section, option

KINDS_FIX = (
    "Use 'file' for a folder, 's3' for a bucket, 'https' for a web server, 'mqtt' for a broker, "
    "'pyarrow' for Azure, Google Cloud Storage or HDFS."
)


def _url(value: str) -> str:
    split_url(value)
    return value


MQTT = ("mqtt", "mqtts")
Url = Annotated[str, AfterValidator(_url)]
LaneName = Literal["alerts", "events", "summaries"]
_LANES = {"alerts": Lane.ALERT, "events": Lane.EVENT, "summaries": Lane.SUMMARY}


def lanes_option(default: tuple[LaneName, ...], least: int = 0) -> Any:
    """The field `lanes`, as some kinds narrow it."""
    return option(
        default,
        description="Kinds of records it takes. A record leaves the outbox when every target that takes it has it."
        + " [] = none: models may come from there." * (not least),
        fix=f"Some of {', '.join(map(repr, default))}.",
        min_length=least,
    )


class TargetSection(Section):
    """What every kind of target has."""

    kind: str
    name: Name | None = option(
        None,
        description="Name of the target, by which the outbox remembers what it has; left out = its kind.",
        fix=NAME_FIX,
        example="lake",
    )
    lanes: tuple[LaneName, ...] = lanes_option(("alerts", "events", "summaries"))

    def label(self) -> str:
        """Its name."""
        return self.name or self.kind

    def wanted(self) -> tuple[Lane, ...]:
        """What it takes, in the order of sending."""
        return tuple(lane for name, lane in _LANES.items() if name in self.lanes)


def ca_file() -> Any:
    """The field of that name."""
    return option(
        None, description="Certificates (PEM) to trust instead of the system's.", example="/etc/sluicegate/ca.pem"
    )


def client_certificate() -> Any:
    """The field `certificate`."""
    return option(
        None,
        description="Our certificate (PEM), where the other side asks for one.",
        example="/etc/sluicegate/client.pem",
    )


def client_key() -> Any:
    """The field `private_key`."""
    return option(
        None, description="Key of it (PEM); left out = in the same file.", example="/run/secrets/client-key.pem"
    )


def both_or_none(certificate: Path | None, private_key: Path | None) -> None:
    """A key goes with a certificate. Raises ValueError."""
    if private_key is not None and certificate is None:
        msg = "private_key stands without certificate: name both, or neither"
        raise ValueError(msg)


def is_here(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
