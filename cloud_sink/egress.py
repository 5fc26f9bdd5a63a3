"""The egress ledger: one line on site for every object that left it."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from cloud_sink.objects import CloudObject
from cloud_sink.settings import MIB

LEDGER_NAME = "egress.jsonl"


class EgressLedger:
    """JSON lines: time, target, lane, key, bytes, sha256. A repeat after a crash is a line of its own: it left twice.

    Bounded: `egress.jsonl` and `egress.1.jsonl` before it, about 250 bytes an object.
    """

    def __init__(self, folder: Path, max_bytes: int = 16 * MIB) -> None:
        """Describe it.

        Args:
            folder: Must exist.
            max_bytes: Of one of the two files.
        """
        self._path = folder / LEDGER_NAME
        self._older = folder / "egress.1.jsonl"
        self._max_bytes = max_bytes

    def note(self, sent: CloudObject, target: str, sha256: str, now: int) -> None:
        """Write one line, durably.

        Args:
            sent: The object.
            target: Name of where it went.
            sha256: As verified there.
            now: Wall clock, ns.

        Raises:
            OSError: It could not be written.
        """
        entry = {
            "time": datetime.fromtimestamp(now / 1e9, UTC).isoformat(timespec="milliseconds"),
            "target": target,
            "lane": sent.lane.name.lower(),
            "key": sent.key,
            "records": sent.records,
            "bytes": len(sent.data),
            "sha256": sha256,
        }
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":  # a crash or a full disk tore the last one
                line = b"\n" + line
            if os.write(file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            os.fdatasync(file)
            size += len(line)
        finally:
            os.close(file)
        if size >= self._max_bytes:
            self._path.replace(self._older)
