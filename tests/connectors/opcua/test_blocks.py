"""Both ways of reading data values agree with each other, and damage is always noticed."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.opcua.blocks import read_values
from connectors.opcua.columns import Values

NEVER = 10**9
FORMATS = {1: "B", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 13: "q"}


def _bytes_of(code: str) -> st.SearchStrategy[bytes]:
    size = struct.calcsize("<" + code)
    return st.binary(min_size=size, max_size=size)  # every value of the type, NaN and extremes included


def _variant() -> st.SearchStrategy[bytes]:
    scalars = st.sampled_from(sorted(FORMATS)).flatmap(
        lambda kind: _bytes_of(FORMATS[kind]).map(lambda raw: bytes([kind]) + raw)
    )
    arrays = st.sampled_from(sorted(FORMATS)).flatmap(
        lambda kind: st.lists(_bytes_of(FORMATS[kind]), max_size=5).map(
            lambda items: bytes([kind | 0x80]) + struct.pack("<i", len(items)) + b"".join(items)
        )
    )
    strings = st.text(max_size=9).map(lambda text: b"\x0c" + struct.pack("<i", len(text.encode())) + text.encode())
    matrix = st.just(b"\xcb" + struct.pack("<i2di2i", 2, 1.0, 2.0, 2, 1, 2))
    return st.one_of(scalars, arrays, strings, matrix, st.just(b"\x00"))


def _item(variant: bytes, mask: int, handle: int, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    parts = [struct.pack("<IB", handle, mask)]
    if mask & 1:
        parts.append(variant)
    for bit, size in ((2, 4), (4, 8), (16, 2), (8, 8), (32, 2)):
        if mask & bit:
            parts.append(rng.bytes(size))
    return b"".join(parts)


_RUNS = st.lists(
    st.tuples(_variant(), st.integers(0, 63), st.integers(1, 40), st.integers(0, 2**16)), min_size=1, max_size=6
)


def _equal(one: Values, other: Values) -> None:
    for name in ("handle", "status", "source", "server", "shape"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        assert getattr(one, name).dtype == getattr(other, name).dtype
    np.testing.assert_array_equal(one.value, other.value)  # NaN equals NaN here
    assert one.arrays.keys() == other.arrays.keys()
    for row, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[row])


@settings(max_examples=150, deadline=None)
@given(_RUNS)
def test_blocks_stretches_and_single_items_read_the_same(runs: list[tuple[bytes, int, int, int]]) -> None:
    items = [_item(variant, mask, seed + i, seed + i) for variant, mask, count, seed in runs for i in range(count)]
    data = b"".join(items)
    with np.errstate(invalid="ignore"):
        fast = read_values(data, 0, len(items), handles=True)
        slow = read_values(data, 0, len(items), handles=True, shortest_run=NEVER, shortest_stretch=NEVER)
        mixed = read_values(data, 0, len(items), handles=True, shortest_run=NEVER, shortest_stretch=1)
    assert len(fast) == len(items)
    _equal(fast, slow)
    _equal(mixed, slow)


@settings(max_examples=50, deadline=None)
@given(_RUNS)
def test_without_handles_the_row_takes_their_place(runs: list[tuple[bytes, int, int, int]]) -> None:
    items = [_item(variant, mask, 0, seed + i)[4:] for variant, mask, count, seed in runs for i in range(count)]
    data = b"".join(items)
    with np.errstate(invalid="ignore"):
        for shortest_stretch in (1, NEVER):
            values = read_values(data, 0, len(items), handles=False, shortest_stretch=shortest_stretch)
            np.testing.assert_array_equal(values.handle, np.arange(len(items)))


@settings(max_examples=150, deadline=None)
@given(_RUNS, st.data())
def test_damaged_messages_raise_one_of_the_three_and_never_anything_else(
    runs: list[tuple[bytes, int, int, int]], data: st.DataObject
) -> None:
    items = [_item(variant, mask, seed + i, seed + i) for variant, mask, count, seed in runs for i in range(count)]
    whole = b"".join(items)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises((ValueError, IndexError, struct.error)), np.errstate(invalid="ignore"):
        read_values(cut, 0, len(items), handles=True)


def test_a_count_beyond_the_data_is_refused_before_anything_is_allocated() -> None:
    with pytest.raises(ValueError, match="2147483647 values"):
        read_values(b"\x00" * 10, 0, 2**31 - 1, handles=True)
