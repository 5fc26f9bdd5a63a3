"""Determinism, coupling and the one grid of the station."""

from __future__ import annotations

import numpy as np

from connectors import status
from connectors.simulator import tags
from connectors.simulator.faults import Fault, Injection
from connectors.simulator.station import FRAME_TICKS, TICK_NS, Readings, Station

START = 1_700_000_000_000_000_000


def _raw(readings: Readings) -> list[bytes]:
    columns = [readings.times, readings.block_times]
    columns += [*readings.values.values(), *readings.codes.values(), *readings.blocks.values()]
    return [column.tobytes() for column in columns]


def _joined(parts: list[Readings]) -> Readings:
    return Readings(
        np.concatenate([part.times for part in parts]),
        *(
            {a: np.concatenate([getattr(p, field)[a] for p in parts]) for a in tags.TABLES}
            for field in ("values", "codes")
        ),
        np.concatenate([part.block_times for part in parts]),
        {pump: np.concatenate([part.blocks[pump] for part in parts]) for pump in tags.PUMPS},
    )


def _with_faults(seed: int) -> Station:
    station = Station(seed, START)
    for i, fault in enumerate(Fault):
        station.board.inject(Injection(fault, tags.PUMPS[i % 2], START + 700_000_000))
    return station


def test_same_seed_same_bytes_other_seed_other_bytes() -> None:
    first, again, other = (_raw(_with_faults(seed).advance(200)) for seed in (3, 3, 4))
    assert first == again
    assert all(a != b for a, b in zip(first[2:5], other[2:5], strict=True))


def test_tick_by_tick_is_all_at_once() -> None:
    one_by_one = _with_faults(5)
    assert _raw(_joined([one_by_one.advance(1) for _ in range(130)])) == _raw(_with_faults(5).advance(130))


def test_grid() -> None:
    readings = Station(1, START).advance(2 * FRAME_TICKS)
    assert (readings.times - START).tolist() == [i * 100_000_000 for i in range(1, 11)]
    assert (readings.block_times - START).tolist() == [i * 250_000_000 for i in range(1, 5)]
    assert readings.blocks["pump-1"].shape == (4, 1024)


def test_next_step_is_the_first_that_a_fault_can_reach() -> None:
    station = Station(1, START)
    station.advance(7)
    station.board.inject(Injection(Fault.DROPOUT, "pump-1", station.next_step_time))
    readings = station.advance(1)
    assert readings.times.tolist() == [START + 8 * TICK_NS]
    current = tags.TABLES["pump-1"].index("motor_current")
    assert readings.codes["pump-1"][0, current] == status.BAD_SENSOR_FAILURE
    assert np.isnan(readings.values["pump-1"][0, current])


def test_wear_puts_its_frequency_into_the_envelope() -> None:
    station = Station(2, START)
    station.board.inject(Injection(Fault.BEARING_WEAR, "pump-1", START - 10_000_000_000))
    wave = station.advance(160).blocks["pump-1"].ravel()
    envelope = np.abs(np.diff(wave))
    spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(envelope))))
    frequency = np.fft.rfftfreq(len(envelope), 1 / 4096)
    band = (frequency > 100) & (frequency < 200)
    assert abs(frequency[band][np.argmax(spectrum[band])] - 3.0475 * 49.4) < 2.0


def test_faults_leave_the_other_pump_alone() -> None:
    """What changes the flow reaches it through the level of the tank, hardly; faults of sensors do not at all."""
    healthy = Station(6, START).advance(400)
    for fault in Fault:
        station = Station(6, START)
        station.board.inject(Injection(fault, "pump-1", START + 1_000_000_000))
        faulty = station.advance(400)
        apart = 0.0 if fault in (Fault.STUCK_SENSOR, Fault.DRIFT, Fault.DROPOUT) else 1e-3
        np.testing.assert_allclose(faulty.values["pump-2"], healthy.values["pump-2"], rtol=apart)
        np.testing.assert_allclose(faulty.blocks["pump-2"], healthy.blocks["pump-2"], rtol=0, atol=20 * apart)
        assert not np.array_equal(faulty.values["pump-1"], healthy.values["pump-1"]), fault


def test_clearing_heals() -> None:
    healthy = Station(6, START).advance(600)
    station = Station(6, START)
    for fault in (Fault.STUCK_SENSOR, Fault.DRIFT, Fault.DROPOUT, Fault.CLOGGED_FILTER):
        station.board.inject(Injection(fault, "pump-1", START + 1_000_000_000))
    station.advance(300)
    station.board.clear()
    after = station.advance(300)
    assert not after.codes["pump-1"].any()
    np.testing.assert_allclose(after.values["pump-1"][-100:], healthy.values["pump-1"][-100:], rtol=5e-3)


def test_stuck_sensor_repeats_its_first_value_and_a_second_fault_sticks_anew() -> None:
    winding = tags.TABLES["pump-1"].index("winding_temperature")
    station = Station(6, START)
    station.board.inject(Injection(Fault.STUCK_SENSOR, "pump-1", station.next_step_time))
    first = station.advance(100).values["pump-1"][:, winding]
    assert np.ptp(first) == 0.0
    station.board.clear()
    assert np.ptp(station.advance(100).values["pump-1"][:, winding]) > 0.0
    station.board.inject(Injection(Fault.STUCK_SENSOR, "pump-1", station.next_step_time))
    second = station.advance(100).values["pump-1"][:, winding]
    assert np.ptp(second) == 0.0
    assert second[0] != first[0]
