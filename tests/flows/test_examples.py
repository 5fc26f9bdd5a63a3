from __future__ import annotations

import numpy as np
from flows_gateway import ListGateway, MeanScorer, keyed, run
from flows_streams import T0, S, block, regular

from cloud_sink.records import Account, Event, WindowSummary
from connectors.samples import unfold_waveform
from connectors.tags import Tag, TagTable
from flows import WindowSettings, press_line, vibration_watch


def test_press_line_hops_and_tells_of_a_jam() -> None:
    items = [*regular(30, value=1000.0), *(block((t, 0, 1000.0 * (t - 28)), (t, 1, 5.0)) for t in range(30, 34))]
    items += regular(20, start=34)
    gateway = ListGateway(keyed(items), {"press": MeanScorer()})
    run(press_line.build(gateway))
    starts = [s.start for s in gateway.records(WindowSummary)]
    assert np.diff(starts).tolist() == [2 * S] * (len(starts) - 1)
    jams = [event for event in gateway.records(Event) if event.kind == "jam"]
    assert [(jam.end - T0) // S for jam in jams] == [32, 34]
    assert gateway.records(Account)[-1].balanced


def test_vibration_watch_hears_a_bearing_ring() -> None:
    rng = np.random.default_rng(3)
    table = TagTable("pump", (Tag("bearing", "mm/s", 1 / 1000, waveform=True), Tag("flow", "m3/h", 1.0)))
    items = []
    for second in range(1, 8):
        vibration = rng.normal(size=1000)
        if second >= 4:
            vibration[::125] += 9.0
        end = T0 + second * S - 1_000_000
        items.append(unfold_waveform(table, 0, vibration, end, 0, end))
    gateway = ListGateway(keyed(items), windows=WindowSettings("1s", lateness="0s"))
    run(vibration_watch.build(gateway))
    ringing = gateway.records(Event)
    assert [(event.reason, (event.start - T0) // S) for event in ringing] == [
        ("bearing", 3),
        ("bearing", 4),
        ("bearing", 5),
    ]
    assert "swings" in ringing[0].detail
