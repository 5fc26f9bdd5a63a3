"""Delivery into a folder: a disk, a network share, a USB stick to carry.

Point the root at a folder *on* the medium, not at its mount point: then it is gone while the medium is away, and
nothing is written to the disk underneath by mistake.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

from cloud_sink.errors import PermanentDeliveryError, PermanentReason, TransientDeliveryError, TransientReason
from cloud_sink.targets.base import Fetched, Receipt
from cloud_sink.targets.fetching import too_large

_REASONS = {
    errno.ENOSPC: TransientReason.TARGET_FULL,
    errno.EDQUOT: TransientReason.TARGET_FULL,
    errno.EROFS: TransientReason.TARGET_DENIED,
    errno.EACCES: TransientReason.TARGET_DENIED,
    errno.EPERM: TransientReason.TARGET_DENIED,
}


class FileTarget:
    """Objects as files below a root that must exist; it is never created here."""

    def __init__(self, root: Path) -> None:
        """Describe it; the folder may come and go.

        Args:
            root: Holds `alerts/`, `events/`, `summaries/`.
        """
        self._root = root

    @property
    def name(self) -> str:
        """The root."""
        return f"file:{self._root}"

    def put(self, key: str, data: bytes) -> Receipt:
        """See `Target.put`. Other readers see the file whole or not at all."""
        return self._put(key, data, replace=False)

    def replace(self, key: str, data: bytes) -> Receipt:
        """See `Shelf.replace`."""
        return self._put(key, data, replace=True)

    def fetch(self, key: str, most: int, tag: str = "") -> Fetched:
        """See `Shelf.fetch`. The tag is the SHA-256, so that a medium put in again tells nothing new."""
        try:
            handle = os.open(self._root / key, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise FileNotFoundError(errno.ENOENT, "is not a regular file", key)
                data = file.read(most + 1)
        except OSError as error:
            reason = TransientReason.TARGET_MISSING if error.errno == errno.ENOENT else self._reason(error)
            raise TransientDeliveryError(reason, str(error)) from error
        if len(data) > most:
            raise too_large(f"{key} in {self.name}", most)
        found = hashlib.sha256(data).hexdigest()
        return Fetched(None if found == tag else data, found)

    def _put(self, key: str, data: bytes, *, replace: bool) -> Receipt:
        path = self._root / key
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            if not self._root.is_dir():
                raise FileNotFoundError(errno.ENOENT, "root folder is not there", str(self._root))
            if not replace and path.exists():
                receipt = _compare(path, sha256)
                self._sync_folders(path.parent)  # whoever wrote it may have died before it did so
                return receipt
            self._make_folders(path.parent)
            _write(path, data)
            found = _read_back(path)
            if found != sha256:
                path.unlink()  # ours and wrong: the next attempt must not take it for somebody else's
        except OSError as error:
            raise TransientDeliveryError(self._reason(error), str(error)) from error
        if found != sha256:
            msg = f"{path} does not hold what was written to it; check the medium"
            raise TransientDeliveryError(TransientReason.VERIFY_FAILED, msg)
        return Receipt(sha256)

    def _make_folders(self, folder: Path) -> None:
        missing = []
        while folder != self._root and not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for child in reversed(missing):
            child.mkdir(exist_ok=True)
            _sync_folder(child.parent)

    def _sync_folders(self, folder: Path) -> None:
        _sync_folder(folder)
        if folder != self._root:
            self._sync_folders(folder.parent)

    def _reason(self, error: OSError) -> TransientReason:
        if not self._root.is_dir():
            return TransientReason.TARGET_MISSING
        return _REASONS.get(error.errno or 0, TransientReason.TARGET_IO)


def _compare(path: Path, sha256: str) -> Receipt:
    found = _read_back(path)
    if found != sha256:
        msg = (
            f"{path} exists with sha256 {found} and would have {sha256}; two gateways with one name, or edited by hand"
        )
        raise PermanentDeliveryError(PermanentReason.KEY_CONFLICT, msg)
    return Receipt(sha256, repeat=True)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")  # the same one after a crash, so nothing is left lying about
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_back(path: Path) -> str:
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # from the medium, not from memory
        return hashlib.file_digest(file, "sha256").hexdigest()
