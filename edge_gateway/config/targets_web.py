"""Sections of the targets that answer for what they took: a web server, a broker."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator, model_validator

from cloud_sink.uplink.words import split_url
from edge_gateway.config.section import option
from edge_gateway.config.target_parts import (
    KINDS_FIX,
    MQTT,
    TargetSection,
    Url,
    both_or_none,
    ca_file,
    client_certificate,
    client_key,
    is_here,
    lanes_option,
)
from edge_gateway.config.units import FilePath


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
    certificate: FilePath | None = client_certificate()
    private_key: FilePath | None = client_key()
    ca_file: FilePath | None = ca_file()
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
        if origin.scheme == "http" and not is_here(origin.host):
            msg = "must begin with https://: everybody on the way could read what is sent, the token too"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _whole(self) -> HttpsTargetSection:
        both_or_none(self.certificate, self.private_key)
        return self


class MqttTargetSection(TargetSection):
    """An MQTT broker, for alerts and events alone."""

    kind: Literal["mqtt"] = option(description="Kind of target.", fix=KINDS_FIX, example="mqtt")
    url: str = option(
        description="Address of the broker. mqtt:// is not encrypted and takes no password but on this machine itself.",
        fix="For example mqtts://broker.example or mqtt://10.0.0.5:1883.",
        example="mqtts://broker.example",
    )
    lanes: tuple[Literal["alerts", "events"], ...] = lanes_option(("alerts", "events"), least=1)
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
    certificate: FilePath | None = client_certificate()
    private_key: FilePath | None = client_key()
    ca_file: FilePath | None = ca_file()

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
        both_or_none(self.certificate, self.private_key)
        if (self.user is None) != (self.password_file is None):
            msg = "user and password_file go together: name both, or neither"
            raise ValueError(msg)
        origin, _ = split_url(self.url, MQTT)
        if self.password_file is not None and not origin.encrypted and not is_here(origin.host):
            msg = "a password must not go over mqtt://, where everybody on the way could read it: use mqtts://"
            raise ValueError(msg)
        return self
