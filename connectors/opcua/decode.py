"""From the values of a message to blocks of samples, asset by asset. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from connectors import status
from connectors.opcua.columns import Shape, Values
from connectors.opcua.tag import OpcUaTag
from connectors.opcua.times import EventTimes, TimePolicy
from connectors.samples import Origin, SampleBatch, unfold_waveform
from connectors.tags import TagTable


class Decoder:
    """Knows which client handle is which tag. A handle is the position of its tag in the settings.

    Attributes:
        times: Event time of the values.
        overflows: int64[tags], how often the server said that its queue for the tag had overflowed.
    """

    def __init__(
        self,
        tags: Sequence[OpcUaTag],
        tables: Sequence[TagTable],
        counters: Counter[str],
        policy: TimePolicy | None = None,
    ) -> None:
        """Check that every tag has its place.

        Args:
            tags: In the order of their handles.
            tables: Of all assets that the tags name.
            counters: Counted here: "samples", "overflows", "type_mismatches", "unknown_handles", and what
                `EventTimes` counts.
            policy: Which timestamps are believed; None = the default.

        Raises:
            ValueError: A tag that no table has, or a waveform without an interval.
        """
        by_asset = {table.asset: i for i, table in enumerate(tables)}
        self._tables = tuple(tables)
        self._counters = counters
        assets, numbers, waveforms = [], [], []
        for tag in tags:
            if tag.asset not in by_asset:
                msg = f"tag {tag.asset}/{tag.tag}: there is no asset {tag.asset!r}; there are {', '.join(by_asset)}"
                raise ValueError(msg)
            table = tables[by_asset[tag.asset]]
            try:
                number = table.index(tag.tag)
            except KeyError as error:
                raise ValueError(error.args[0]) from None
            if table.tags[number].waveform and not table.tags[number].interval_s > 0:
                msg = f"tag {tag.asset}/{tag.tag}: a waveform needs interval_s > 0, the time between its elements"
                raise ValueError(msg)
            assets.append(by_asset[tag.asset])
            numbers.append(number)
            waveforms.append(table.tags[number].waveform)
        self._asset = np.array(assets, dtype=np.int64)
        self._tag = np.array(numbers, dtype=np.uint16)
        self._waveform = np.array(waveforms, dtype=np.bool_)
        self.times = EventTimes(~self._waveform, counters, policy or TimePolicy())
        self.overflows = np.zeros(len(tags), dtype=np.int64)

    def decode(
        self, values: Values, received_time: int, origin: Origin = Origin.LIVE, *, read: bool = False
    ) -> list[SampleBatch]:
        """Blocks of the assets that the values belong to, each in arrival order; waveforms in blocks of their own.

        Args:
            values: As read from a message.
            received_time: ns since the epoch; also the source time of a value that came without any.
            origin: How it came.
            read: They were asked for and hold at this moment.
        """
        known = values.handle < len(self._tag)
        if not known.all():  # a server's mistake: such values have no tag
            self._counters["unknown_handles"] += int(len(known) - np.count_nonzero(known))
        waveform = np.zeros(len(known), dtype=np.bool_)
        waveform[known] = self._waveform[values.handle[known]]
        codes, numbers = self._judge(values, waveform, known)
        times = self.times.of(values, received_time, origin, read=read)
        self._count_overflows(values.handle, known & status.has_overflowed(codes))

        unfolded = known & waveform & (values.shape == Shape.NUMBERS) & ~status.is_bad(codes)
        plain = np.flatnonzero(known & ~unfolded)
        blocks = self._split(values.handle[plain], times[plain], numbers[plain], codes[plain], received_time)
        for row in np.flatnonzero(unfolded).tolist():  # one array is a whole block of samples
            handle = values.handle[row]
            blocks.append(
                unfold_waveform(
                    self._tables[self._asset[handle]],
                    int(self._tag[handle]),
                    values.arrays[row],
                    int(times[row]),
                    int(codes[row]),
                    received_time,
                )
            )
        for block in blocks:
            block.origin = origin
            self._counters["samples"] += len(block)
        return blocks

    def marks(self, handles: Sequence[int], codes: Sequence[int], time: int, received_time: int) -> list[SampleBatch]:
        """Samples without a value that say what is wrong with these tags; event time `time`."""
        where = np.array(handles, dtype=np.int64)
        blocks = self._split(
            where,
            np.full(len(where), time, dtype=np.int64),
            np.full(len(where), np.nan),
            np.array(codes, dtype=np.uint32),
            received_time,
        )
        self._counters["samples"] += len(where)
        return blocks

    def handles_of(self, asset: int) -> list[int]:
        """Handles of the tags of the asset at this position of the tables."""
        handles: list[int] = np.flatnonzero(self._asset == asset).tolist()
        return handles

    def _judge(
        self, values: Values, waveform: NDArray[np.bool_], known: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
        """Status and value of every row. The server's bad status stays as it is; what is no number becomes bad."""
        codes = values.status.copy()
        bad = status.is_bad(codes)
        wanted = np.where(waveform, Shape.NUMBERS, Shape.NUMBER)
        nothing = ~bad & (values.shape == Shape.NOTHING)
        mismatch = ~bad & ~nothing & (values.shape != wanted)
        codes[nothing] = status.BAD_WAITING_FOR_INITIAL_DATA
        codes[mismatch] = status.BAD_TYPE_MISMATCH
        self._counters["type_mismatches"] += int(np.count_nonzero(mismatch & known))
        numbers = values.value.copy()
        numbers[status.is_bad(codes)] = np.nan
        return codes, numbers

    def _count_overflows(self, handles: NDArray[np.uint32], overflowed: NDArray[np.bool_]) -> None:
        if overflowed.any():
            np.add.at(self.overflows, handles[overflowed], 1)
            self._counters["overflows"] += int(np.count_nonzero(overflowed))

    def _split(
        self,
        handles: NDArray[np.uint32] | NDArray[np.int64],
        times: NDArray[np.int64],
        numbers: NDArray[np.float64],
        codes: NDArray[np.uint32],
        received_time: int,
    ) -> list[SampleBatch]:
        """One block an asset; within a block the order of arrival is kept."""
        if not len(handles):
            return []
        assets = self._asset[handles]
        tags = self._tag[handles]
        first = int(assets[0])
        if (assets == first).all():
            return [SampleBatch(self._tables[first], tags, times, numbers, codes, received_time)]
        order = np.argsort(assets, kind="stable")
        cuts = np.flatnonzero(np.diff(assets[order])) + 1
        return [
            SampleBatch(
                self._tables[int(assets[rows[0]])], tags[rows], times[rows], numbers[rows], codes[rows], received_time
            )
            for rows in np.split(order, cuts)
        ]
