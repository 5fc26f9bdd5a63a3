"""Streams of blocks for tests: made by hand, or by Hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
from connectors.tags import Tag, TagTable

S = 1_000_000_000
T0 = 1_700_000_000 * S  # on a whole 10 s
TABLE = TagTable("press", (Tag("current", "A", 1.0), Tag("speed", "rpm", 0.5), Tag("door")))
GOOD, UNCERTAIN, BAD = 0, 0x408F_0000, 0x8005_0000


def block(
    *rows: tuple[float, int, float] | tuple[float, int, float, int],
    received: float | None = None,
    table: TagTable = TABLE,
    origin: Origin = Origin.LIVE,
) -> SampleBatch:
    """Rows of (seconds since T0, tag, value[, status])."""
    full = [row if len(row) == 4 else (*row, GOOD) for row in rows]
    times = [T0 + round(row[0] * S) for row in full]
    return SampleBatch(
        table,
        np.array([row[1] for row in full], dtype=np.uint16),
        np.array(times, dtype=np.int64),
        np.array([row[2] for row in full], dtype=np.float64),
        np.array([row[3] for row in full], dtype=np.uint32),
        max(times, default=T0) if received is None else T0 + round(received * S),
        origin,
    )


def regular(
    seconds: int, asset: str = "press", per_block: int = 1, start: int = 0, value: float = 1.0
) -> list[SampleBatch]:
    """One sample a second of each tag, in order, `per_block` seconds a block; the value is value + second."""
    table = TagTable(asset, TABLE.tags)
    return [
        block(
            *((second, tag, value + second + 100 * tag) for second in range(low, low + per_block) for tag in range(3)),
            table=table,
        )
        for low in range(start, start + seconds, per_block)
    ]


def idle(end: float, asset: str = "press", start: float | None = None) -> Notice:
    begun = 0 if start is None else T0 + round(start * S)
    return Notice(NoticeKind.IDLE, asset, "silent", begun, T0 + round(end * S))


def dropped(count: int, end: float = 0, reason: str = "queue_full", asset: str = "press") -> Notice:
    return Notice(NoticeKind.DROPPED, asset, reason, T0, T0 + round(end * S), count, "opcua")


def gap(start: float, end: float, asset: str = "press") -> Notice:
    return Notice(NoticeKind.GAP, asset, "link_down", T0 + round(start * S), T0 + round(end * S), 0, "opcua")


def backfill(end: float, reason: str = "advanced", asset: str = "press") -> Notice:
    return Notice(NoticeKind.BACKFILL, asset, reason, T0, T0 + round(end * S), 0, "opcua")


AGO = [-30.0, -8.0, -3.0, -1.0, -0.5, 0.0, 0.0, 0.25, 0.5, 1.0, 3.0, 900.0]
YEAR = 365 * 86_400.0


@st.composite
def streams(draw: st.DrawFn, clocks: bool = False) -> list[Item]:
    """Disorder, duplicates, gaps, skew, bad status, non-finite values, notices, several tags, several origins.

    Args:
        draw: Of Hypothesis.
        clocks: Those of the device and of the gateway are set now and then.
    """
    items: list[Item] = []
    now = device = gateway = 0.0
    seen = 1.0
    kinds = ["block"] * 8 + ["idle", "dropped", "gap"] + (["device"] * 2 + ["gateway"] if clocks else [])
    for _ in range(draw(st.integers(1, 25))):
        now += draw(st.sampled_from([0.5, 2.5, 20.0, 40.0] if clocks else [0.0, 0.5, 1.0, 2.5, 7.0, 40.0, 5000.0]))
        kind = draw(st.sampled_from(kinds))
        if kind == "block":
            rows = draw(
                st.lists(
                    st.tuples(
                        st.sampled_from(AGO[2:-1] if clocks else AGO),
                        st.integers(0, 2),
                        st.sampled_from([0.0, 1.5, -2.0, 1e9, float("nan"), float("inf")]),
                        st.sampled_from([GOOD] * 5 + [UNCERTAIN, BAD]),
                    ),
                    max_size=12,
                )
            )
            origin = draw(st.sampled_from([Origin.LIVE] * 5 + [Origin.REPLAYED]))
            times = [(now + device + ago, *rest) for ago, *rest in rows]
            items.append(block(*times, received=now + gateway, origin=origin))
            seen = max([seen, *(time for time, *_ in times)])
        elif kind == "idle":
            items.append(idle(seen + 5.0, start=seen) if clocks else idle(now))
        elif kind == "dropped":
            items.append(dropped(draw(st.integers(0, 9)), now))
        elif kind == "gap":
            items.append(gap(now - 1, now))
        elif kind == "device":
            device = draw(st.sampled_from([0.0, -3600.0, YEAR, -20.0, 20.0]))
        else:
            gateway = draw(st.sampled_from([0.0, YEAR, -YEAR]))
    return items


def eventful() -> list[Item]:
    """Two presses and all that can happen to them: disorder, late and skewed samples, notices, a history, clocks."""
    items: list[Item] = []
    for second in range(0, 24, 3):
        items += regular(3, per_block=3, start=second)
        items += regular(3, "fan", per_block=3, start=second, value=5.0)
    items.insert(6, block((4.5, 0, 7.0), (2.5, 1, 7.0, BAD), received=9))
    items.insert(9, block((14, 2, 1.0), (900, 0, 1.0), received=14))
    items.insert(12, dropped(5, 14))
    items += [block((1, 0, 1.0), received=24), gap(24, 60), *regular(4, per_block=2, start=60)]
    items.append(block((30, 0, 3.0), (31, 1, float("nan")), received=64, origin=Origin.BACKFILLED))
    items += [backfill(60, "finished"), idle(90, start=63.0), idle(60, "fan")]
    for second in range(91, 109, 3):  # the clock of the press is set back for good
        items.append(block((second - 80, 0, 1.0), (second - 79, 1, 2.0), received=second))
    items += [block((40, 0, 2.0), received=120), idle(140, start=40.0)]
    return items
