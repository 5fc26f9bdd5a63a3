"""The asking side: a command becomes a file, whole and on the disk, whether the gateway runs or not."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from connectors.commands.command import Command


def post(folder: Path, command: Command) -> Path:
    """Put a command where the acquire process looks; it is safe when this returns.

    Args:
        folder: Made where it is missing.
        command: The request.

    Raises:
        OSError: It could not be written; nothing was asked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{command.at:020d}-{secrets.token_hex(6)}.json"  # in the order of asking
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("xb") as file:
            file.write(command.encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    return path


def _sync_folder(folder: Path) -> None:
    """A rename is durable only when its folder is (fsync(2))."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
