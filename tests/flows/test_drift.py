from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytewax.testing import TestingSource
from flows_gateway import ListGateway, MeanScorer, keyed, recovery, run
from flows_streams import T0

from cloud_sink.records import Event
from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from flows import FeatureBlock, condition_monitoring
from flows.drift import rows_of
from flows.drift_settings import DriftSettings
from flows.drift_state import DriftRows, DriftState
from flows.drift_versions import DriftVersions
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


class TestVersions:
    def of(self, version: int) -> Reference:
        return replace(reference(), model=f"pump@{version}")

    def test_an_asset_with_another_version_leaves_the_old_one_and_the_last_takes_it_along(self) -> None:
        versions = DriftVersions(SETTINGS)
        for asset in ("a", "bb", "ccc"):
            versions.push([(self.of(1), windows(asset, 0, 500))])
        versions.push([(self.of(2), windows("a", 500, 10)), (self.of(1), windows("bb", 500, 10))])
        assert [one.asset for one in versions.changed["pump@1"]] == ["bb", "ccc"]
        assert b'"pump@1"' in versions.snapshot()
        versions.push([(self.of(2), windows("bb", 510, 10)), (self.of(2), windows("ccc", 500, 10))])
        assert versions.changed == {"pump@1": []}
        assert b'"pump@1"' not in versions.snapshot()

    def test_those_that_stay_go_on(self) -> None:
        versions, alone = DriftVersions(SETTINGS), DriftState(self.of(1), SETTINGS)
        versions.push([(self.of(1), windows(asset, 0, 500)) for asset in ("a", "bb")])
        versions.push([(self.of(2), windows("a", 500, 10))])
        alone.push([windows("bb", 0, 500)])
        rest = windows("bb", 500, 2 * PERIOD, step=1.0)
        assert versions.push([(self.of(1), rest)]) == alone.push([rest]) != []

    def test_what_was_kept_is_kept_until_its_windows_come(self) -> None:
        versions = DriftVersions(SETTINGS)
        versions.push([(self.of(1), windows("a", 0, 500)), (self.of(2), windows("bb", 0, 500))])
        for _ in range(3):
            versions = DriftVersions.restore(versions.snapshot(), SETTINGS)
            versions.push([(self.of(2), windows("bb", 500, 1))])
        versions.push([(self.of(1), windows("a", 500, PERIOD - 500))])
        assert [one.checked for one in versions.changed["pump@1"]] == [PERIOD * EVERY]

    def test_what_changed_hands_while_the_gateway_stood_goes_too(self) -> None:
        versions = DriftVersions(SETTINGS)
        versions.push([(self.of(1), windows(asset, 0, 500)) for asset in ("a", "bb")])
        versions = DriftVersions.restore(versions.snapshot(), SETTINGS)
        versions.push([(self.of(2), windows("a", 500, 1))])
        assert b'"pump@1"' in versions.snapshot()
        versions.push([(self.of(2), windows("bb", 500, 1))])
        assert b'"pump@1"' not in versions.snapshot()

    @pytest.mark.parametrize("change", [lambda data: b"XXXX" + data[4:], lambda data: data[:9], lambda data: data[:-5]])
    def test_other_bytes_are_refused(self, change) -> None:
        versions = DriftVersions(SETTINGS)
        versions.push([(self.of(1), windows("a", 0, 10))])
        with pytest.raises(StateError, match="drift"):
            DriftVersions.restore(change(versions.snapshot()), SETTINGS)


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


