"""Data values from bytes to columns: runs of one layout as blocks, what lies between them otherwise. Pure."""

from __future__ import annotations

from connectors.opcua.columns import Values, joined
from connectors.opcua.layout import layouts_by_marker
from connectors.opcua.mixed import of_records, read_mixed, stretch
from connectors.opcua.single import Singles

SHORTEST_RUN = 16  # below, numpy's fixed cost exceeds that of a loop
SHORTEST_STRETCH = 64  # likewise, and there are several layouts


def read_values(
    data: bytes,
    pos: int,
    count: int,
    *,
    handles: bool,
    shortest_run: int = SHORTEST_RUN,
    shortest_stretch: int = SHORTEST_STRETCH,
) -> Values:
    """Read `count` data values that stand one behind the other.

    Runs of one layout are read as blocks, long stretches without such runs layout by layout, the others one by one; the
    result is the same.

    Args:
        data: Ends where the values may end at the latest.
        pos: Where the first one begins.
        count: How many; every one takes at least a byte, so a count beyond the data is refused.
        handles: Each is preceded by a client handle (MonitoredItemNotification).
        shortest_run: Shorter runs are not read as blocks; at least 2.
        shortest_stretch: Shorter stretches are read one by one.

    Raises:
        ValueError, IndexError, struct.error: The bytes do not hold that.
    """
    if count > len(data) - pos:
        msg = f"{count} values in {len(data) - pos} bytes"
        raise ValueError(msg)
    pieces: list[Values] = []
    singles = Singles()
    row = 0

    def closed(piece: Values) -> None:
        if singles.rows:
            pieces.append(singles.take())
        pieces.append(piece)

    while row < count:
        starts, found, pos = stretch(data, pos, count - row, handles=handles, shortest_run=shortest_run)
        if found >= shortest_stretch:
            closed(read_mixed(data, starts, row))
        else:
            singles.few(data, starts, row)
        row += found
        if row == count:
            break
        layout = layouts_by_marker(handles=handles)[data[pos + 4 : pos + 6] if handles else data[pos : pos + 2]]
        if layout is None:
            pos = singles.one(data, pos, row, handles=handles)
            row += 1
            continue
        records = layout.run(data, pos, count - row)
        closed(of_records(layout, records, row))
        pos += len(records) * layout.size
        row += len(records)
    if singles.rows or not pieces:
        pieces.append(singles.take())
    whole = joined(pieces)
    whole.arrays = singles.arrays
    return whole
