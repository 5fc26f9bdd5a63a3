"""Guards of the five generic package names."""

from __future__ import annotations

from pathlib import Path

from edge_gateway.rooms import ROOMS, foreign_owners

TESTS = Path(__file__).parents[1]


def test_no_other_distribution_owns_a_room() -> None:
    assert foreign_owners() == {}


def test_a_stranger_in_a_room_is_named() -> None:
    owners = {room: ["sluicegate"] for room in ROOMS} | {"models": ["sluicegate", "acme-zoo"], "numpy": ["numpy"]}
    assert foreign_owners(owners) == {"models": ["acme-zoo"]}


def test_no_package_file_under_tests() -> None:
    """One would hide the room of the same name from the tests below it."""
    assert [str(path) for path in TESTS.rglob("__init__.py")] == []
