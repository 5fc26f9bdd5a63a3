"""`sluicegate model list | verify --from PLACE`: what was published, looked at as a gateway would."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import typer

from cloud_sink.errors import DeliveryError
from cloud_sink.targets.base import Shelf
from edge_gateway.channels.fetching import fetch_bundle
from edge_gateway.commands.model_channel import in_words
from edge_gateway.commands.model_place import Address, fetch, keys_of, known_channel, open_address, read_index
from edge_gateway.commands.model_site import split
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from models.bundle import MANIFEST, MAX_BYTES, SIGNATURE
from models.channel import Channel, Pick, bundle_key, check_fresh
from models.errors import ChannelRefused, ModelError
from models.manifest import Manifest, decode_manifest
from models.signature import TrustedKeys
from models.trial import try_bundle

HEAD = ("model", "state", "detector", "counter", "bytes", "signature")
_MOST_SIGNATURE = 4096
_BUDGET = timedelta(seconds=10)  # the longest that a gateway can be told to allow


def list_published(address: Address, *, as_json: bool) -> int:
    """Print all versions and channels that were published.

    Raises:
        Refusal: There is no such place, or nobody to believe.
        DeliveryError: It cannot be read.
    """
    shelf, keys = open_address(address), keys_of(address)
    rows, channels = [], []
    for name, entry in read_index(shelf).items():
        found = [_channel(shelf, keys, name, channel) for channel in entry["channels"]]
        channels += found
        rows += [_row(shelf, keys, name, version, found) for version in entry["versions"]]
    if as_json:
        typer.echo(json.dumps({"target": shelf.name, "versions": rows, "channels": channels}, indent=2))
        return Exit.OK
    if not rows:
        typer.echo(printable(f"No models in {shelf.name}. `sluicegate model push BUNDLE --to ...` puts one there."))
    for row in (HEAD, *([str(row.get(key, "")) for key in HEAD] for row in rows)) if rows else ():
        typer.echo("\t".join(map(printable, row)))
    for one in channels:
        typer.echo(printable(one["told"]))
    return Exit.OK


def verify_published(address: Address, which: str | None, *, as_json: bool) -> int:
    """Fetch and open what was published, as a gateway does: channels with what they name, or one version.

    Returns:
        `Exit.OK`, or `Exit.FAILED` where anything would be refused.

    Raises:
        Refusal: There is no such place, or nobody to believe.
        DeliveryError: It cannot be read.
    """
    shelf, keys = open_address(address), keys_of(address)
    name, version = split(which) if which else (None, None)
    checked = []
    for model, entry in read_index(shelf).items():
        if name not in (None, model):
            continue
        if version is not None:
            checked.append(_checked(f"{model}@{version}", partial(_verify_version, shelf, keys, model, version)))
            continue
        checked += [
            _checked(f"{model} {channel}", partial(_verify_channel, shelf, keys, model, channel))
            for channel in entry["channels"]
        ]
    if not checked:
        fix = "`sluicegate model list --from ...` shows what is there."
        raise Refusal("NAME", f'"{which or ""}"', f"nothing to verify in {shelf.name}", fix)
    if as_json:
        typer.echo(json.dumps({"target": shelf.name, "checked": checked}, indent=2))
    else:
        for one in checked:
            typer.echo(printable(f"{one['what']}: {'ok, ' if one['ok'] else 'REFUSED: '}{one['told']}"))
    return Exit.OK if all(one["ok"] for one in checked) else Exit.FAILED


def _checked(what: str, act: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"what": what, "ok": True, "told": act()}
    except (ModelError, DeliveryError, ValueError) as error:
        return {"what": what, "ok": False, "told": str(error)}


def _verify_channel(shelf: Shelf, keys: TrustedKeys, name: str, channel: str) -> str:
    found = known_channel(shelf, keys, name, channel)
    if found is None:
        raise ChannelRefused(f"channel {channel} of {name}", "it is not there", "promote a version with --to")
    check_fresh(found, "", None, time.time_ns())
    picks = [pick for pick in (found.wanted, found.others) if pick is not None]
    told = [_open(shelf, keys, name, pick) for pick in picks]
    return f"{in_words(found)}; {'; '.join(told)}"


def _verify_version(shelf: Shelf, keys: TrustedKeys, name: str, version: str) -> str:
    data = fetch(shelf, bundle_key(name, version, MANIFEST), MAX_BYTES[MANIFEST])
    if data is None:
        raise ChannelRefused(f"{name}@{version}", "it is not there", "push it")
    return _open(shelf, keys, name, Pick(version, hashlib.sha256(data).hexdigest()))


def _open(shelf: Shelf, keys: TrustedKeys, name: str, pick: Pick) -> str:
    def ask(key: str, most: int) -> bytes:
        data = fetch(shelf, key, most)
        if data is None:
            raise ChannelRefused(key, "it is not there", "push the version again")
        return data

    with tempfile.TemporaryDirectory(prefix="sluicegate-") as folder:
        path = Path(folder) / pick.version
        fetch_bundle(ask, name, pick, path)
        passed = try_bundle(path, keys, _BUDGET)
    return f"{passed.model} counter {passed.counter}, golden rows right, {passed.p99_ms:.2f} ms a row"


def _channel(shelf: Shelf, keys: TrustedKeys, name: str, channel: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": name, "channel": channel}
    try:
        found = known_channel(shelf, keys, name, channel)
    except ChannelRefused as refused:
        return {**facts, "refused": str(refused), "told": str(refused)}
    if found is None:
        return {**facts, "refused": "it is not there", "told": f"channel {channel} of {name}: it is not there"}
    over = time.time_ns() >= found.not_after
    return {**facts, **_facts(found), "told": in_words(found) + ("; ITS TIME IS OVER" if over else "")}


def _facts(channel: Channel) -> dict[str, Any]:
    return {
        "counter": channel.counter,
        "wanted": channel.wanted.version,
        "others": channel.others.version if channel.others else None,
        "mode": channel.mode,
        "percent": channel.percent,
        "sites": list(channel.sites),
        "issued": channel.issued,
        "not_after": channel.not_after,
        "rollout": channel.rollout is not None,
        "halted": channel.halted,
    }


def _row(shelf: Shelf, keys: TrustedKeys, name: str, version: str, channels: list[dict[str, Any]]) -> dict[str, Any]:
    states = [
        f"{one['channel']} {one['percent']} %" if one.get("wanted") == version else f"{one['channel']} others"
        for one in channels
        if version in (one.get("wanted"), one.get("others"))
    ]
    halted = any(version in one.get("halted", {}) for one in channels)
    facts: dict[str, Any] = {"model": f"{name}@{version}", "state": ", ".join(states) or ("halted" if halted else "")}
    data = fetch(shelf, bundle_key(name, version, MANIFEST), MAX_BYTES[MANIFEST])
    signature = fetch(shelf, bundle_key(name, version, SIGNATURE), _MOST_SIGNATURE)
    if data is None or signature is None:
        return {**facts, "signature": "NOT THERE"}
    if not keys.vouch(data, signature):
        return {**facts, "signature": "NOT BY A TRUSTED KEY"}
    try:
        manifest: Manifest = decode_manifest(data)
    except ValueError as error:
        return {**facts, "signature": "trusted", "refused": str(error)}
    size = sum(entry.size for entry in manifest.files)
    return {**facts, "detector": manifest.detector, "counter": manifest.counter, "bytes": size, "signature": "trusted"}
