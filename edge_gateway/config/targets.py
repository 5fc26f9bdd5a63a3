"""Sections of where records go, one a kind of target, and of what sending may cost."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, field_validator, model_validator

from cloud_sink.allowance import parse_hours
from cloud_sink.records import Lane
from cloud_sink.uplink.store import parse_store
from cloud_sink.uplink.words import split_url
from edge_gateway.config.section import NAME_FIX, PIB, Flag, Name, Section, option
from edge_gateway.config.units import FilePath, Size

KINDS_FIX = (
    "Use 'file' for a folder, 's3' for a bucket, 'https' for a web server, 'mqtt' for a broker, "
    "'pyarrow' for Azure, Google Cloud Storage or HDFS."
)


def _url(value: str) -> str:
    split_url(value)
    return value


def _store(value: str) -> str:
    if value.startswith(("s3:", "file:")):
        msg = "must be a store of Azure, Google or Hadoop: a bucket is kind 's3' and a folder kind 'file'"
        raise ValueError(msg)
    parse_store(value)
    return value


MQTT = ("mqtt", "mqtts")
Url = Annotated[str, AfterValidator(_url)]
LaneName = Literal["alerts", "events", "summaries"]
_LANES = {"alerts": Lane.ALERT, "events": Lane.EVENT, "summaries": Lane.SUMMARY}


def _lanes(default: tuple[LaneName, ...], least: int = 0) -> Any:
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
    lanes: tuple[LaneName, ...] = _lanes(("alerts", "events", "summaries"))

    def label(self) -> str:
        """Its name."""
        return self.name or self.kind

    def wanted(self) -> tuple[Lane, ...]:
        """What it takes, in the order of sending."""
        return tuple(lane for name, lane in _LANES.items() if name in self.lanes)


class FileTargetSection(TargetSection):
    """A folder: a network share, a USB medium, or a folder another program carries away."""

    kind: Literal["file"] = option(description="Kind of target.", fix=KINDS_FIX, example="file")
    path: FilePath = option(
        description="Folder that must exist; a missing folder counts as an unreachable target, it is never created.",
        fix="Create the folder, or mount the share.",
        example="/mnt/cloud",
    )


class S3TargetSection(TargetSection):
    """A bucket of any server that speaks Amazon's S3. Every object is verified by its ETag."""

    kind: Literal["s3"] = option(description="Kind of target.", fix=KINDS_FIX, example="s3")
    endpoint: Url = option(
        description="Address of the service, without the bucket.",
        fix="For example https://s3.eu-central-1.amazonaws.com or https://minio.plant.example:9000.",
        example="https://s3.eu-central-1.amazonaws.com",
    )
    bucket: str = option(
        description="Name of the bucket; it must exist.",
        fix="3 to 63 letters, digits, dots, dashes, underscores.",
        example="plant-data",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$",
    )
    region: str = option(
        "us-east-1",
        description="Region, part of every signature; most servers other than Amazon's take any.",
        fix="For example eu-central-1.",
        pattern=r"^[A-Za-z0-9-]{1,63}$",
    )
    prefix: str = option(
        "",
        description="Put before every key; ends in a slash.",
        fix="For example 'gateways/'; letters, digits, '.', '_', '-', '=' between slashes.",
        example="gateways/",
        pattern=r"^([A-Za-z0-9._=-]+/)*$",
    )
    style: Literal["path", "virtual"] = option(
        "path",
        description="path: endpoint/bucket/key, known everywhere. virtual: bucket.endpoint/key, as Amazon prefers.",
        fix="Use path unless the service refuses it.",
    )
    credentials_file: FilePath | None = option(
        None,
        description="Credentials in the form of ~/.aws/credentials; read again when it changes. "
        "Left out: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment.",
        example="/run/secrets/s3-credentials",
    )
    profile: str = option("default", description="Profile in that file.", fix="Name one.", min_length=1)
    ca_file: FilePath | None = option(
        None, description="Certificates (PEM) to trust instead of the system's.", example="/etc/sluicegate/ca.pem"
    )
    overwrite: Flag = option(
        default=False,
        description="Replace what has our key instead of comparing it. Needed where the credentials allow PutObject "
        "only: comparing needs GetObject.",
        fix="true or false.",
    )


class HttpsTargetSection(TargetSection):
    """A web server that takes an object by PUT or POST and proves that it has it."""

    kind: Literal["https"] = option(description="Kind of target.", fix=KINDS_FIX, example="https")
    url: Url = option(
        description="Folder below which objects go. http:// only to this machine itself.",
        fix="For example https://ingest.example/plant.",
        example="https://ingest.example/plant",
    )
    method: Literal["PUT", "POST"] = option("PUT", description="Method of a request.", fix="PUT or POST.")
    token_file: FilePath | None = option(
        None,
        description="File that holds a bearer token; read again when it changes.",
        example="/run/secrets/ingest-token",
    )
    certificate: FilePath | None = option(
        None, description="Our certificate (PEM), for servers that ask for one.", example="/etc/sluicegate/client.pem"
    )
    private_key: FilePath | None = option(
        None, description="Key of it (PEM); left out = in the same file.", example="/run/secrets/client-key.pem"
    )
    ca_file: FilePath | None = option(
        None, description="Certificates (PEM) to trust instead of the system's.", example="/etc/sluicegate/ca.pem"
    )
    verify: Literal["answer", "read_back"] = option(
        "answer",
        description='answer: the answer carries a digest of what arrived (Repr-Digest, an ETag, or {"sha256": ...}). '
        "read_back: the object is fetched and compared.",
        fix="Use read_back for a plain WebDAV folder.",
    )

    @field_validator("url")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        origin, _ = split_url(value)
        if origin.scheme == "http" and not _is_here(origin.host):
            msg = "must begin with https://: everybody on the way could read what is sent, the token too"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _whole(self) -> HttpsTargetSection:
        _both(self.certificate, self.private_key)
        return self