class TestRows:
    """Which windows count."""

    TABLE = TagTable("press", (Tag("pressure", "bar", 5.0), Tag("door"), Tag("flow", "l/s", 5.0)))

    def block(self, **changes: Any) -> FeatureBlock:
        """Nine windows; the features are not in the model's order, and more than it wants."""
        values = np.arange(9 * 3 * 3, dtype=np.float64).reshape(9, 3, 3)
        plain = {
            "tags": self.TABLE,
            "start": np.arange(9) * EVERY,
            "end": np.arange(1, 10) * EVERY,
            "n": np.full((9, 3), 2, np.int32),
            "n_bad": np.zeros((9, 3), np.int32),
            "coverage": np.ones((9, 3), np.float32),
            "decided_received": 0,
            "partial": False,
            "features": ("std", "max", "mean"),
            "values": values,
        }
        return FeatureBlock(**{**plain, **changes})

    def taken(self, block: FeatureBlock, stride: int = 1, score: float = 0.5) -> list[int]:
        rows = rows_of(block, np.full(len(block), score), reference(), stride)
        return [] if rows is None else (rows.start // EVERY).tolist()

    def test_columns_are_the_models_and_the_score_is_the_last(self) -> None:
        rows = rows_of(self.block(), np.arange(9.0), reference(), 4)
        assert rows is not None
        assert (rows.start // EVERY).tolist() == [0, 4, 8]
        first = self.block().values[0]
        assert rows.values[0].tolist() == [first[2, 2], first[2, 0], first[0, 2], first[0, 0], 0.0]
        assert rows.values[2, -1] == 8.0

    def test_what_was_cut_short_or_came_from_a_history_does_not_count(self) -> None:
        assert self.taken(self.block()) == list(range(9))
        assert self.taken(self.block(partial=True)) == []
        assert self.taken(self.block(backfilled=True)) == []

    def test_nor_does_what_the_model_did_not_judge_or_holds_no_number(self) -> None:
        assert self.taken(self.block(), score=np.nan) == []
        block = self.block()
        block.values[3, 1, 1] = np.nan  # of a tag that the model does not want
        block.values[4, 0, 0] = np.nan
        assert self.taken(block) == [0, 1, 2, 3, 5, 6, 7, 8]


class TestStep:
    """In the standard flow: windows of 10 s, two samples of two tags in each, three periods."""

    TABLE = TagTable("press", (Tag("speed", "1/min", 5.0), Tag("current", "A", 5.0)))
    FIRST = T0 // EVERY * EVERY

    def scorer(self) -> MeanScorer:
        samples = self.values(7, 1000)
        rows = np.stack([samples[:, :, -1], samples.mean(axis=2)], axis=2)
        of = reference_of(
            baseline_of(rows, rows[:, 1, 1] / 10.0),
            model="means@1",
            tags=("speed", "current"),
            features=("last", "mean"),
            rows=1000,
            score_rows=1000,
            every_ns=EVERY,
            fingerprint="f",
        )
        return MeanScorer(every_ns=EVERY, reference=of)

    def values(self, seed: int, count: int) -> np.ndarray[Any, Any]:
        """[windows, tags, samples]."""
        return 5.0 + np.random.default_rng(seed).standard_normal((count, 2, 2))

    def items(self, per_block: int = 20) -> list[SampleBatch]:
        values = self.values(1, 3 * PERIOD + 1)
        values[PERIOD : 2 * PERIOD, 1] += 1.5
        out = []
        for low in range(0, len(values), per_block):
            some = values[low : low + per_block]
            flat = some.transpose(0, 2, 1).ravel()  # window, sample, tag
            count = len(flat)
            start = self.FIRST + low * EVERY
            time = start + np.arange(count) // 2 * (EVERY // 2)
            tag = (np.arange(count) % 2).astype(np.uint16)
            status = np.zeros(count, dtype=np.uint32)
            out.append(SampleBatch(self.TABLE, tag, time, flat, status, int(time[-1])))
        return out

    def run(self, items: list[Any], folder: Path | None = None) -> ListGateway:
        gateway = ListGateway(items, {"press": self.scorer()}, drift_settings=SETTINGS)
        run(condition_monitoring.build(gateway), None if folder is None else recovery(folder))
        return gateway

    def told(self, gateway: ListGateway) -> list[tuple[str, int, int, str]]:
        found = [event for event in gateway.records(Event) if event.kind == "drift"]
        return [
            (one.reason, (one.start - self.FIRST) // EVERY, (one.end - self.FIRST) // EVERY, one.source)
            for one in found
        ]

    WANT = (("drifting", PERIOD, 2 * PERIOD, "means@1"), ("ended", 2 * PERIOD, 3 * PERIOD, "means@1"))

    def test_a_step_of_the_process_becomes_an_event_and_its_end_another(self) -> None:
        gateway = self.run(keyed(self.items()))
        assert self.told(gateway) == list(self.WANT)
        (standing,) = gateway.standings["means@1"]
        assert (standing.asset, standing.state) == ("press", "none")

    def test_the_size_of_blocks_changes_nothing(self) -> None:
        assert self.told(self.run(keyed(self.items(per_block=171)))) == list(self.WANT)

    def test_killed_in_the_middle_of_a_period_it_goes_on(self, tmp_path: Path) -> None:
        items = keyed(self.items(per_block=60))
        for at in (40, 30, 22, 10):
            items.insert(at, TestingSource.ABORT())
        config = recovery(tmp_path / "r")
        gateway = ListGateway(items, {"press": self.scorer()}, drift_settings=SETTINGS)
        for _ in range(5):
            run(condition_monitoring.build(gateway), config)
        assert sorted(set(self.told(gateway))) == sorted(self.WANT)

    def test_windows_on_which_the_model_abstains_do_not_count(self) -> None:
        items = self.items()
        for block in items[:24]:
            block.value[:] = np.where(block.tag == 0, np.nan, block.value)
        gateway = self.run(keyed(items))
        (standing,) = gateway.standings["means@1"]
        assert (standing.checked - self.FIRST) // EVERY == 24 * 20 + 2 * PERIOD

    def test_a_model_without_a_baseline_is_left_alone(self) -> None:
        gateway = ListGateway(keyed(self.items()), {"press": MeanScorer()}, drift_settings=SETTINGS)
        run(condition_monitoring.build(gateway))
        assert self.told(gateway) == []
        assert gateway.standings == {}

    def test_each_model_has_its_own_baseline_and_a_shadow_none(self) -> None:
        scorer = self.scorer()
        assert scorer.reference is not None
        other = replace(scorer.reference, model="other@1", edges=scorer.reference.edges + 100.0)  # all would drift
        gateway = ListGateway(keyed(self.items()), {"press": scorer}, drift_settings=SETTINGS)
        gateway.shadows["press"] = MeanScorer(every_ns=EVERY, model="other@1", reference=other)
        run(condition_monitoring.build(gateway))
        assert self.told(gateway) == list(self.WANT)
        assert list(gateway.standings) == ["means@1"]
        gateway.scorers, gateway.shadows = dict(gateway.shadows), {"press": scorer}
        gateway.out.clear()
        run(condition_monitoring.build(gateway))
        assert [one[::3] for one in self.told(gateway)] == [("drifting", "other@1")]
