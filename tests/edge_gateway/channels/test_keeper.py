"""When a gateway asks for a channel, and how long it waits after a failure."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bundles import CONFIG
from structlog.testing import capture_logs

from cloud_sink.egress import EgressLedger
from cloud_sink.errors import TransientDeliveryError, TransientReason
from edge_gateway.channels.keeper import ChannelKeeper, Turn, open_keeper
from edge_gateway.config.config import Config


class Scripted:
    """A follower that notes when it is asked to do what."""

    def __init__(self) -> None:
        self.section = SimpleNamespace(
            model="press", every=timedelta(minutes=15), jitter=timedelta(minutes=1), channel="stable"
        )
        self.time = 0.0
        self.polls: list[float] = []
        self.steps: list[float] = []
        self.error: Exception | None = None
        self.more = 0
        self.unreached = ""

    def poll(self) -> None:
        self.polls.append(self.time)
        if self.error is not None:
            raise self.error

    def step(self) -> bool:
        self.steps.append(self.time)
        self.more -= 1
        return self.more >= 0

    def facts(self) -> dict[str, Any]:
        return {"trouble": self.unreached}


@pytest.fixture
def follower() -> Scripted:
    return Scripted()


@pytest.fixture
def turn(follower: Scripted) -> Turn:
    return Turn(follower, lambda: follower.time, lambda low, high: high)  # type: ignore[arg-type]


def live(follower: Scripted, turn: Turn, seconds: int) -> None:
    for _ in range(seconds):
        turn.take()
        follower.time += 1


def test_it_asks_after_a_while_and_then_every_quarter_of_an_hour(follower: Scripted, turn: Turn) -> None:
    live(follower, turn, 2500)
    assert follower.polls == [60, 60 + 960, 60 + 2 * 960]
    assert follower.steps[:3] == [0, 2, 4]


def test_it_steps_as_long_as_there_is_something_to_do(follower: Scripted, turn: Turn) -> None:
    follower.more = 3
    turn.take()
    assert follower.steps == [0, 0, 0, 0]


def test_after_failures_it_waits_longer_and_longer_and_never_beyond_its_interval(
    follower: Scripted, turn: Turn
) -> None:
    follower.error = TransientDeliveryError(TransientReason.UNREACHABLE, "nobody there")
    live(follower, turn, 5000)
    waits = [after - before for before, after in zip(follower.polls, follower.polls[1:], strict=False)]
    assert waits[:8] == [30, 60, 120, 240, 480, 900, 900, 900]
    assert follower.unreached == "unreachable: nobody there"
    follower.error = None
    follower.time = follower.polls[-1] + 900
    turn.take()
    follower.error = TransientDeliveryError(TransientReason.CUT, "x")
    follower.time += 960
    turn.take()
    live(follower, turn, 31)
    assert follower.polls[-1] - follower.polls[-2] == 30  # from the beginning


def test_an_outage_is_over_after_an_answer_and_the_next_one_is_told_again(follower: Scripted, turn: Turn) -> None:
    with capture_logs() as logs:
        for _ in range(2):
            follower.error = TransientDeliveryError(TransientReason.UNREACHABLE, "nobody there")
            live(follower, turn, 1100)
            assert follower.unreached == "unreachable: nobody there"
            follower.error = None
            live(follower, turn, 1100)
            assert follower.unreached == ""
    assert [line["event"] for line in logs] == ["channel_not_reached"] * 2


def test_a_server_that_names_a_time_is_not_asked_before(follower: Scripted, turn: Turn) -> None:
    follower.error = TransientDeliveryError(TransientReason.THROTTLED, "later", retry_after=500.0)
    live(follower, turn, 600)
    assert follower.polls == [60, 560]


def test_what_cannot_be_read_of_channels_keeps_no_record_from_being_delivered(tmp_path: Path) -> None:
    models = f'[models]\ntrusted_keys = ["{"A" * 43}="]\n[[models.channels]]\nmodel = "press"\ntarget = "file"\n'
    config = Config.model_validate(tomllib.loads(CONFIG.replace("[models]\nshadow_windows = 50\n", models)))
    here = config.gateway.model_copy(update={"data": tmp_path})
    config = config.model_copy(update={"gateway": here})
    assert list(open_keeper(config, EgressLedger(tmp_path)).facts()) == ["press"]
    (tmp_path / "channels.json").write_text("{")
    assert open_keeper(config, EgressLedger(tmp_path)).facts() == {}


def test_a_bug_in_one_channel_does_not_end_the_others(follower: Scripted) -> None:
    other = Scripted()
    follower.error = ZeroDivisionError()
    follower.section.jitter = other.section.jitter = timedelta(0)
    turns = {
        name: Turn(one, lambda: 0.0, lambda low, high: high)  # type: ignore[arg-type]
        for name, one in (("a", follower), ("b", other))
    }
    keeper = ChannelKeeper(turns, [])
    waits = iter([False, True])
    keeper._stop = SimpleNamespace(wait=lambda _: next(waits))  # type: ignore[assignment]
    keeper._run()
    assert (len(follower.polls), len(other.polls)) == (1, 1)
