"""How well each tag of a window was fed, beyond how often: the longest gap, and how its samples came. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Origin
from models.features import Segments


def longest_gaps(segments: Segments, length_ns: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32[k], in seconds: longest stretch of each segment's window without a sample of it, edges included.

    Args:
        segments: k segments; times since the start of their window, ascending.
        length_ns: int64[k], of the windows; that of one without a sample is its gap.
    """
    first, last = segments.offsets[:-1], segments.offsets[1:] - 1
    filled = last >= first
    gaps = length_ns.copy()
    if filled.any():
        time = np.rint(segments.time_s * 1e9).astype(np.int64)  # exact: seconds as floats hold the ns of 100 days
        first, last = first[filled], last[filled]
        before = np.concatenate([time[:1], time[:-1]])
        before[first] = 0  # the start of the window
        gaps[filled] = np.maximum(np.maximum.reduceat(time - before, first), length_ns[filled] - time[last])
    return (gaps / 1e9).astype(np.float32)


def origins_of(keys: NDArray[Any], origin: NDArray[np.uint8] | None, count: int) -> NDArray[np.uint8]:
    """uint8[count], bit 1 << origin of each sample of a segment.

    Args:
        keys: Number of each sample's segment.
        origin: An `Origin` each; None = all are live.
        count: Segments.
    """
    flags = np.zeros(count, dtype=np.uint8)
    for kind in Origin:
        came = keys if origin is None else keys[origin == kind]
        flags[came] |= np.uint8(1 << kind)
        if origin is None:
            break  # live, the first
    return flags
