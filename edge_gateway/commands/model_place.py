"""Where models are published: a folder, a URL, or a target of a gateway's configuration; and whom to believe there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.targets.base import Shelf
from edge_gateway.commands.refusal import Refusal
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.targets import (
    FileTargetSection,
    HttpsTargetSection,
    MqttTargetSection,
    PyarrowTargetSection,
    S3TargetSection,
)
from edge_gateway.exit_codes import Exit
from edge_gateway.targets import ShelfSection, open_shelf
from models.channel import MOST_BYTES, Channel, channel_key, read_channel
from models.errors import ChannelRefused
from models.signature import TrustedKeys

INDEX = "models/index.json"
_MOST_INDEX = 1 << 20


@dataclass(frozen=True, slots=True)
class Address:
    """As it was asked for.

    Attributes:
        place: Folder or URL; None = see `target`.
        target: Label of a [[target]] of the configuration; None = see `place`.
        gateway: Path of the configuration.
        trust: Public keys to believe beside those of the configuration.
    """

    place: str | None
    target: str | None
    gateway: Path
    trust: tuple[str, ...] = ()


def open_address(address: Address) -> Shelf:
    """The place.

    Raises:
        Refusal: It is none.
        ConfigRejected: A target is named, and the configuration is wrong.
    """
    if (address.place is None) == (address.target is None):
        fix = "Name a folder or URL, or with --target a [[target]] of --gateway."
        raise Refusal("--to, --from, --target", None, "give one of them", fix)
    if address.place is not None:
        return _opened(section_of(address.place, os.environ))
    config = load(address.gateway)
    section = next((one for one in config.target if one.label() == address.target), None)
    if section is None or isinstance(section, MqttTargetSection):
        have = ", ".join(one.label() for one in config.target if not isinstance(one, MqttTargetSection))
        raise Refusal("--target", f'"{address.target}"', "is no target that models can lie in", f"Targets: {have}.")
    return _opened(section)


def _opened(section: ShelfSection) -> Shelf:
    if isinstance(section, FileTargetSection) and not section.path.is_dir():
        fix = "Make it, or mount the medium: it is never made here."
        raise Refusal("--to, --from, --target", f'"{section.path}"', "is no folder", fix, Exit.FAILED)
    return open_shelf(section)


def section_of(place: str, environment: Mapping[str, str]) -> ShelfSection:
    """The table of a target that a folder or URL stands for.

    Args:
        place: A folder, file://FOLDER, s3://BUCKET/PREFIX, https://HOST/FOLDER, gs://... or hdfs://...
        environment: For S3 has AWS_ENDPOINT_URL, AWS_REGION, AWS_SHARED_CREDENTIALS_FILE.

    Raises:
        Refusal: It stands for none.
    """
    scheme = urlsplit(place).scheme if "://" in place else "file"
    try:
        match scheme:
            case "file":
                return FileTargetSection(kind="file", path=Path(place.removeprefix("file://")).expanduser())
            case "http" | "https":
                return HttpsTargetSection(kind="https", url=place.rstrip("/"), verify="read_back")
            case "s3":
                return _bucket(place, environment)
            case _:
                return PyarrowTargetSection(kind="pyarrow", uri=place)
    except (ValidationError, ValueError) as error:
        rule = _rule(error) if isinstance(error, ValidationError) else str(error)
        fix = "For what needs more than an address, give --target NAME with --gateway GATEWAY.TOML."
        raise Refusal("--to, --from", f'"{place}"', rule, fix) from error


def _rule(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _bucket(place: str, environment: Mapping[str, str]) -> S3TargetSection:
    parts = urlsplit(place)
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    prefix = parts.path.strip("/")
    file = environment.get("AWS_SHARED_CREDENTIALS_FILE")
    return S3TargetSection(
        kind="s3",
        endpoint=environment.get("AWS_ENDPOINT_URL") or f"https://s3.{region}.amazonaws.com",
        bucket=parts.netloc,
        region=region,
        prefix=f"{prefix}/" if prefix else "",
        credentials_file=Path(file) if file else None,
    )


def keys_of(address: Address, own: Sequence[str] = ()) -> TrustedKeys:
    """Whom to believe: --trust, our own key, and the keys of the configuration, where there is one.

    Raises:
        Refusal: Nobody, or a key is none.
    """
    texts = [*own, *address.trust]
    if address.gateway.is_file():
        texts += _config(address).models.trusted_keys
    try:
        keys = TrustedKeys(tuple(dict.fromkeys(texts)))
    except ValueError as error:
        raise Refusal("--trust", None, str(error), "`sluicegate model keygen` prints it.") from error
    if not keys:
        fix = "Give --trust PUBLIC_KEY, or --gateway GATEWAY.TOML with [models] trusted_keys."
        raise Refusal("--trust", None, "no key to judge signatures by", fix)
    return keys


def _config(address: Address) -> Config:
    return load(address.gateway)


def fetch(shelf: Shelf, key: str, most: int) -> bytes | None:
    """One object; None = there is none.

    Raises:
        DeliveryError: It cannot be told.
    """
    try:
        return shelf.fetch(key, most).data
    except TransientDeliveryError as error:
        if error.reason is TransientReason.TARGET_MISSING:
            return None
        raise


def known_channel(shelf: Shelf, keys: TrustedKeys, name: str, channel: str) -> Channel | None:
    """What is published; None = nothing yet.

    Raises:
        ChannelRefused: None of the keys signed it.
        DeliveryError: It cannot be told.
    """
    data = fetch(shelf, channel_key(name, channel), MOST_BYTES)
    return None if data is None else read_channel(data, keys, name, channel)


def next_counter(before: Channel | None) -> int:
    """Above what is there, and above what may have been there and was lost: seconds since 1970."""
    return max(int(time.time()), before.counter + 1 if before else 0)


def read_index(shelf: Shelf) -> dict[str, dict[str, list[str]]]:
    """Names of what was published, for people: no gateway reads it, and nothing in it is believed.

    Raises:
        DeliveryError: It cannot be told.
        ChannelRefused: It is damaged.
    """
    data = fetch(shelf, INDEX, _MOST_INDEX)
    if data is None:
        return {}
    try:
        found: Any = json.loads(data)
        return {
            str(name): {kind: sorted(map(str, one[kind])) for kind in ("versions", "channels")}
            for name, one in found["models"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ChannelRefused(INDEX, f"it is damaged ({error})", "remove it, and push again") from error


def note_in_index(shelf: Shelf, name: str, kind: str, what: str) -> None:
    """Add a version or a channel.

    Args:
        shelf: The place.
        name: Of the model.
        kind: "versions" or "channels".
        what: Its name.

    Raises:
        DeliveryError: It cannot be written.
    """
    index = read_index(shelf)
    entry = index.setdefault(name, {"versions": [], "channels": []})
    if what not in entry[kind]:
        entry[kind] = sorted([*entry[kind], what])
        text = json.dumps({"schema": 1, "models": index}, indent=1, sort_keys=True) + "\n"
        shelf.replace(INDEX, text.encode())
