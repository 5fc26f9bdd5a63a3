"""Recordings: whole, in the served form, steady when healthy, and clear when not."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from connectors import status
from connectors.samples import SampleBatch
from connectors.simulator import tags
from connectors.simulator.faults import TRAITS, Fault, Injection
from connectors.simulator.recorder import FRAME_NS, simulate

START = 1_700_000_000_000_000_000
WINDOW_S = 4
Features = dict[tuple[str, str], NDArray[np.float64]]


def _raw(batch: SampleBatch) -> tuple[object, ...]:
    columns = (batch.tag, batch.source_time, batch.value, batch.status)
    return (batch.asset, batch.received_time, *(column.tobytes() for column in columns))


def test_same_seed_same_bytes() -> None:
    faults = [Injection(Fault.CAVITATION, "pump-1", 1_000_000_000)]
    assert [_raw(b) for b in simulate(4, 9, START, faults)] == [_raw(b) for b in simulate(4, 9, START, faults)]


def test_every_tag_comes_at_its_interval_without_a_hole() -> None:
    batches = list(simulate(12.3, 1, START))
    for asset, table in tags.TABLES.items():
        of_asset = [batch for batch in batches if batch.asset == asset]
        assert all(batch.tags is table for batch in of_asset)
        tag = np.concatenate([batch.tag for batch in of_asset])
        time = np.concatenate([batch.source_time for batch in of_asset])
        for j, interval in enumerate(table.interval_s):
            own = time[tag == j]
            assert own[-1] == START + 25 * FRAME_NS  # 12.3 s, the begun half second completed
            assert len(own) == round(12.5 / interval)
            assert np.all(np.abs(np.diff(own) - interval * 1e9) <= 1.0)


def test_blocks_are_those_of_two_protocols() -> None:
    batches = list(simulate(0.5, 1, START))
    assert [batch.asset for batch in batches] == ["pump-1", "pump-2", "pump-1", "pump-2", "tank-1"]
    names = [{batch.tags.names[j] for j in batch.tag} for batch in batches]
    assert names[0] == {"flow", "head", "motor_current", "vibration"}
    assert names[2] == {"bearing_temperature", "winding_temperature", "valve_position"}
    bearing = batches[2].value[batches[2].tag == tags.TABLES["pump-1"].index("bearing_temperature")]
    np.testing.assert_array_equal(bearing, np.rint(bearing / 0.1) * 0.1)
    assert all(batch.received_time == batch.source_time.max() for batch in batches)


def test_dropout_has_the_codes_of_the_wire() -> None:
    codes = {}
    for batch in simulate(1, 1, START, [Injection(Fault.DROPOUT, "pump-1", 0)]):
        assert np.array_equal(np.isnan(batch.value), status.is_bad(batch.status))
        codes |= {(batch.asset, batch.tags.names[t]): c for t, c in zip(batch.tag, batch.status, strict=True)}
    assert {key: code for key, code in codes.items() if code} == {
        ("pump-1", "motor_current"): status.BAD_SENSOR_FAILURE,
        ("pump-1", "bearing_temperature"): status.BAD_DEVICE_FAILURE,
    }


def _features(seconds: float, seed: int, faults: tuple[Injection, ...] = ()) -> Features:
    """Statistics of tumbling windows, float64[windows, 7], by asset and tag."""
    values: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for batch in simulate(seconds, seed, START, faults):
        for j in np.unique(batch.tag):
            values.setdefault((batch.asset, batch.tags.names[j]), []).append(batch.value[batch.tag == j])
    features = {}
    for (asset, name), parts in values.items():
        table = tags.TABLES[asset]
        length = round(WINDOW_S / table.interval_s[table.index(name)])
        x = np.concatenate(parts)
        x = x[: len(x) // length * length].reshape(-1, length)
        mean, deviation = x.mean(axis=1), x.std(axis=1)
        z = (x - mean[:, None]) / np.where(deviation > 0, deviation, 1.0)[:, None]
        t = np.arange(length) - (length - 1) / 2
        columns = (
            mean,
            deviation,
            x.min(1),
            x.max(1),
            np.sqrt((x * x).mean(1)),
            np.square(z * z).mean(1),
            x @ t / (t @ t),
        )
        features[asset, name] = np.stack(columns, axis=1)
    return features


@functools.cache
def _normal() -> Features:
    return _features(600, 1)


def _distance(features: Features, asset: str, name: str) -> NDArray[np.float64]:
    """How many standard deviations of normal operation away; infinite where there is no value."""
    normal = _normal()[asset, name]
    distance = np.abs(features[asset, name] - normal.mean(axis=0)) / normal.std(axis=0)
    return np.nan_to_num(distance, nan=np.inf)


def test_normal_operation_is_the_same_for_another_seed() -> None:
    other = _features(600, 2)
    for asset, name in other:
        mean = np.abs(other[asset, name].mean(0) - _normal()[asset, name].mean(0)) / _normal()[asset, name].std(0)
        assert mean.max() < 1.0, (asset, name, mean)
        assert other[asset, name].std(0) == pytest.approx(_normal()[asset, name].std(0), rel=0.6), (asset, name)
        level = _distance(other, asset, name)[:, :2]  # mean and deviation: kurtosis has long tails by nature
        assert level.max() < 6.0, (asset, name, level.max())


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_clear_within_ten_seconds_and_on_its_own_pump_only(fault: Fault) -> None:
    onset = 2 * WINDOW_S
    ends = onset + 12  # three windows later
    features = _features(ends, 11, (Injection(fault, "pump-1", onset * 1_000_000_000 + 1),))
    for name in TRAITS[fault].tags:
        assert _distance(features, "pump-1", name)[2:].max() > 6.0, name
    assert max(_distance(features, "pump-1", name)[:2, :2].max() for name in tags.TABLES["pump-1"].names) < 5.0
    for asset in ("pump-2", "tank-1"):
        for name in tags.TABLES[asset].names:
            assert _distance(features, asset, name).max() < 5.0, (asset, name)
