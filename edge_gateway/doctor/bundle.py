"""Gathers the parts, takes the secrets out, and writes one file."""

from __future__ import annotations

import io
import os
import tarfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_gateway.doctor.parts import gathered, parts_of
from edge_gateway.doctor.scrub import Scrubber, known_secrets
from edge_gateway.layout import Layout

ABOUT = "README.txt"


@dataclass(frozen=True, slots=True)
class Written:
    """One file of a bundle, as it will be in it.

    Attributes:
        name: Its path there.
        about: What it is.
        text: Without secrets.
    """

    name: str
    about: str
    text: str


def gather(path: Path, layout: Layout, logs: Sequence[Path], environ: Mapping[str, str]) -> list[Written]:
    """Everything, with the secrets taken out; the first says what the others are."""
    scrubber = Scrubber(known_secrets(_document(path), environ))
    files = list(_unlike(path, layout, logs, scrubber))
    told = "".join(f"{one.name}: {one.about}\n" for one in files)
    return [Written(ABOUT, "what is in the bundle", f"A bundle of `sluicegate doctor`.\n\n{told}"), *files]


def write(files: Sequence[Written], out: Path) -> int:
    """Write the bundle; readable by this user alone. Where that fails, nothing stays.

    Returns:
        Its size in bytes.

    Raises:
        OSError: It cannot be written, or is there already.
    """
    folder = out.name.removesuffix(".gz").removesuffix(".tar")
    # Not linked into place: a stick to carry it away on knows no links, and a rename would replace what is there.
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for one in files:
                data = one.text.encode()
                info = tarfile.TarInfo(f"{folder}/{one.name}")
                info.size, info.mode = len(data), 0o600
                archive.addfile(info, io.BytesIO(data))
    except BaseException:  # whatever it was, half a bundle must not be taken for one
        out.unlink(missing_ok=True)
        raise
    return out.stat().st_size


def _unlike(path: Path, layout: Layout, logs: Sequence[Path], scrubber: Scrubber) -> Iterator[Written]:
    """Two logs may be called alike."""
    names: set[str] = set()
    for part in parts_of(path, layout, logs):
        name, number = part.name, 2
        while name in names:
            name, number = f"{part.name}.{number}", number + 1
        names.add(name)
        yield Written(scrubber.clean(name), part.about, scrubber.clean(gathered(part)))


def _document(path: Path) -> Any:
    """As it is written, to know what in it is secret; {} where it is no TOML: then only looks are gone by."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
