from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.modbus.kinds import Table
from connectors.modbus.plan import Limits, Request
from connectors.modbus.scan import Bounds, Found, Outcome, scan_unit

HOLDING = (Table.HOLDING,)


def scanned(
    readable: set[int], bounds: Bounds, tables: tuple[Table, ...] = HOLDING, longest: int = 125
) -> tuple[Found, list[Request]]:
    """Scan a device that has these holding registers and no other table, and takes requests up to a length."""
    asked: list[Request] = []
    scan = scan_unit(bounds, tables)
    request = next(scan)
    while True:
        asked.append(request)
        addresses = set(range(request.start, request.end))
        if request.table is not Table.HOLDING:
            outcome = Outcome.NO_TABLE
        else:
            outcome = Outcome.READ if addresses <= readable and request.count <= longest else Outcome.REFUSED
        try:
            request = scan.send(outcome)
        except StopIteration as end:
            return end.value, asked


def ranges(addresses: set[int]) -> list[tuple[int, int]]:
    ends = [a for a in sorted(addresses) if a + 1 not in addresses]
    return list(zip([a for a in sorted(addresses) if a - 1 not in addresses], ends, strict=True))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=5), st.sampled_from([125, 64, 7, 1]))
def test_with_steps_of_one_everything_is_found_and_nothing_else(islands: list[tuple[int, int]], longest: int) -> None:
    readable = {a for start, length in islands for a in range(start, start + length) if a <= 450}
    found, asked = scanned(readable, Bounds(last=450, max_requests=5000, step=1), longest=longest)
    assert found.ranges.get(Table.HOLDING, []) == ranges(readable)
    assert found.complete
    assert found.answers
    assert found.requests == len(asked)
    assert max(request.end for request in asked) <= 451


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 300)), max_size=5), st.sampled_from([125, 50]))
def test_with_wide_steps_whatever_is_found_can_be_read(islands: list[tuple[int, int]], longest: int) -> None:
    readable = {a for start, length in islands for a in range(start, start + length)}
    found, _ = scanned(readable, Bounds(last=4999, max_requests=2000), longest=longest)
    told = {a for first, last in found.ranges.get(Table.HOLDING, []) for a in range(first, last + 1)}
    assert told <= readable
    wide = {a for first, last in ranges(readable) if last - first + 1 >= 256 for a in range(first, last + 1)}
    assert wide <= told


def test_thousands_of_registers_in_some_tens_of_requests() -> None:
    readable = set(range(200)) | set(range(3000, 3400))
    found, asked = scanned(readable, Bounds())
    assert found.ranges == {Table.HOLDING: [(0, 199), (3000, 3399)]}
    assert len(asked) <= 120


def test_no_more_requests_than_allowed() -> None:
    found, asked = scanned(set(range(0, 9000, 2)), Bounds(max_requests=30))
    assert len(asked) == found.requests == 30
    assert not found.complete


def test_a_table_that_the_device_does_not_have_is_asked_for_once() -> None:
    found, asked = scanned({0, 1}, Bounds(last=20), tuple(Table))
    assert [request.table for request in asked if request.table is not Table.HOLDING] == [
        Table.COIL,
        Table.DISCRETE,
        Table.INPUT,
    ]
    assert found.ranges == {Table.HOLDING: [(0, 1)]}


def test_a_silent_unit_costs_one_request() -> None:
    scan = scan_unit(Bounds())
    next(scan)
    with pytest.raises(StopIteration) as end:
        scan.send(Outcome.SILENT)
    assert (end.value.value.answers, end.value.value.requests) == (False, 1)


def test_a_unit_that_only_fails_is_not_searched() -> None:
    # As servers do that answer for units they do not have: exception 04 to everything.
    scan = scan_unit(Bounds())
    next(scan)
    for _ in range(3):
        scan.send(Outcome.FAILED)
    with pytest.raises(StopIteration) as end:
        scan.send(Outcome.FAILED)
    assert (end.value.value.answers, end.value.value.requests, end.value.value.ranges) == (True, 4, {})


def test_a_limit_of_the_device_is_learnt_and_not_run_into_again() -> None:
    found, asked = scanned(set(range(2000)), Bounds(last=1999), longest=50)
    assert found.ranges == {Table.HOLDING: [(0, 1999)]}
    assert len([request for request in asked if request.count > 50]) == 1


def test_requests_keep_to_the_device_s_limit() -> None:
    _, asked = scanned(set(range(500)), Bounds(last=499, limits=Limits(max_registers=10)))
    assert max(request.count for request in asked) == 10
