"""A bundle comes over: what is asked for, and what is checked before anything of it is written.

Nothing is believed but the manifest, whose hash stands in the signed channel: sizes and hashes come from it, and so
does the end of every transfer. What was fetched before a kill is not fetched again.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from models.bundle import BASELINE, CARD, GOLDEN, MANIFEST, MAX_BYTES, MODEL, PICTURES, SIGNATURE
from models.channel import Pick, bundle_key
from models.errors import BundleRejected, ChannelRefused
from models.manifest import FileEntry, Manifest, decode_manifest
from models.safe_files import read_file, replace_file

Ask = Callable[[str, int], bytes]
"""From the key of an object and the most bytes it may have to its bytes."""

SPARE_BYTES = 64 << 20  # of the disk, beyond what the bundle takes twice: journal and outbox go before models
_MOST_SIGNATURE = 4096
_NEEDED = {MODEL, GOLDEN, BASELINE, CARD}
_PUSH = "push the version again"


def fetch_bundle(ask: Ask, name: str, pick: Pick, folder: Path) -> Manifest:
    """Fetch one version into a folder, file by file.

    Args:
        ask: For one object.
        name: Of the model.
        pick: The version.
        folder: Of this version's download; may hold part of it.

    Returns:
        The manifest.

    Raises:
        ChannelRefused: What lies there is not what the channel's publisher signed.
        DeliveryError: Of `ask`: not now.
        OSError: The disk is full, or cannot be written.
    """
    where = bundle_key(name, pick.version, MANIFEST)
    data = ask(where, MAX_BYTES[MANIFEST])
    if hashlib.sha256(data).hexdigest() != pick.manifest:
        rule = "it is not the manifest that the channel names: damaged, or another bundle in its place"
        raise ChannelRefused(where, rule, _PUSH)
    try:
        manifest = decode_manifest(data)
    except ValueError as error:
        raise ChannelRefused(where, str(error), "train it again with this software") from error
    if (manifest.name, manifest.version) != (name, pick.version):
        raise ChannelRefused(where, f"it is of {manifest.model}, put in the place of another", _PUSH)
    check_entries(where, manifest.files)
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(entry.size for entry in manifest.files)
    if (free := shutil.disk_usage(folder).free) < 2 * total + SPARE_BYTES:
        raise OSError(28, f"no room for {total} bytes of {manifest.model}, {free} are free", str(folder))
    for entry in manifest.files:
        if not _is_there(folder / entry.name, entry):
            replace_file(folder / entry.name, _whole(ask, bundle_key(name, pick.version, entry.name), entry))
    replace_file(folder / SIGNATURE, ask(bundle_key(name, pick.version, SIGNATURE), _MOST_SIGNATURE))
    replace_file(folder / MANIFEST, data)
    return manifest


def check_entries(where: str, entries: tuple[FileEntry, ...]) -> None:
    """Names and sizes, before any of the files is asked for.

    Raises:
        ChannelRefused: One is no file of a bundle, or larger than such a file may be.
    """
    names = [entry.name for entry in entries]
    if not _NEEDED <= set(names) <= _NEEDED | set(PICTURES) or len(names) != len(set(names)):
        raise ChannelRefused(where, f"it lists {sorted(names)[:9]}, it must list {sorted(_NEEDED)}", _PUSH)
    for entry in entries:
        if not 0 <= entry.size <= MAX_BYTES[entry.name]:
            rule = f"{entry.name} has {entry.size} bytes, and at most {MAX_BYTES[entry.name]} are allowed"
            raise ChannelRefused(where, rule, "train a smaller model")


def _whole(ask: Ask, key: str, entry: FileEntry) -> bytes:
    data = ask(key, entry.size)
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        rule = f"{len(data)} bytes came, which are not the {entry.size} that the manifest names"
        raise ChannelRefused(key, rule, _PUSH)
    return data


def _is_there(path: Path, entry: FileEntry) -> bool:
    """Whether it came before this process was killed."""
    try:
        return hashlib.sha256(read_file(path, entry.size)).hexdigest() == entry.sha256
    except BundleRejected:
        return False
