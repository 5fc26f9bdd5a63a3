"""`sluicegate model shadow | promote | rollback --to PLACE`: what gateways that follow a channel are to serve."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_sink.targets.base import Shelf
from edge_gateway.commands.model_place import (
    Address,
    fetch,
    keys_of,
    known_channel,
    next_counter,
    note_in_index,
    open_address,
)
from edge_gateway.commands.model_site import named_version, split
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from edge_gateway.times import utc_text
from flows.durations import duration, to_ns
from models.bundle import MANIFEST, MAX_BYTES, SIGNATURE
from models.channel import SCHEMA, Channel, Pick, bundle_key, channel_key, write_channel
from models.errors import ChannelRefused
from models.manifest import decode_manifest
from models.rollout import give_up
from models.signature import TrustedKeys, public_text, read_key

_MOST_SIGNATURE = 4096


@dataclass(frozen=True, slots=True)
class Issue:
    """How a channel is issued.

    Attributes:
        address: Where.
        channel: Which.
        key: File of the private key.
        not_after: From now on.
        as_json: For programs.
    """

    address: Address
    channel: str
    key: Path
    not_after: str
    as_json: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a channel is read and written.

    Attributes:
        shelf: The place.
        private: Signs.
        keys: Are believed.
        lasts: How long an issue is good.
    """

    shelf: Shelf
    private: Ed25519PrivateKey
    keys: TrustedKeys
    lasts: timedelta

    def publish(self, channel: Channel, before: Channel | None) -> Channel:
        """Write the next issue, verified.

        Raises:
            DeliveryError: It does not lie there.
        """
        now = time.time_ns()
        channel = replace(channel, counter=next_counter(before), issued=now, not_after=now + to_ns(self.lasts))
        self.shelf.replace(channel_key(channel.name, channel.channel), write_channel(channel, self.private.sign))
        note_in_index(self.shelf, channel.name, "channels", channel.channel)
        return channel


def open_desk(issue: Issue) -> Desk:
    """Open the place and the key.

    Raises:
        Refusal: One of them is wrong.
        KeyRefused: The key cannot be used.
    """
    private = read_key(issue.key)
    try:
        lasts = duration(issue.not_after, "--not-after")
    except ValueError as error:
        raise Refusal("--not-after", f'"{issue.not_after}"', str(error), "For example 30d.") from error
    if lasts <= timedelta(0):
        raise Refusal("--not-after", f'"{issue.not_after}"', "must be more than 0", "For example 30d.")
    return Desk(open_address(issue.address), private, keys_of(issue.address, [public_text(private)]), lasts)


def pick_of(desk: Desk, name: str, version: str) -> Pick:
    """A version that was pushed.

    Raises:
        ChannelRefused: It is not there, nobody trusted signed it, or it is another one.
        DeliveryError: It cannot be told.
    """
    where = bundle_key(name, version, MANIFEST)
    data = fetch(desk.shelf, where, MAX_BYTES[MANIFEST])
    signature = fetch(desk.shelf, bundle_key(name, version, SIGNATURE), _MOST_SIGNATURE)
    if data is None or signature is None:
        raise ChannelRefused(where, "it is not there", f"run `sluicegate model push` for {name}@{version} first")
    if not desk.keys.vouch(data, signature):
        raise ChannelRefused(where, "neither --key nor --trust signed it", "give --trust its signer's public key")
    manifest = decode_manifest(data)
    if (manifest.name, manifest.version) != (name, version):
        raise ChannelRefused(where, f"it is of {manifest.model}", "push the version again")
    return Pick(version, hashlib.sha256(data).hexdigest())


def set_wanted(
    which: str, issue: Issue, *, mode: Any, percent: int, sites: tuple[str, ...], force: bool, reason: str
) -> int:
    """`shadow` and `promote`.

    Raises:
        Refusal: No version is named, or it was halted before.
        ModelError: It is not there, or not trusted.
        DeliveryError: The place cannot be read or written.
    """
    name, version = named_version(which)
    desk = open_desk(issue)
    before = known_channel(desk.shelf, desk.keys, name, issue.channel)
    pick, halted = pick_of(desk, name, version), dict(before.halted) if before else {}
    if version in halted and not (force and reason):
        fix = "Give a new version, or --force with --reason."
        raise Refusal("NAME@VERSION", f'"{which}"', f"was halted: {halted[version]}", fix)
    halted.pop(version, None)
    channel = _made(
        lambda: Channel(
            schema=SCHEMA,
            name=name,
            channel=issue.channel,
            counter=0,
            issued=0,
            not_after=1,
            wanted=pick,
            mode=mode,
            percent=percent,
            sites=sites,
            others=_served_before(before, pick),
            halted=halted,
        )
    )
    channel = replace(channel, others=None) if channel.whole else channel
    return told(desk.publish(channel, before), desk, as_json=issue.as_json)


def set_back(which: str, issue: Issue, reason: str) -> int:
    """`rollback`: to the version that the others have, or to the one named; what is left is not rolled out again.

    Raises:
        Refusal: There is none.
        ModelError: It is not there, or not trusted.
        DeliveryError: The place cannot be read or written.
    """
    name, version = split(which)
    desk = open_desk(issue)
    before = known_channel(desk.shelf, desk.keys, name, issue.channel)
    if before is None or (version is None and before.others is None):
        rule = "has no channel there" if before is None else "has no version that others keep to go back to"
        raise Refusal("NAME@VERSION", f'"{which}"', rule, "Name the version to go back to.")
    if version is not None:
        before = replace(before, others=pick_of(desk, name, version))
    if before.others is not None and before.others.version == before.wanted.version:
        raise Refusal("NAME@VERSION", f'"{which}"', "is what the channel asks for", "Name another.")
    after = replace(give_up(before, reason or "somebody asked for it"), sites=(), mode="active")
    return told(desk.publish(after, before), desk, as_json=issue.as_json)


def told(channel: Channel, desk: Desk, *, as_json: bool) -> int:
    """Say what was issued."""
    if as_json:
        typer.echo(json.dumps({**asdict(channel), "target": desk.shelf.name}))
        return Exit.OK
    typer.echo(printable(f"{desk.shelf.name}: {in_words(channel)}"))
    return Exit.OK


def in_words(channel: Channel) -> str:
    """A channel on one line."""
    whose = f"{channel.percent} % of gateways" + (f" of {', '.join(channel.sites)}" if channel.sites else "")
    what = "shadow" if channel.mode == "shadow" else "serve"
    others = f"; the others serve {channel.name}@{channel.others.version}" if channel.others else ""
    return (
        f"channel {channel.channel} of {channel.name}, issue {channel.counter}: {whose} {what} {channel.model}{others}"
        f"; good until {utc_text(channel.not_after)}"
    )


def _served_before(before: Channel | None, pick: Pick) -> Pick | None:
    """What those who are not chosen keep: what the channel wanted of all, or of its others."""
    if before is None:
        return None
    stands = before.served_by_all
    return stands if stands is None or stands.version != pick.version else None


def _made(make: Callable[[], Channel]) -> Channel:
    try:
        return make()
    except ValueError as error:
        raise Refusal(
            "--percent, --sites, --channel", None, str(error), "See `sluicegate model promote --help`."
        ) from error
