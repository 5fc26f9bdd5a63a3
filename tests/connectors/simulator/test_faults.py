"""The vocabulary of faults: names, times, growth."""

from __future__ import annotations

import pytest

from connectors.simulator import tags
from connectors.simulator.faults import TRAITS, Fault, FaultBoard, Injection, make_injection, parse_schedule

SECOND = 1_000_000_000


def test_vocabulary_is_whole_and_names_tags_that_exist() -> None:
    names = {"bearing_wear", "cavitation", "clogged_filter", "stuck_sensor", "drift", "dropout"}
    assert {fault.value for fault in Fault} == names == {fault.value for fault in TRAITS}
    assert all(set(traits.tags) <= set(tags.TABLES["pump-1"].names) for traits in TRAITS.values())


def test_schedule_reads_what_the_command_line_writes() -> None:
    assert parse_schedule("cavitation@90") == Injection(Fault.CAVITATION, "pump-1", 90 * SECOND)
    assert parse_schedule("drift@1.5@pump-2") == Injection(Fault.DRIFT, "pump-2", 1_500_000_000)


@pytest.mark.parametrize(
    "text", ["cavitation", "cavitation@", "cavitation@x", "cavitation@-1", "cavitation@inf", "cavitation@nan"]
)
def test_schedule_without_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="NAME@SECONDS"):
        parse_schedule(text)


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"'rust'.*bearing_wear"):
        make_injection("rust", "pump-1", 0)
    with pytest.raises(ValueError, match=r"'tank-1'.*pump-1, pump-2"):
        make_injection("drift", "tank-1", 0)


@pytest.mark.parametrize(("after_s", "severity"), [(-1, None), (0, None), (1, 0.25), (4, 1.0), (400, 1.0)])
def test_a_fault_grows_evenly_and_stays(after_s: int, severity: float | None) -> None:
    board = FaultBoard()
    board.inject(Injection(Fault.BEARING_WEAR, "pump-2", 10 * SECOND))
    assert board.severities("pump-2", (10 + after_s) * SECOND).get(Fault.BEARING_WEAR) == severity
    assert board.severities("pump-1", (10 + after_s) * SECOND) == {}


def test_a_fault_injected_twice_goes_on_and_clear_ends_all() -> None:
    board = FaultBoard()
    for at in (0, 3 * SECOND):
        board.inject(Injection(Fault.BEARING_WEAR, "pump-1", at))
    assert board.severities("pump-1", 4 * SECOND) == {Fault.BEARING_WEAR: 1.0}
    board.clear()
    assert board.severities("pump-1", 4 * SECOND) == {}


def test_a_fault_without_ramp_is_there_at_once() -> None:
    board = FaultBoard()
    board.inject(Injection(Fault.DROPOUT, "pump-1", SECOND))
    assert board.severities("pump-1", SECOND) == {Fault.DROPOUT: 1.0}
