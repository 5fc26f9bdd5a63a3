"""Errors of this room. Facts are fields; the sentence is built from them and names the fix.

ConnectorError
├── JournalLocked     a second writer on one journal
├── JournalDamaged    a segment that cannot be read
├── JournalTooNew     written by newer software
├── JournalWriteFailed  the disk refused an append
└── UnknownAsset      a block of an asset the journal was not opened with
"""

# ruff: noqa: N818  the names say what happened; every one of them is a ConnectorError

from __future__ import annotations

from pathlib import Path


class ConnectorError(Exception):
    """Root of the tree."""


class JournalLocked(ConnectorError):
    """Another process writes this journal."""

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder = folder
        self.owner = owner
        super().__init__(
            f"journal {folder}: already written by {owner or 'another process'}; one journal has one writer. "
            "Stop the other one, or configure another folder."
        )


class JournalDamaged(ConnectorError):
    """A segment whose header or frames cannot be read."""

    def __init__(self, path: Path, offset: int, why: str) -> None:
        self.path = path
        self.offset = offset
        self.why = why
        super().__init__(f"journal segment {path}: {why} at byte {offset}")


class JournalTooNew(ConnectorError):
    """A segment of a later format than this software knows."""

    def __init__(self, path: Path, version: int, known: int) -> None:
        self.path = path
        self.version = version
        self.known = known
        super().__init__(
            f"journal segment {path}: format {version}, this software reads up to {known}. "
            "Upgrade it, or configure another folder."
        )


class JournalWriteFailed(ConnectorError):
    """An append that did not reach the file; nothing of it is kept."""

    def __init__(self, path: Path, cause: OSError) -> None:
        self.path = path
        self.errno = cause.errno
        super().__init__(f"journal segment {path}: append failed: {cause.strerror}. Check the disk.")


class UnknownAsset(ConnectorError):
    """A block whose asset or tag table is not one of the journal's."""

    def __init__(self, asset: str, known: tuple[str, ...]) -> None:
        self.asset = asset
        self.known = known
        super().__init__(
            f"asset {asset!r}: not in this journal or with other tags; it was opened for {', '.join(known) or 'none'}. "
            "Open the journal with the tables of all drivers."
        )
