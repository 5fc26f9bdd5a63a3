from __future__ import annotations

import pytest

from edge_gateway.peer_watch import PeerWatch


class World:
    """Time, the wish to stop, and how the process was ended."""

    def __init__(self) -> None:
        self.now = 100.0
        self.stop = False
        self.ended: list[int] = []
        self.watch = PeerWatch(5.0, self.ended.append, lambda: self.stop, lambda: self.now)

    def look_at(self, now: float) -> list[int]:
        self.now = now
        self.watch.look()
        return self.ended


@pytest.fixture
def world() -> World:
    return World()


def test_a_flow_that_passes_lives(world: World) -> None:
    for now in range(100, 200, 4):
        assert world.look_at(now) == []
        world.watch.passed()


def test_a_flow_that_never_meets_its_peers_begins_anew(world: World) -> None:
    assert world.look_at(105.0) == []
    assert world.look_at(105.1) == [1]


def test_a_flow_that_has_lost_a_peer_begins_anew(world: World) -> None:
    world.now = 110.0
    world.watch.passed()
    assert world.look_at(115.0) == []
    assert world.look_at(115.5) == [1]


def test_a_stop_does_not_wait_for_the_others_for_ever(world: World) -> None:
    world.stop = True
    assert world.look_at(104.0) == [], "from when it was told"
    assert world.look_at(106.9) == []
    assert world.look_at(107.1) == [0]


def test_a_stop_that_still_drains_is_left_alone(world: World) -> None:
    world.stop = True
    world.look_at(101.0)
    world.now = 104.0
    world.watch.passed()
    assert world.look_at(106.5) == []
    assert world.look_at(107.5) == [0]
