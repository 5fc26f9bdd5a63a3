from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from connectors.modbus.address import Address, Kind, Rules, Table, parse
from connectors.modbus.plan import Hole, Limits, Request, groups, plan, split
from tests.benchmarks.modbus.telegraf import TELEGRAF_FILL, scattered, telegraf_max_insert

LIMITS = st.builds(Limits, max_registers=st.integers(4, 20), max_bits=st.integers(1, 20), merge_gap=st.integers(0, 12))
KINDS = st.sampled_from([Kind.UINT16, Kind.FLOAT32, Kind.FLOAT64])


@st.composite
def addresses(draw: st.DrawFn, most: int = 40, reach: int = 120) -> list[Address]:
    tables = draw(st.lists(st.sampled_from([Table.HOLDING, Table.HOLDING, Table.COIL]), max_size=most))
    return [
        Address(table, draw(st.integers(0, reach)), Kind.BOOL if table.of_bits else draw(KINDS)) for table in tables
    ]


@st.composite
def holes(draw: st.DrawFn) -> list[Hole]:
    starts = draw(st.lists(st.integers(0, 120), max_size=4))
    return [Hole(Table.HOLDING, start, start + draw(st.integers(0, 5))) for start in starts]


def test_one_request_for_neighbours_and_small_gaps() -> None:
    tags = [parse(text) for text in ("holding:100:float32", "holding:120:uint16", "holding:102:int64", "coil:3")]
    assert plan(tags, Limits(merge_gap=14)) == (
        Request(Table.COIL, 3, 1, (3,)),
        Request(Table.HOLDING, 100, 21, (0, 2, 1)),
    )
    assert len(plan(tags, Limits(merge_gap=13))) == 3


def test_the_limit_is_reached_and_not_passed() -> None:
    tags = [Address(Table.HOLDING, i, Kind.UINT16) for i in range(250)]
    assert [request.count for request in plan(tags, Limits())] == [125, 125]
    coils = [Address(Table.COIL, i, Kind.BOOL) for i in range(4001)]
    assert [request.count for request in plan(coils, Limits())] == [2000, 2000, 1]


def test_a_value_at_the_limit_is_not_split() -> None:
    tags = [Address(Table.HOLDING, i, Kind.UINT16) for i in range(124)] + [parse("holding:124:float32")]
    assert [(request.start, request.count) for request in plan(tags, Limits())] == [(0, 124), (124, 2)]


def test_a_value_in_a_hole_does_not_part_its_neighbours() -> None:
    tags = [parse(text) for text in ("holding:0:uint16", "holding:1:float64", "holding:2:uint16")]
    requests = plan(tags, Limits(), [Hole(Table.HOLDING, 4, 5)])
    assert [request.members for request in requests] == [(0, 2), (1,)]


def test_ten_thousand_tags() -> None:
    tags = [Address(Table.HOLDING, 6 * i, Kind.FLOAT32) for i in range(10_000)]
    assert len(plan(tags, Limits())) == 10_000 // 21 + 1  # 20 steps of 6 and 2 registers are 122


@given(addresses(), LIMITS, holes())
def test_each_tag_once_within_limits_and_whole(tags: list[Address], limits: Limits, known: list[Hole]) -> None:
    requests = plan(tags, limits, known)
    assert sorted(member for request in requests for member in request.members) == list(range(len(tags)))
    for request in requests:
        assert 1 <= request.count <= limits.span(request.table)
        covered: set[int] = set()
        for member in request.members:
            assert tags[member].table is request.table
            assert request.start <= tags[member].register
            assert tags[member].end <= request.end
            covered |= set(range(tags[member].register, tags[member].end))
        assert {request.start, request.end - 1} <= covered
        assert _widest_run(set(range(request.start, request.end)) - covered) <= limits.merge_gap
        if len(request.members) > 1 and request.table is Table.HOLDING:
            assert not any(request.start < hole.end and hole.start < request.end for hole in known)


def _widest_run(numbers: set[int]) -> int:
    return max((sum(1 for _ in _run(numbers, n)) for n in numbers if n - 1 not in numbers), default=0)


def _run(numbers: set[int], first: int) -> Sequence[int]:
    last = first
    while last + 1 in numbers:
        last += 1
    return range(first, last + 1)


@given(addresses(), LIMITS, holes())
def test_never_more_requests_than_a_greedy_baseline(tags: list[Address], limits: Limits, known: list[Hole]) -> None:
    assert len(plan(tags, limits, known)) <= _greedy(tags, limits, known)


