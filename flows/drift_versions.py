"""Drift of the versions of one model: each with its assets, gone when it has none any more. Pure."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

from cloud_sink.records import Event
from flows.drift_settings import DriftSettings
from flows.drift_state import DriftRows, DriftState, Standing, assets_in
from flows.errors import StateError
from models.drift import Reference

_MAGIC = b"SGV1"  # the digit is the version of the format
_SIZE = struct.Struct("<I")


class DriftVersions:
    """A `DriftState` for each version; an asset that is seen under one leaves the others.

    What was kept of a version is read when its first window comes: only then is its baseline at hand.

    Attributes:
        changed: Of the last push: "name@version" and its assets, where a period was judged or an asset left.
    """

    def __init__(self, settings: DriftSettings) -> None:
        self._settings = settings
        self._states: dict[str, DriftState] = {}
        self._kept: dict[str, bytes] = {}
        self._owners: dict[str, set[str]] = {}  # assets of what was kept that were not seen elsewhere since
        self.changed: dict[str, Sequence[Standing]] = {}

    def push(self, items: Sequence[tuple[Reference, DriftRows]]) -> list[Event]:
        """Count windows; hand back what changed."""
        self.changed = {}
        by_version: dict[str, tuple[Reference, list[DriftRows]]] = {}
        for of, rows in items:
            by_version.setdefault(of.model, (of, []))[1].append(rows)
        events: list[Event] = []
        for version, (of, rows_of_it) in by_version.items():
            state, judged = self._states.get(version), -1
            if state is None:
                state = self._states[version] = self._begin(of)
            else:
                judged = state.judged
            events += state.push(rows_of_it)
            self._leave_others(version, rows_of_it)
            if state.judged != judged:
                self.changed[version] = state.standings
        return events

    def _begin(self, of: Reference) -> DriftState:
        kept = self._kept.pop(of.model, None)
        self._owners.pop(of.model, None)
        return DriftState(of, self._settings) if kept is None else DriftState.restore(kept, of, self._settings)

    def _leave_others(self, version: str, rows: Sequence[DriftRows]) -> None:
        for other, owners in list(self._owners.items()):
            owners -= {one.asset for one in rows}
            if not owners:
                del self._owners[other], self._kept[other]
        for other, state in list(self._states.items()):
            if other == version or not any([state.forget(one.asset) for one in rows]):  # noqa: C419 - all of them
                continue
            self.changed[other] = state.standings
            if not state.standings:
                del self._states[other]

    def snapshot(self) -> bytes:
        """Magic with the version of the format, a length, a JSON text of lengths, then a part for each."""
        parts = {**self._kept, **{version: state.snapshot() for version, state in self._states.items()}}
        text = json.dumps({version: len(part) for version, part in parts.items()}).encode()
        return b"".join([_MAGIC, _SIZE.pack(len(text)), text, *parts.values()])

    @classmethod
    def restore(cls, data: bytes, settings: DriftSettings) -> DriftVersions:
        """Inverse of `snapshot`.

        Raises:
            StateError: Another format, or cut short.
        """
        if data[: len(_MAGIC)] != _MAGIC:
            raise StateError("drift", f"format {data[: len(_MAGIC)]!r} where {_MAGIC!r} is read")
        versions = cls(settings)
        try:
            (size,) = _SIZE.unpack_from(data, len(_MAGIC))
            at = len(_MAGIC) + _SIZE.size + size
            for version, length in json.loads(data[at - size : at]).items():
                versions._kept[version] = data[at : at + length]
                versions._owners[version] = assets_in(versions._kept[version])
                at += length
        except (ValueError, TypeError, AttributeError, struct.error) as error:
            raise StateError("drift", f"cut short or damaged ({error})") from error
        if at != len(data):
            raise StateError("drift", f"{len(data)} bytes where {at} are read")
        return versions
