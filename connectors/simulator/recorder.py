"""The plant without sockets and without waiting: the blocks that the drivers would give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from connectors import status
from connectors.samples import SampleBatch, concat, unfold_waveform
from connectors.simulator import registers, tags
from connectors.simulator.faults import Injection
from connectors.simulator.station import FRAME_TICKS, TICK_NS, Readings, Station
from connectors.tags import TagTable

FRAME_NS = FRAME_TICKS * TICK_NS
_FRAMES_AT_ONCE = 20


def simulate(seconds: float, seed: int, start_time_ns: int, faults: Sequence[Injection] = ()) -> Iterator[SampleBatch]:
    """Record the plant: every asset's blocks of each half second, one for what comes over OPC-UA, one for Modbus.

    Values, rounding, times and status codes are those of the wire; only the grouping into blocks is even here, where a
    subscription and a poll have their own rhythm, and polls meet every step of the plant exactly.

    Args:
        seconds: How long; a begun half second is completed.
        seed: 0 or more; with the same seed, start and faults the blocks are the same bytes.
        start_time_ns: ns since the epoch, a multiple of 1,000: OPC-UA times have no finer grain in every library.
        faults: `at` counts in ns from the start.
    """
    station = Station(seed, start_time_ns)
    for fault in faults:
        station.board.inject(Injection(fault.fault, fault.asset, start_time_ns + fault.at))
    frames = -int(-seconds * 1e9 // FRAME_NS)
    for done in range(0, frames, _FRAMES_AT_ONCE):
        count = min(_FRAMES_AT_ONCE, frames - done)
        readings = station.advance(count * FRAME_TICKS)
        blocks = [_opcua(pump, readings, count) for pump in tags.PUMPS]
        blocks += [_modbus(asset, readings, count) for asset in tags.TABLES]
        for frame in zip(*blocks, strict=True):
            yield from frame


def _opcua(asset: str, readings: Readings, frames: int) -> list[SampleBatch]:
    table = tags.TABLES[asset]
    names = [point.tag for point in tags.OPCUA_POINTS if point.asset == asset and not point.waveform]
    columns = [table.index(name) for name in names]
    values, codes = readings.values[asset][:, columns], readings.codes[asset][:, columns]
    scalars = _frames(table, columns, readings.times, values, codes, frames)
    number = table.index(tags.WAVEFORM)
    waves = [
        unfold_waveform(table, number, block, int(time), status.GOOD, int(time))
        for block, time in zip(readings.blocks[asset], readings.block_times, strict=True)
    ]
    per_frame = len(waves) // frames
    return [concat([batch, *waves[i * per_frame : (i + 1) * per_frame]]) for i, batch in enumerate(scalars)]


def _modbus(asset: str, readings: Readings, frames: int) -> list[SampleBatch]:
    table = tags.TABLES[asset]
    points = [point for point in tags.MODBUS_POINTS if point.asset == asset]
    columns = [table.index(point.tag) for point in points]
    sensed = readings.values[asset][:, columns].T
    values = np.stack([registers.as_read(point.address, row) for point, row in zip(points, sensed, strict=True)], 1)
    codes = readings.codes[asset][:, columns]
    codes[codes != status.GOOD] = status.BAD_DEVICE_FAILURE  # what exception 4 stands for
    return _frames(table, columns, readings.times, values, codes, frames)


def _frames(
    table: TagTable,
    columns: list[int],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    codes: NDArray[np.uint32],
    frames: int,
) -> list[SampleBatch]:
    """Cut k steps of some tags into one block a frame, in the order in which they come: step by step."""
    steps = len(times) // frames
    tag = np.tile(np.array(columns, dtype=np.uint16), steps)
    cut = [slice(i * steps, (i + 1) * steps) for i in range(frames)]
    return [
        SampleBatch(
            table,
            tag,
            np.repeat(times[part], len(columns)),
            values[part].ravel(),
            codes[part].ravel(),
            int(times[part.stop - 1]),
        )
        for part in cut
    ]