def _greedy(tags: list[Address], limits: Limits, known: list[Hole]) -> int:
    """What most gateways do: go through the sorted tags, begin anew whenever the next one does not fit."""
    count = 0
    for table in Table:
        start = end = -1
        for tag in sorted((tag for tag in tags if tag.table is table), key=lambda tag: (tag.register, tag.end)):
            new_end = max(end, tag.end)
            crosses = any(start < hole.end and hole.start < new_end for hole in known if hole.table is table)
            if start < 0 or tag.register - end > limits.merge_gap or new_end - start > limits.span(table) or crosses:
                start, end = tag.register, tag.end
                count += 1
            else:
                end = new_end
    return count


@given(addresses(most=6, reach=24), LIMITS, holes())
def test_no_plan_at_all_has_fewer_requests(tags: list[Address], limits: Limits, known: list[Hole]) -> None:
    tags = [tag for tag in tags if tag.table is Table.HOLDING]
    assert len(plan(tags, limits, known)) == _fewest(tuple(tags), limits, tuple(known))


def _fewest(tags: tuple[Address, ...], limits: Limits, known: tuple[Hole, ...]) -> int:
    """By trying every way to share the tags out."""

    def allowed(group: int) -> bool:
        chosen = sorted((tag.register, tag.end) for i, tag in enumerate(tags) if group >> i & 1)
        start, end = chosen[0]
        for register, tag_end in chosen[1:]:
            if register - end > limits.merge_gap:
                return False
            end = max(end, tag_end)
        crosses = any(start < hole.end and hole.start < end for hole in known)
        return len(chosen) == 1 or (end - start <= limits.max_registers and not crosses)

    @cache
    def fewest(left: int) -> int:
        if left == 0:
            return 0
        first = left & -left
        rest = left ^ first
        best = len(tags)
        others = rest
        while True:
            if allowed(first | others):
                best = min(best, 1 + fewest(rest ^ others))
            if others == 0:
                return best
            others = (others - 1) & rest

    return fewest((1 << len(tags)) - 1)


@given(addresses(), LIMITS)
def test_split_parts_a_request_and_loses_nothing(tags: list[Address], limits: Limits) -> None:
    for request in plan(tags, limits):
        halves = split(request, tags)
        if halves is None:
            continue
        assert halves.left.members + halves.right.members == request.members
        assert halves.left.start == request.start
        assert halves.right.end == request.end
        assert halves.left.end == halves.gap.start <= halves.gap.end == halves.right.start


def test_split_takes_the_widest_gap_and_of_equals_the_middle_one() -> None:
    tags = [parse(f"holding:{i}:uint16") for i in (0, 3, 9, 11)]
    halves = split(plan(tags, Limits())[0], tags)
    assert halves is not None
    assert halves.gap == Hole(Table.HOLDING, 4, 9)
    dense = [parse(f"holding:{i}:uint16") for i in range(8)]
    halves = split(plan(dense, Limits())[0], dense)
    assert halves is not None
    assert halves.gap == Hole(Table.HOLDING, 4, 4)


def test_what_shares_registers_cannot_be_parted() -> None:
    tags = [parse("holding:0:float32"), parse("holding:1:uint16")]
    assert split(plan(tags, Limits())[0], tags) is None


@given(st.lists(st.sampled_from([0.1, 1, 10, 60]), max_size=30))
def test_each_tag_is_in_the_group_of_its_interval_and_in_no_other(seconds: list[float]) -> None:
    intervals = [timedelta(seconds=value) for value in seconds]
    found = groups(intervals)
    assert sorted(i for _, members in found for i in members) == list(range(len(intervals)))
    assert all(intervals[i] == interval for interval, members in found for i in members)
    assert [interval for interval, _ in found] == sorted(set(intervals))


def test_200_scattered_tags_take_no_more_requests_than_telegraf_s_optimiser() -> None:
    for seed in range(20):
        tags = scattered(seed)
        assert len(tags) == 200
        for fill in (0, TELEGRAF_FILL, 125):
            assert len(plan(tags, Limits(merge_gap=fill))) <= telegraf_max_insert(tags, fill)
        assert len(plan(tags, Limits(merge_gap=TELEGRAF_FILL))) < len(plan(tags, Limits(merge_gap=0))) / 1.5


def test_a_string_is_not_split_and_counts_with_its_whole_width() -> None:
    text = Address(Table.HOLDING, 120, Kind.STRING, length=11, rules=Rules(texts=(("on", 1),)))
    tags = [parse("holding:0:uint16"), text]
    assert [(request.start, request.count) for request in plan(tags, Limits(merge_gap=125))] == [(0, 1), (120, 6)]
    assert [request.count for request in plan(tags, Limits(merge_gap=125, max_registers=124))] == [1, 6]
    assert [request.count for request in plan([parse("holding:1:uint16"), text], Limits(merge_gap=125))] == [125]
