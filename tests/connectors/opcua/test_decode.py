"""Values become samples: quality kept, times substituted and counted, nothing stale, nothing invented."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from connectors import status
from connectors.opcua.columns import Shape, Values
from connectors.opcua.decode import Decoder
from connectors.opcua.layout import EPOCH_TICKS
from connectors.opcua.settings import OpcUaTag
from connectors.samples import Origin, SampleBatch
from connectors.tags import Tag, TagTable

NODE = "nsu=urn:x;s=n"
PUMP = TagTable("pump", (Tag("flow"), Tag("vibration", interval_s=0.001, waveform=True), Tag("unused")))
TANK = TagTable("tank", (Tag("level"),))
TAGS = [OpcUaTag("pump", "flow", NODE), OpcUaTag("tank", "level", NODE), OpcUaTag("pump", "vibration", NODE)]
FLOW, LEVEL, VIBRATION = range(3)

SECOND = 10_000_000
T0 = EPOCH_TICKS + 1_700_000_000 * SECOND
T0_NS = 1_700_000_000 * 10**9
RECEIVED = T0_NS + 5 * 10**9


def _decoder() -> tuple[Decoder, Counter[str]]:
    counters: Counter[str] = Counter()
    return Decoder(TAGS, (PUMP, TANK), counters), counters


def _values(
    handles: list[int],
    values: list[float],
    codes: list[int] | None = None,
    source: list[int] | None = None,
    server: list[int] | None = None,
    shape: list[int] | None = None,
    arrays: dict[int, NDArray[np.float64]] | None = None,
) -> Values:
    n = len(handles)
    return Values(
        np.array(handles, dtype=np.uint32),
        np.array(values, dtype=np.float64),
        np.array(codes or [0] * n, dtype=np.uint32),
        np.array(source or [T0] * n, dtype=np.int64),
        np.array(server or [T0 + SECOND] * n, dtype=np.int64),
        np.array(shape or [Shape.NUMBER] * n, dtype=np.uint8),
        arrays or {},
    )


def _only(blocks: list[SampleBatch]) -> SampleBatch:
    (block,) = blocks
    return block


def test_values_go_to_their_assets_in_arrival_order() -> None:
    decoder, counters = _decoder()
    blocks = decoder.decode(_values([FLOW, LEVEL, FLOW], [1, 2, 3]), RECEIVED, Origin.REPLAYED)
    assert [(block.asset, block.value.tolist()) for block in blocks] == [("pump", [1, 3]), ("tank", [2])]
    assert {block.origin for block in blocks} == {Origin.REPLAYED}
    assert blocks[0].source_time.tolist() == [T0_NS, T0_NS]
    assert blocks[0].received_time == RECEIVED
    assert counters["samples"] == 3


def test_status_is_kept_in_full_and_a_bad_value_is_no_value() -> None:
    decoder, counters = _decoder()
    block = _only(decoder.decode(_values([FLOW] * 3, [1, 2, 3], [0x480, 0x408F0000, 0x808C0000]), RECEIVED))
    assert block.status.tolist() == [0x480, 0x408F0000, 0x808C0000]
    np.testing.assert_array_equal(block.value, [1, 2, np.nan])
    assert counters["overflows"] == 1
    assert decoder.overflows.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("source", "server", "expected"),
    [
        (T0, T0 + SECOND, T0_NS),
        (0, T0 + SECOND, T0_NS + 10**9),
        (EPOCH_TICKS, T0 + SECOND, T0_NS + 10**9),  # 1970: a clock that was never set
        (2**63 - 1, T0 + SECOND, T0_NS + 10**9),
        (0, 0, RECEIVED),
        (-5, -(2**63), RECEIVED),
    ],
)
def test_time_falls_back_to_server_and_then_to_receipt(source: int, server: int, expected: int) -> None:
    decoder, counters = _decoder()
    block = _only(decoder.decode(_values([FLOW], [1], source=[source], server=[server]), RECEIVED))
    assert block.source_time.tolist() == [expected]
    assert counters["time_substituted"] == (source != T0)


def test_waveform_unfolds_backwards_from_its_timestamp() -> None:
    decoder, _ = _decoder()
    array = np.array([1.0, 2.0, 3.0])
    block = _only(decoder.decode(_values([VIBRATION], [np.nan], shape=[Shape.NUMBERS], arrays={0: array}), RECEIVED))
    assert block.tag.tolist() == [1, 1, 1]
    assert block.source_time.tolist() == [T0_NS - 2_000_000, T0_NS - 1_000_000, T0_NS]
    assert block.value.tolist() == [1, 2, 3]


def test_what_does_not_fit_its_tag_is_a_type_mismatch_and_counted() -> None:
    decoder, counters = _decoder()
    blocks = decoder.decode(
        _values(
            [FLOW, VIBRATION, FLOW],
            [np.nan, 5.0, np.nan],
            shape=[Shape.NUMBERS, Shape.NUMBER, Shape.OTHER],
            arrays={0: np.array([1.0])},
        ),
        RECEIVED,
    )
    block = _only(blocks)
    assert block.status.tolist() == [status.BAD_TYPE_MISMATCH] * 3
    assert np.isnan(block.value).all()
    assert counters["type_mismatches"] == 3


def test_a_status_without_a_value_keeps_its_status_and_good_without_a_value_is_bad() -> None:
    decoder, counters = _decoder()
    shape: list[int] = [Shape.NOTHING] * 3
    block = _only(
        decoder.decode(_values([FLOW, FLOW, VIBRATION], [np.nan] * 3, [0x80340000, 0, 0], shape=shape), RECEIVED)
    )
    assert block.status.tolist() == [0x80340000] + [status.BAD_WAITING_FOR_INITIAL_DATA] * 2
    assert counters["type_mismatches"] == 0


def test_bad_array_is_one_bad_sample() -> None:
    decoder, _ = _decoder()
    values = _values([VIBRATION], [np.nan], [0x80000000], shape=[Shape.NUMBERS], arrays={0: np.array([1.0, 2.0])})
    block = _only(decoder.decode(values, RECEIVED))
    assert block.status.tolist() == [0x80000000]
    assert np.isnan(block.value).all()


def test_unknown_handles_are_counted_and_do_not_disturb_the_others() -> None:
    decoder, counters = _decoder()
    block = _only(decoder.decode(_values([99, FLOW], [1, 2]), RECEIVED))
    assert block.value.tolist() == [2]
    assert counters["unknown_handles"] == 1


@pytest.mark.parametrize(
    ("tag", "table", "text"),
    [
        (OpcUaTag("boiler", "flow", NODE), PUMP, "no asset 'boiler'"),
        (OpcUaTag("pump", "head", NODE), PUMP, "no tag 'head'"),
        (OpcUaTag("a", "w", NODE), TagTable("a", (Tag("w", waveform=True),)), "interval_s > 0"),
    ],
)
def test_a_tag_without_a_place_is_refused(tag: OpcUaTag, table: TagTable, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Decoder([tag], (table,), Counter())
