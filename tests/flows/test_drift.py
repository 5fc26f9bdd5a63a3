from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from cloud_sink.records import Event
from flows.drift_settings import DriftSettings
from flows.drift_state import DriftRows, DriftState, model_of
from flows.errors import StateError
from models.baseline import baseline_of
from models.drift import PERIOD, Reference, reference_of

EVERY = 10**10
SETTINGS = DriftSettings(period=timedelta(hours=1))  # as short as it gets here: 960 windows of 10 s
COLUMNS = 5


def reference(fingerprint: str = "f") -> Reference:
    rows = np.random.default_rng(0).standard_normal((3000, COLUMNS))
    return reference_of(
        baseline_of(rows[:, :4].reshape(-1, 2, 2), rows[:, 4]),
        model="pump@1",
        tags=("flow", "pressure"),
        features=("mean", "std"),
        rows=3000,
        score_rows=3000,
        every_ns=EVERY,
        fingerprint=fingerprint,
    )


def windows(asset: str, first: int, count: int, *, step: float = 0.0, score: float = 0.0) -> DriftRows:
    """Windows number `first` and later; the mean of pressure is off by `step`, the score by `score`."""
    rng = np.random.default_rng([first, len(asset)])
    values = rng.standard_normal((count, COLUMNS)) + np.array([0.0, 0.0, step, 0.0, score])
    return DriftRows(asset, (first + np.arange(count)) * EVERY, values)


def story(event: Event) -> tuple[str, str, int, int]:
    return event.asset, event.reason, event.start // EVERY, event.end // EVERY


def test_it_is_told_when_it_begins_and_when_it_ends_and_not_between() -> None:
    state = DriftState(reference(), SETTINGS)
    told = []
    for number, step in enumerate([0.0, 1.0, 1.0, 1.0, 0.0, 0.0]):
        told += state.push([windows("pump-1", number * PERIOD, PERIOD, step=step)])
    assert [story(event) for event in told] == [
        ("pump-1", "drifting", PERIOD, 2 * PERIOD),
        ("pump-1", "ended", 4 * PERIOD, 5 * PERIOD),
    ]
    assert told[0].kind == "drift"
    assert told[0].source == "pump@1"
    assert told[0].count == 1
    assert "pressure.mean (" in told[0].detail


def test_since_when_it_drifts_stays_known() -> None:
    state = DriftState(reference(), SETTINGS)
    for number, step in enumerate([0.0, 1.0, 1.0]):
        state.push([windows("pump-1", number * PERIOD, PERIOD, step=step)])
    (standing,) = state.standings
    assert (standing.state, standing.since // EVERY, standing.checked // EVERY) == ("drifting", PERIOD, 3 * PERIOD)
    assert [name for name, _ in standing.worst] == ["pressure.mean"]


def test_where_every_window_alarms_the_model_is_called_stale() -> None:
    state = DriftState(reference(), SETTINGS)
    told = state.push([windows("pump-1", 0, PERIOD, step=1.0)])
    told += state.push([windows("pump-1", PERIOD, PERIOD, step=3.0, score=20.0)])
    told += state.push([windows("pump-1", 2 * PERIOD, PERIOD, step=1.0)])
    assert [event.reason for event in told] == ["drifting", "stale", "drifting"]
    assert "train it again" in told[1].detail
    assert state.standings[0].since == 0


def test_one_window_without_alarm_and_it_only_drifts() -> None:
    state = DriftState(reference(), SETTINGS)
    rows = windows("pump-1", 0, PERIOD, step=3.0, score=20.0)
    rows.values[500, 4] = 0.5
    assert [event.reason for event in state.push([rows])] == ["drifting"]


@pytest.mark.parametrize("size", [1, 7, 333])
def test_how_windows_come_changes_nothing(size: int) -> None:
    whole, cut = DriftState(reference(), SETTINGS), DriftState(reference(), SETTINGS)
    rows = {name: windows(name, 0, 2 * PERIOD + 100, step=step) for name, step in (("a", 0.0), ("bb", 1.0))}
    want = [story(event) for event in whole.push(list(rows.values()))]
    got = []
    for low in range(0, 2 * PERIOD + 100, size):
        pieces = [
            DriftRows(one.asset, one.start[low : low + size], one.values[low : low + size]) for one in rows.values()
        ]
        got += [story(event) for event in cut.push(pieces)]
    assert sorted(got) == sorted(want) == [("bb", "drifting", 0, PERIOD)]
    assert cut.snapshot() == whole.snapshot()


def test_an_asset_may_come_twice_in_a_pass() -> None:
    once, twice = DriftState(reference(), SETTINGS), DriftState(reference(), SETTINGS)
    rows = windows("a", 0, 100)
    once.push([rows])
    twice.push([DriftRows("a", rows.start[:60], rows.values[:60]), DriftRows("a", rows.start[60:], rows.values[60:])])
    assert once.snapshot() == twice.snapshot()


def test_killed_anywhere_it_says_the_same() -> None:
    plain, killed = DriftState(reference(), SETTINGS), DriftState(reference(), SETTINGS)
    for low in range(0, 3 * PERIOD, 97):
        pieces = [windows("a", low, 97, step=1.0 if low > PERIOD else 0.0), windows("bb", low, 97)]
        want = plain.push(pieces)
        killed = DriftState.restore(killed.snapshot(), reference(), SETTINGS)
        assert killed.push(pieces) == want
    assert model_of(killed.snapshot()) == "pump@1"
    assert killed.standings == plain.standings


def test_with_another_baseline_it_counts_anew_and_knows_how_it_stood() -> None:
    state = DriftState(reference(), SETTINGS)
    state.push([windows("a", 0, PERIOD + 900, step=1.0)])
    for of, settings in (
        (reference("g"), SETTINGS),
        (reference(), DriftSettings(period=timedelta(days=1))),
    ):
        other = DriftState.restore(state.snapshot(), of, settings)
        assert other.standings[0].state == "drifting"
        assert other.push([windows("a", PERIOD + 900, 60)]) == []
        assert other.push([windows("a", PERIOD + 960, PERIOD - 60)])[0].reason == "ended"


@pytest.mark.parametrize("change", [lambda data: b"XXXX" + data[4:], lambda data: data[:20], lambda data: data[:-5]])
def test_other_bytes_are_refused(change) -> None:
    state = DriftState(reference(), SETTINGS)
    state.push([windows("a", 0, 10)])
    with pytest.raises(StateError, match="drift"):
        DriftState.restore(change(state.snapshot()), reference(), SETTINGS)


class TestSettings:
    def test_windows_are_thinned_to_a_period(self) -> None:
        daily = DriftSettings()
        assert daily.stride(EVERY) == 9
        assert daily.lasts_ns(EVERY) == PERIOD * 9 * EVERY == 86_400 * 10**9
        assert DriftSettings(period=timedelta(hours=1)).stride(EVERY) == 1

    def test_the_limit_follows_what_is_declared(self) -> None:
        limits = [DriftSettings(false_alarms_a_year=rate).limit(reference()) for rate in (0.1, 1.0, 10.0)]
        assert limits == sorted(limits, reverse=True)
        longer = DriftSettings(period=timedelta(days=7)).limit(reference())
        assert longer < limits[1]  # seven times fewer chances for a false alarm

    @pytest.mark.parametrize(("key", "value"), [("period", timedelta(0)), ("false_alarms_a_year", 0.0)])
    def test_what_cannot_be_is_refused(self, key: str, value: object) -> None:
        with pytest.raises(ValueError, match=key):
            DriftSettings(**{key: value})
