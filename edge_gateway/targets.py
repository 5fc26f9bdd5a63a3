"""From the [target] section to the target it means. A new kind is a branch here and a section there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from cloud_sink.records import Lane
from cloud_sink.settings import Naming
from cloud_sink.targets.base import Target
from cloud_sink.targets.file import FileTarget
from cloud_sink.targets.https import Https
from cloud_sink.targets.mqtt import LANES as MQTT_LANES
from cloud_sink.targets.mqtt import MqttTarget
from cloud_sink.targets.remote import Dialect, RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.secrets import SecretFile, aws_environment, aws_profile, one_line
from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.connection import Uplink
from cloud_sink.uplink.line import Line
from cloud_sink.uplink.mqtt import Broker
from cloud_sink.uplink.pace import Pace
from cloud_sink.uplink.tls import Trust
from cloud_sink.uplink.words import Origin, split_url
from edge_gateway import __version__
from edge_gateway.config.config import Config
from edge_gateway.config.targets import MQTT, FileTargetSection, HttpsTargetSection, MqttTargetSection, S3TargetSection

RemoteSection = S3TargetSection | HttpsTargetSection


def open_target(config: Config, *, bulk: bool) -> Target:
    """A target with a connection of its own; nothing is asked of it yet.

    Args:
        config: Of the gateway.
        bulk: For events and summaries, which keep to the bandwidth.
    """
    section = config.target
    if isinstance(section, FileTargetSection):
        return FileTarget(section.path)
    rate = config.uplink.bandwidth if bulk else None
    if isinstance(section, MqttTargetSection):
        return _mqtt(config, section, None if rate is None else Pace(rate), bulk=bulk)
    dialect, origin = _dialect(section)
    return RemoteTarget(dialect, Uplink(origin, _trust(section), pace=None if rate is None else Pace(rate)))


def describe_target(config: Config) -> str:
    """One line for people: where to, who we are there, what is worth a warning. No secret is read."""
    section = config.target
    match section:
        case FileTargetSection():
            away = "" if section.path.is_dir() else " (not there now: records would wait in the outbox)"
            return f"file {section.path}{away}"
        case MqttTargetSection():
            origin, _ = split_url(section.url, MQTT)
            who = "without a user" if section.user is None else f"as {section.user}"
            plain = "" if origin.encrypted else "; NOT ENCRYPTED"
            return f"mqtt {origin}/{section.topic} ({who}{plain}; alerts and events only, summaries stay here)"
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


def lanes_of(config: Config) -> Sequence[Lane]:
    """The kinds of records that the target takes."""
    return MQTT_LANES if isinstance(config.target, MqttTargetSection) else tuple(Lane)


def _mqtt(config: Config, section: MqttTargetSection, pace: Pace | None, *, bulk: bool) -> Target:
    origin, _ = split_url(section.url, MQTT)
    naming = Naming(config.gateway.site, config.gateway.name, __version__)
    # A broker ends the first of two connections with one name, so the two slots have one each.
    client = f"sluicegate-{naming.site}-{naming.gateway}{'-bulk' if bulk else ''}"
    trust = Trust(section.ca_file, section.certificate, section.private_key)
    user, file = section.user, section.password_file
    password = SecretFile(file, one_line) if file is not None else None

    def login() -> tuple[str, str] | None:
        return None if user is None or password is None else (user, password.current())

    return MqttTarget(Broker(Line(origin, trust, pace=pace), client, login), origin, section.topic, naming)


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
