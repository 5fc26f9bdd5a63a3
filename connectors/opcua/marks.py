"""Samples without a value that say that a tag has none: the link is lost, or the tag fell silent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors import status
from connectors.opcua.decode import Decoder
from connectors.opcua.gaps import Gaps
from connectors.opcua.settings import OpcUaSettings
from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from connectors.tags import TagTable

NAMED = 5  # tags in one notice


class Marks:
    """Which tags are marked, and the marks themselves.

    The time of a mark is the newest source time of the asset, and not ours: a mark must not push event time on, or what
    the server kept meanwhile would be late when it comes.
    """

    def __init__(self, settings: OpcUaSettings, tables: Sequence[TagTable], decoder: Decoder, gaps: Gaps) -> None:
        """No tag is marked."""
        self._settings = settings
        self._tables = tuple(tables)
        self._decoder = decoder
        self._gaps = gaps
        self._unheard = np.zeros(len(settings.tags), dtype=np.bool_)  # marked, and no value since
        self._all = False

    def opened(self) -> None:
        """A link is there: when it is lost, that is told again."""
        self._all = False

    def heard(self, handles: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """These tags have a value again; returns those that were marked."""
        known = handles[handles < len(self._unheard)]
        back = known[self._unheard[known]]
        self._unheard[back] = False
        return back

    def unheard(self) -> list[int]:
        """Subscribed tags without a value since they were marked."""
        return [handle for handle in self._settings.subscribed if self._unheard[handle]]

    def lost(self, now: int) -> Iterator[SampleBatch]:
        """The link is lost: one mark for every tag of an asset that ever had a value, once until `opened`."""
        if self._all:
            return
        self._all = True
        for number, table in enumerate(self._tables):
            newest = self._gaps.newest(table.asset)
            handles = self._decoder.handles_of(number)
            if newest is not None and handles:
                yield from self._mark(handles, newest + 1, now)

    def silent(self, handles: Sequence[int], now: int) -> Iterator[Item]:
        """These tags fell silent while the link works: a mark each, and a notice for each asset."""
        tags, wanted = self._settings.tags, set(handles)
        for number, table in enumerate(self._tables if wanted else ()):
            mine = [handle for handle in self._decoder.handles_of(number) if handle in wanted]
            if not mine:
                continue
            newest = self._gaps.newest(table.asset)
            time = now if newest is None else newest + 1
            yield from self._mark(mine, time, now)
            names = ", ".join(tags[handle].tag for handle in mine[:NAMED]) + (", ..." if len(mine) > NAMED else "")
            detail = (
                f"{len(mine)} tag{'s' if len(mine) > 1 else ''} ({names}) did not speak in time. "
                "See whether the device still writes them, or raise heartbeat."
            )
            name = self._settings.name
            yield Notice(NoticeKind.SILENT, table.asset, "no_value", time, now, 0, name, detail)

    def _mark(self, handles: Sequence[int], time: int, now: int) -> list[SampleBatch]:
        self._unheard[list(handles)] = True
        return self._decoder.marks(handles, [status.BAD_NO_COMMUNICATION] * len(handles), time, now)
