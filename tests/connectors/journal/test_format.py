from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from connectors.journal.books import Books, Line
from connectors.journal.format import SegmentHead, decode, decode_head, encode, encode_head, entry_of
from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
from connectors.tags import Tag, TagTable

TABLES = (TagTable("pump", (Tag("flow"), Tag("head", "m", 0.5))), TagTable("größe/1", (Tag("x", waveform=True),)))
NUMBERS = {table.asset: number for number, table in enumerate(TABLES)}
INT64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def batches(draw: st.DrawFn) -> SampleBatch:
    n = draw(st.integers(0, 40))

    def column(dtype: str) -> np.ndarray:
        return draw(hnp.arrays(np.dtype(dtype), n))

    # big-endian and strided columns are legal, too
    return SampleBatch(
        draw(st.sampled_from(TABLES)),
        column("<u2"),
        column(">i8") if draw(st.booleans()) else np.repeat(column("<i8"), 2)[::2],
        column("<f8"),
        column("<u4"),
        draw(INT64),
        draw(st.sampled_from(Origin)),
    )


notices = st.builds(
    Notice,
    st.sampled_from(NoticeKind),
    st.sampled_from([table.asset for table in TABLES]),
    st.text(),
    INT64,
    INT64,
    st.integers(0, 2**63),
    st.text(),
)
items = st.lists(st.one_of(batches(), notices), max_size=6)


def frames_of(some: list[Item]) -> bytes:
    return b"".join(piece for item in some for piece in encode(entry_of(item), NUMBERS))


def assert_same(left: Item, right: Item) -> None:
    if isinstance(left, Notice) or isinstance(right, Notice):
        assert left == right
        return
    for name in ("tag", "source_time", "value", "status"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
    assert (left.tags, left.received_time, left.origin) == (right.tags, right.received_time, right.origin)


@given(items)
def test_decode_is_the_inverse_of_encode(some: list[Item]) -> None:
    data = frames_of(some)
    found = decode(data, TABLES)
    assert (found.end, found.wants, found.damaged) == (len(data), 0, False)
    assert len(found.entries) == len(some)
    for item, entry in zip(some, found.entries, strict=True):
        assert_same(entry.item, item)
        assert (entry.samples, entry.newest) == entry_of(item)[1:]


@given(items.filter(bool), st.data())
def test_a_cut_buffer_gives_whole_frames_and_says_what_it_wants(some: list[Item], data: st.DataObject) -> None:
    borders = [0]
    for item in some:
        borders.append(borders[-1] + len(frames_of([item])))
    whole = frames_of(some)
    cut = data.draw(st.integers(0, len(whole)))
    found = decode(whole[:cut], TABLES)
    sound = sum(border <= cut for border in borders) - 1
    assert (len(found.entries), found.end, found.damaged) == (sound, borders[sound], False)
    if found.wants:
        assert found.end + found.wants == borders[sound + 1]


@settings(max_examples=200)
@given(items.filter(bool), st.data())
def test_a_flipped_bit_never_gives_a_wrong_item(some: list[Item], data: st.DataObject) -> None:
    whole = bytearray(frames_of(some))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    found = decode(bytes(whole), TABLES)
    assert found.end <= bit // 8
    for item, entry in zip(some, found.entries, strict=False):
        assert_same(entry.item, item)


def test_zeros_are_no_frame() -> None:
    assert decode(bytes(4096), TABLES).damaged


def test_columns_are_aligned_read_only_views() -> None:
    n = 3
    batch = SampleBatch(
        TABLES[0], np.ones(n, np.uint16), np.arange(n), np.arange(n) * 0.5, np.zeros(n, np.uint32), 9, Origin.LIVE
    )
    data = frames_of([batch, batch])
    for entry in decode(data, TABLES).entries:
        assert isinstance(entry.item, SampleBatch)
        for column in (entry.item.tag, entry.item.source_time, entry.item.value, entry.item.status):
            assert not column.flags.owndata
            assert not column.flags.writeable
            assert column.flags.aligned
    assert len(data) % 8 == 0


def test_newest_is_never_later_than_received() -> None:
    times = np.array([5, 10**18, 7])
    batch = SampleBatch(TABLES[0], np.zeros(3, np.uint16), times, np.zeros(3), np.zeros(3, np.uint32), 100)
    assert entry_of(batch).newest == 100


@given(st.integers(0, 2**62), INT64, st.dictionaries(st.text(), st.builds(Line, st.integers(0), INT64), max_size=3))
def test_head_round_trip_and_every_cut_is_seen(base: int, created: int, lines: dict[str, Line]) -> None:
    head = SegmentHead(base, created, TABLES, Books(lines))
    data = encode_head(head)
    assert decode_head(data + b"more") == head
    assert len(data) % 8 == 0
    assert all(decode_head(data[:size]) is None for size in range(0, len(data), 7))


def test_unknown_asset_has_no_number() -> None:
    stranger = SampleBatch(
        TagTable("stranger", ()),
        np.zeros(0, np.uint16),
        np.zeros(0, np.int64),
        np.zeros(0),
        np.zeros(0, np.uint32),
        0,
    )
    with pytest.raises(KeyError):
        encode(entry_of(stranger), NUMBERS)
