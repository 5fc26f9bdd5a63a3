from __future__ import annotations

import numpy as np
import pytest

from models.evaluate.judged import Case
from models.evaluate.tables import Table, blind, judged_line, line


def cases(files=6, n=400, fault=8.0):
    rng = np.random.default_rng(4)
    made = []
    for number in range(files):
        truth = np.zeros(n, dtype=bool)
        truth[200 + number : 300] = True
        rows = rng.normal(size=(n, 2)) + fault * truth[:, None]
        made.append(Case(f"f{number}", "g", rows, truth, np.arange(n) * 1.0, 1.0, start=100))
    return made


def judged(files, limit=5.0):
    return [case.judged(np.abs(case.rows).max(axis=1), limit) for case in files]


def test_a_detector_stands_beside_what_knows_nothing():
    files = cases()
    own = judged_line("own", judged(files))
    lines = {name: judged_line(name, verdicts) for name, verdicts in blind(files, judged(files)).items()}
    assert list(lines) == ["always on", "clock", "metronome", "random", "range novelty"]
    assert own.figures["f1"] > 0.95
    assert lines["always on"].figures["mar"] == 0.0
    assert lines["clock"].figures["f1"] > 0.95  # these files begin and end alike
    assert lines["random"].figures["roc_auc"] == pytest.approx(0.5, abs=0.05)
    flagged = sum(int(one.flagged.sum()) for one in judged(files))
    said = sum(int(one.flagged.sum()) for one in blind(files, judged(files))["random"])
    assert said == pytest.approx(flagged, rel=0.1)


def test_the_clock_of_a_file_never_saw_that_file():
    files = cases(files=2)
    early = files[0].truth.copy()
    early[:] = False
    early[120:130] = True
    files[0] = Case("early", "g", files[0].rows, early, files[0].time_s, 1.0, 100)
    clock = blind(files, judged(files))["clock"]
    assert np.flatnonzero(clock[1].flagged)[[0, -1]].tolist() == [20, 29]
    assert "clock" not in blind(files[:1], judged(files[:1]))


def test_intervals_are_over_files_and_there_is_none_for_one_or_for_what_never_varies():
    files = cases(fault=3.0)
    own = judged_line("own", judged(files, 2.5))
    low, high = own.spans["far"]
    assert low < own.figures["far"] < high
    assert judged_line("own", judged(files, 2.5)) == own
    assert judged_line("own", judged(files[:1], 2.5)).spans == {}
    assert "far" not in judged_line("always on", blind(files, judged(files))["always on"]).spans


def test_any_figures_can_stand_in_a_line():
    got = line("mean", [1.0, 2.0, 6.0], lambda drawn: {"m": float(np.mean(drawn))}, draws=200)
    assert got.figures == {"m": 3.0}
    assert 1.0 <= got.spans["m"][0] < 3.0 < got.spans["m"][1] <= 6.0
    assert Table("t", (), (got,)).line("mean") is got