class MqttTargetSection(TargetSection):
    """An MQTT broker, for alerts and events alone."""

    kind: Literal["mqtt"] = option(description="Kind of target.", fix=KINDS_FIX, example="mqtt")
    url: str = option(
        description="Address of the broker. mqtt:// is not encrypted and takes no password but on this machine itself.",
        fix="For example mqtts://broker.example or mqtt://10.0.0.5:1883.",
        example="mqtts://broker.example",
    )
    lanes: tuple[Literal["alerts", "events"], ...] = _lanes(("alerts", "events"), least=1)
    topic: str = option(
        "sluicegate",
        description="First levels of the topics: <topic>/<site>/<gateway>/alerts and .../events.",
        fix="Letters, digits, '.', '_', '-' between slashes.",
        pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$",
    )
    user: str | None = option(None, description="User name; left out = none.", example="gateway")
    password_file: FilePath | None = option(
        None, description="File that holds the password; read again when it changes.", example="/run/secrets/mqtt"
    )
    certificate: FilePath | None = option(
        None, description="Our certificate (PEM), for brokers that ask for one.", example="/etc/sluicegate/client.pem"
    )
    private_key: FilePath | None = option(
        None, description="Key of it (PEM); left out = in the same file.", example="/run/secrets/client-key.pem"
    )
    ca_file: FilePath | None = option(
        None, description="Certificates (PEM) to trust instead of the system's.", example="/etc/sluicegate/ca.pem"
    )

    @field_validator("url")
    @classmethod
    def _broker(cls, value: str) -> str:
        _, path = split_url(value, MQTT)
        if path:
            msg = "must end with the host or port: topics are set by `topic`"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _whole(self) -> MqttTargetSection:
        _both(self.certificate, self.private_key)
        if (self.user is None) != (self.password_file is None):
            msg = "user and password_file go together: name both, or neither"
            raise ValueError(msg)
        origin, _ = split_url(self.url, MQTT)
        if self.password_file is not None and not origin.encrypted and not _is_here(origin.host):
            msg = "a password must not go over mqtt://, where everybody on the way could read it: use mqtts://"
            raise ValueError(msg)
        return self


class PyarrowTargetSection(TargetSection):
    """A store that pyarrow has a file system for. Every object is read back, which costs its size once more."""

    kind: Literal["pyarrow"] = option(description="Kind of target.", fix=KINDS_FIX, example="pyarrow")
    uri: Annotated[str, AfterValidator(_store)] = option(
        description="Folder below which objects go: of Azure, Google Cloud Storage (gs://BUCKET/FOLDER), HDFS "
        "(hdfs://HOST:PORT/FOLDER).",
        fix="For example abfss://plant@account.dfs.core.windows.net/gateways.",
        example="abfss://plant@account.dfs.core.windows.net/gateways",
    )
    key_file: FilePath | None = option(
        None,
        description="File that holds the key of the Azure account; read again when it changes. Google's credentials "
        "are the file that the environment variable GOOGLE_APPLICATION_CREDENTIALS names.",
        example="/run/secrets/azure-key",
    )

    @model_validator(mode="after")
    def _whole(self) -> PyarrowTargetSection:
        azure = parse_store(self.uri).scheme in {"abfs", "abfss"}
        if azure and self.key_file is None:
            msg = "key_file is required for Azure: without it Microsoft's library would ask around for credentials"
            raise ValueError(msg)
        if not azure and self.key_file is not None:
            msg = "key_file is for Azure alone: leave it out"
            raise ValueError(msg)
        return self


AnyTarget = Annotated[
    FileTargetSection | S3TargetSection | HttpsTargetSection | MqttTargetSection | PyarrowTargetSection,
    Discriminator("kind"),
]


class UplinkSection(Section):
    """What sending may cost. Alerts are never held and never slowed."""

    bandwidth: Size | None = option(
        None,
        description="Bytes a second for events and summaries; left out = as fast as the line.",
        fix="1 kB to 1 PiB, for example '32 KiB'.",
        example="32 KiB",
        ge=1000,
        le=PIB,
    )
    daily_budget: Size | None = option(
        None,
        description="Bytes a day on the network, alerts included; once spent, events and summaries wait for midnight.",
        fix="1 kB to 1 PiB, for example '20 MB'.",
        example="20 MB",
        ge=1000,
        le=PIB,
    )
    bulk_hours: tuple[str, ...] = option(
        (),
        description="Hours of the day, in this machine's time zone, in which summaries may leave; none = always.",
        fix='For example ["22:00-06:00"].',
    )

    @field_validator("bulk_hours")
    @classmethod
    def _spans(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_hours(text)
        return value


def _both(certificate: Path | None, private_key: Path | None) -> None:
    if private_key is not None and certificate is None:
        msg = "private_key stands without certificate: name both, or neither"
        raise ValueError(msg)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
