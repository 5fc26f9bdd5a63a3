from __future__ import annotations

from connectors.modbus.address import Table, parse
from connectors.modbus.blocks import FIRST_PROBE_NS, LAST_PROBE_NS, Blocks
from connectors.modbus.plan import Hole, Limits

ADDRESSES = [parse(f"holding:{i}:uint16") for i in (0, 1, 2, 10)]


def spans(blocks: Blocks) -> list[tuple[int, int]]:
    return [(block.request.start, block.request.end) for block in blocks.all]


def test_a_learnt_gap_is_never_read_through_again() -> None:
    blocks = Blocks(ADDRESSES, Limits())
    assert spans(blocks) == [(0, 11)]
    halves = blocks.halves(blocks.all[0])
    assert halves is not None
    assert halves[2] == Hole(Table.HOLDING, 3, 10)
    blocks.learn(halves[2])
    assert spans(blocks) == [(0, 11)], "not before the poll is over"
    assert blocks.replan()
    assert spans(blocks) == [(0, 3), (10, 11)]
    assert not blocks.replan()


def test_a_refused_value_is_probed_ever_less_often_and_forgiven_at_once() -> None:
    blocks = Blocks(ADDRESSES[:3], Limits())
    halves = blocks.halves(blocks.all[0])
    assert halves is not None
    alone = next(part for part in halves[:2] if part.request.count == 1)
    now, waits = 0, []
    for _ in range(9):
        blocks.refuse(alone, 0x8089_0000, now)
        refusal = blocks.refusal(alone)
        assert refusal is not None
        waits.append(refusal.due - now)
        now = refusal.due
    assert waits[:3] == [FIRST_PROBE_NS, 2 * FIRST_PROBE_NS, 4 * FIRST_PROBE_NS]
    assert waits[-1] == LAST_PROBE_NS
    assert blocks.replan()
    assert len(blocks.all) == 2
    blocks.accept(alone)
    assert blocks.refusal(alone) is None
    assert blocks.replan()
    assert spans(blocks) == [(0, 3)]
