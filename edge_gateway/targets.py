"""From a [[target]] table to the target it means. A new kind is a branch here and a section there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from cloud_sink.records import Lane
from cloud_sink.settings import Naming
from cloud_sink.targets.base import Target
from cloud_sink.targets.file import FileTarget
from cloud_sink.targets.https import Https
from cloud_sink.targets.mqtt import MqttTarget
from cloud_sink.targets.remote import Dialect, RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.secrets import SecretFile, aws_environment, aws_profile, named_file, one_line
from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.targets.store import StoreTarget
from cloud_sink.uplink.connection import Uplink
from cloud_sink.uplink.line import Line
from cloud_sink.uplink.mqtt import Broker
from cloud_sink.uplink.pace import Pace
from cloud_sink.uplink.store import StoreClient, parse_store
from cloud_sink.uplink.tls import Trust
from cloud_sink.uplink.words import Origin, split_url
from edge_gateway import __version__
from edge_gateway.config.config import Config
from edge_gateway.config.target_parts import MQTT
from edge_gateway.config.targets import (
    AnyTarget,
    FileTargetSection,
    HttpsTargetSection,
    MqttTargetSection,
    PyarrowTargetSection,
    S3TargetSection,
)

GOOGLE = "GOOGLE_APPLICATION_CREDENTIALS"
RemoteSection = S3TargetSection | HttpsTargetSection
ShelfSection = FileTargetSection | PyarrowTargetSection | RemoteSection


def open_target(config: Config, section: AnyTarget, pace: Pace | None = None, *, bulk: bool) -> Target:
    """A target with a connection of its own; nothing is asked of it yet.

    Args:
        config: Of the gateway.
        section: Of the target.
        pace: Of sending, shared by all that keep to the bandwidth; None = as fast as the line.
        bulk: For events and summaries.
    """
    if isinstance(section, MqttTargetSection):
        return _mqtt(config, section, pace, bulk=bulk)
    return open_shelf(section, pace)


def open_shelf(section: ShelfSection, pace: Pace | None = None) -> FileTarget | StoreTarget | RemoteTarget:
    """A target that can be read as well, with a connection of its own; nothing is asked of it yet.

    Args:
        section: Of the target.
        pace: Of sending; None = as fast as the line.
    """
    match section:
        case FileTargetSection():
            return FileTarget(section.path)
        case PyarrowTargetSection():
            store = parse_store(section.uri)
            return StoreTarget(store, StoreClient(store), _store_secret(section))
        case S3TargetSection() | HttpsTargetSection():
            dialect, origin = _dialect(section)
            return RemoteTarget(dialect, Uplink(origin, _trust(section), pace=pace))


def describe_targets(config: Config) -> Sequence[str]:
    """A line each for people: where to, who we are there, what is worth a warning. No secret is read."""
    lines = [
        f"{section.label()}: {_described(section)}; takes {', '.join(section.lanes) or 'no records'}"
        for section in config.target
    ]
    unwanted = [lane for lane in Lane if not any(lane in section.wanted() for section in config.target)]
    for lane in unwanted:
        kind = {Lane.ALERT: "alerts", Lane.EVENT: "events", Lane.SUMMARY: "summaries"}[lane]
        lines.append(f"NO TARGET TAKES {kind}: they stay in the outbox until its quota drops them")
    return lines


def _described(section: AnyTarget) -> str:
    match section:
        case FileTargetSection():
            away = "" if section.path.is_dir() else " (not there now: records would wait in the outbox)"
            return f"file {section.path}{away}"
        case MqttTargetSection():
            origin, _ = split_url(section.url, MQTT)
            who = "without a user" if section.user is None else f"as {section.user}"
            plain = "" if origin.encrypted else "; NOT ENCRYPTED"
            return f"mqtt {origin}/{section.topic} ({who}{plain})"
        case PyarrowTargetSection():
            store = parse_store(section.uri)
            who = f"key from {section.key_file}" if section.key_file else "credentials from the environment"
            plain = "" if store.encrypted else "; NOT ENCRYPTED"
            return f"pyarrow {store} ({who}, verified by read back{plain})"
        case S3TargetSection():
            dialect, origin = _dialect(section)
            who = f"credentials from {section.credentials_file or 'the environment'}"
        case HttpsTargetSection():
            dialect, origin = _dialect(section)
            who = ", ".join(
                f"{what} from {file}"
                for what, file in (("token", section.token_file), ("certificate", section.certificate))
                if file is not None
            )
            who = f"{section.method} {who or 'without credentials'}, verified by {section.verify.replace('_', ' ')}"
    plain = "; NOT ENCRYPTED" if origin.scheme == "http" else ""
    return f"{section.kind} {dialect.name.removeprefix('s3:')} ({who}{plain})"


def _mqtt(config: Config, section: MqttTargetSection, pace: Pace | None, *, bulk: bool) -> Target:
    origin, _ = split_url(section.url, MQTT)
    naming = Naming(config.gateway.site, config.gateway.name, __version__)
    # A broker ends the first of two connections with one name, so each slot of each target has its own.
    client = f"sluicegate-{naming.site}-{naming.gateway}-{section.label()}{'-bulk' if bulk else ''}"
    trust = Trust(section.ca_file, section.certificate, section.private_key)
    user, file = section.user, section.password_file
    password = SecretFile(file, one_line) if file is not None else None

    def login() -> tuple[str, str] | None:
        return None if user is None or password is None else (user, password.current())

    return MqttTarget(Broker(Line(origin, trust, pace=pace), client, login), origin, section.topic, naming)


def _store_secret(section: PyarrowTargetSection) -> Callable[[], str]:
    if section.key_file is not None:
        return SecretFile(section.key_file, one_line).current
    if parse_store(section.uri).scheme == "gs":
        return lambda: named_file(os.environ, GOOGLE)
    return lambda: ""


def _dialect(section: RemoteSection) -> tuple[Dialect, Origin]:
    if isinstance(section, S3TargetSection):
        endpoint, path = split_url(section.endpoint)
        bucket = Bucket(
            endpoint,
            section.bucket,
            section.region,
            section.prefix,
            section.style,
            path,
            conditional=not section.overwrite,
        )
        return S3(bucket, _credentials(section)), bucket.origin
    origin, path = split_url(section.url)
    token = SecretFile(section.token_file, one_line).current if section.token_file is not None else None
    return Https(origin, path, section.method, token, section.verify), origin


def _credentials(section: S3TargetSection) -> Callable[[], Credentials]:
    if section.credentials_file is None:
        return lambda: aws_environment(os.environ)
    return SecretFile(section.credentials_file, aws_profile(section.profile)).current


def _trust(section: RemoteSection) -> Trust:
    if isinstance(section, S3TargetSection):
        return Trust(section.ca_file)
    return Trust(section.ca_file, section.certificate, section.private_key)
