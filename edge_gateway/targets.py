"""From the [target] section to the target it means. A new kind is a branch here and a section there."""

from __future__ import annotations

import os
from collections.abc import Callable

from cloud_sink.targets.base import Target
from cloud_sink.targets.file import FileTarget
from cloud_sink.targets.https import Https
from cloud_sink.targets.remote import Dialect, RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.secrets import SecretFile, aws_environment, aws_profile, one_line
from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.connection import Uplink
from cloud_sink.uplink.pace import Pace
from cloud_sink.uplink.tls import Trust
from cloud_sink.uplink.words import Origin, split_url
from edge_gateway.config.config import Config
from edge_gateway.config.targets import FileTargetSection, HttpsTargetSection, S3TargetSection

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
    dialect, origin = _dialect(section)
    return RemoteTarget(dialect, Uplink(origin, _trust(section), pace=None if rate is None else Pace(rate)))


def describe_target(config: Config) -> str:
    """One line for people: where to, who we are there, what is worth a warning. No secret is read."""
    section = config.target
    match section:
        case FileTargetSection():
            away = "" if section.path.is_dir() else " (not there now: records would wait in the outbox)"
            return f"file {section.path}{away}"
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
