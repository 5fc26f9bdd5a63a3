"""The egress ledger: one line on site for every object that left it, and for every attempt that sent bytes in vain."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cloud_sink.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError
from cloud_sink.objects import CloudObject
from cloud_sink.settings import MIB
from cloud_sink.targets.base import Fetched, Receipt

LEDGER_NAME = "egress.jsonl"
_OLDER_NAME = "egress.1.jsonl"
DELIVERED = "delivered"
FETCHED, UNCHANGED = "fetched", "unchanged"
MODELS = "models"


class EgressLedger:
    """JSON lines: time, target, lane, key, records, bytes, wire, sha256, outcome.

    A line is written when an attempt has ended. What a crash cuts off in between is sent again and has its line then;
    a repeat is a line of its own: it left twice. Bounded: `egress.jsonl` and `egress.1.jsonl` before it, about 300
    bytes an object.
    """

    def __init__(self, folder: Path, max_bytes: int = 16 * MIB) -> None:
        """Describe it.

        Args:
            folder: Must exist.
            max_bytes: Of one of the two files.
        """
        self._path = folder / LEDGER_NAME
        self._older = folder / _OLDER_NAME
        self._max_bytes = max_bytes
        self._alone = threading.Lock()  # deliverers write, and whoever fetches models

    def note(self, sent: CloudObject, target: str, outcome: Receipt | DeliveryError, now: int) -> None:
        """Write the line of an attempt to deliver an object.

        Args:
            sent: The object.
            target: Name of where it went.
            outcome: How the attempt ended.
            now: Wall clock, ns.

        Raises:
            OSError: It could not be written.
        """
        sha256 = outcome.sha256 if isinstance(outcome, Receipt) else sent.sha256
        lane, when = sent.lane.name.lower(), datetime.fromtimestamp(now / 1e9, UTC)
        told = _word(outcome)
        self.write(Entry(when, target, lane, sent.key, sent.records, len(sent.data), outcome.wire, sha256, told))

    def asked(self, key: str, target: str, outcome: Fetched | DeliveryError, now: int) -> None:
        """Write the line of an object of a model that was asked for: what left is the question alone.

        Args:
            key: Of the object.
            target: Name of who was asked.
            outcome: How it ended.
            now: Wall clock, ns.

        Raises:
            OSError: It could not be written.
        """
        told, sha256 = _word(outcome), ""
        if isinstance(outcome, Fetched):
            told = UNCHANGED if outcome.data is None else FETCHED
            sha256 = "" if outcome.data is None else hashlib.sha256(outcome.data).hexdigest()
        self.write(Entry(datetime.fromtimestamp(now / 1e9, UTC), target, MODELS, key, 0, 0, outcome.wire, sha256, told))

    def write(self, told: Entry) -> None:
        """Write one line, durably.

        Raises:
            OSError: It could not be written.
        """
        entry = {
            "time": told.time.isoformat(timespec="milliseconds"),
            "target": told.target,
            "lane": told.lane,
            "key": told.key,
            "records": told.records,
            "bytes": told.size,
            "wire": told.wire,
            "sha256": told.sha256,
            "outcome": told.outcome,
        }
        with self._alone:
            self._append(json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def _append(self, line: bytes) -> None:
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes:
        time: When the attempt had ended.
        target: Name of where it went.
        lane: `alert`, `event` or `summary`; `dashboard` for lines that go to an InfluxDB; `models` for what was asked
            for, of which nothing left but the question.
        key: Of the object.
        records: Inside it.
        size: Bytes of the object.
        wire: Bytes handed to the network for it, with headers; 0 = no network.
        sha256: Of the object.
        outcome: `delivered`, or why not; of a question `fetched` or `unchanged`, or why not.
    """

    time: datetime
    target: str
    lane: str
    key: str
    records: int
    size: int
    wire: int
    sha256: str
    outcome: str


def read_ledger(folder: Path, since: datetime) -> Iterator[Entry]:
    """The lines from a time on, oldest first; lines that a crash tore are left out.

    Args:
        folder: Of the outbox.
        since: With a time zone.

    Raises:
        OSError: A file is there and cannot be read.
    """
    for name in (_OLDER_NAME, LEDGER_NAME):
        try:
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        for line in text.splitlines():
            entry = _parse(line)
            if entry is not None and entry.time >= since:
                yield entry


def _parse(line: str) -> Entry | None:
    try:
        found = json.loads(line)
        return Entry(
            datetime.fromisoformat(found["time"]),
            str(found["target"]),
            str(found["lane"]),
            str(found["key"]),
            int(found["records"]),
            int(found["bytes"]),
            int(found.get("wire", 0)),  # not told by the first version
            str(found["sha256"]),
            str(found.get("outcome", DELIVERED)),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _word(outcome: Receipt | Fetched | DeliveryError) -> str:
    if isinstance(outcome, TransientDeliveryError | PermanentDeliveryError):
        return str(outcome.reason)
    return DELIVERED
