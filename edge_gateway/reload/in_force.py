"""The configuration in force, as a file in the data folder that every process starts from."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_gateway.config.config import Config
from edge_gateway.config.section import Section
from edge_gateway.layout import Layout
from edge_gateway.reload.codec import decode, encode

_VERSION = 1
_BUNDLE = "manifest.json"  # of a bundle: it has the digests of all other files


@dataclass(frozen=True, slots=True)
class InForce:
    """A configuration that was accepted.

    Attributes:
        generation: Counts up with every one that comes into force in this data folder.
        config: Complete: maps, pinned tags and the environment were read when it was accepted.
        files: Digest of what lies in each file it names, as it was then.
    """

    generation: int
    config: Config
    files: Mapping[str, str]


def in_force_path(config: Config) -> Path:
    """Where it is kept."""
    return Layout(config.gateway.data).config / "in-force.json"


def write(path: Path, kept: InForce) -> None:
    """Put it there, durably; whoever reads finds this one or the former, whole.

    Raises:
        OSError: The disk refuses.
    """
    body = {
        "v": _VERSION,
        "generation": kept.generation,
        "accepted": time.time_ns(),
        "files": dict(kept.files),
        "config": encode(kept.config),
    }
    put(path, json.dumps(body, separators=(",", ":")).encode())


def put(path: Path, data: bytes) -> None:
    """Replace a file in one step, durably; for the owner's eyes only.

    Raises:
        OSError: The disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()  # half a file would take what little room there is
        raise


def read(path: Path) -> InForce:
    """What is kept there.

    Raises:
        OSError: It cannot be read.
        ValueError: It is damaged, or of newer software.
    """
    body: Any = json.loads(path.read_bytes())
    try:
        version, generation, files, config = (body[key] for key in ("v", "generation", "files", "config"))
    except (TypeError, KeyError) as error:
        msg = f"{path} is no kept configuration; start the gateway again"
        raise ValueError(msg) from error
    if version != _VERSION:
        msg = f"{path} has version {version} where {_VERSION} is read; start the gateway again"
        raise ValueError(msg)
    return InForce(int(generation), decode(config), {str(name): str(digest) for name, digest in files.items()})


def digests(config: Config) -> dict[str, str]:
    """Of every file the configuration names, bundles and .py files too; those that are not there are left out."""
    found = {}
    for path in files_of(config):
        try:
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            continue  # a folder, or a file that is made later
    return found


def files_of(value: Any) -> Iterator[Path]:
    """What a section names, as files whose content tells whether it changed."""
    if isinstance(value, Path):
        yield value / _BUNDLE if (value / _BUNDLE).is_file() else value
    elif isinstance(value, tuple):
        for one in value:
            yield from files_of(one)
    elif isinstance(value, Section):
        for name in type(value).model_fields:
            yield from files_of(getattr(value, name))
    elif isinstance(value, str) and value.endswith(".py"):
        yield Path(value)
