"""The protocols on small folders laid out as the public ones are."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from models.detectors.stream import StreamDetector
from models.detectors.tag_suite import TagSuiteDetector
from models.evaluate.protocols import changes, nab, process, skab
from models.evaluate.protocols.files import SKAB_GROUPS, FolderRefused, fault_runs
from models.evaluate.protocols.files import nab as nab_streams
from models.evaluate.protocols.files import skab as skab_runs

RNG = np.random.default_rng(12)
PUBLIC = Path(os.environ.get("SLUICEGATE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


def plant(n, tags, fault=None):
    rows = RNG.normal(size=(n, 1)) + RNG.normal(size=(n, tags))
    if fault is not None:
        rows[fault] += 9.0
    return rows


def written(path: Path, lines: list[str], *, packed: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(lines) + "\n"
    if packed:
        with gzip.open(f"{path}.gz", "wt", encoding="utf-8") as file:
            file.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def skab_folder(folder: Path) -> Path:
    head = ";".join(["datetime", *"abcdefgh", "anomaly", "changepoint"])
    start = np.datetime64("2020-03-09T10:00:00")
    for group in (*SKAB_GROUPS, "anomaly-free"):
        for number in range(2 if group != "anomaly-free" else 1):
            n, free = (700, False) if group != "anomaly-free" else (2300, True)
            rows = plant(n, 8, None if free else slice(500, 600))
            lines = [head if not free else ";".join(["datetime", *"abcdefgh"])]
            for at, row in enumerate(rows):
                cells = [str(start + at).replace("T", " "), *(f"{value:.6f}" for value in row)]
                labels = [] if free else [f"{float(500 <= at < 600)}", f"{float(at in (500, 600))}"]
                lines.append(";".join([*cells, *labels]))
            written(folder / "data" / group / f"{number}.csv", lines, packed=number == 1)
    return folder


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return skab_folder(tmp_path_factory.mktemp("skab"))


def test_skab_is_read_as_its_project_lays_it_out(rig):
    runs = skab_runs(rig)
    assert [run.case.name for run in runs] == [f"{group}/{number}" for group in SKAB_GROUPS for number in (0, 1)]
    case = runs[0].case
    assert case.rows.shape == (700, 8)
    assert (case.truth.sum(), case.start, case.time_s[-1]) == (100, 400, 699.0)
    assert np.flatnonzero(runs[0].changed).tolist() == [500, 600]


@pytest.mark.timeout(300)
def test_skab_tells_point_wise_figures_the_board_and_the_run_without_faults(rig, monkeypatch):
    monkeypatch.setattr(skab, "FOLLOW_ROWS", (None, 200.0))
    monkeypatch.setattr(skab, "BOARD_DRAWS", 20)
    runs, board, free = skab.tables(rig)
    assert runs.line(skab.BUDGET).figures["f1"] > 0.8
    assert runs.line(skab.OTHER_GROUPS).figures["f1"] > 0.8
    assert runs.line("always on").figures["far"] == 1.0
    assert {"clock", "metronome", "random", "range novelty"} <= {line.name for line in runs.lines}
    assert [line.name for line in board.lines] == list(skab.BOARD)
    assert all(line.figures["mar_at_far"] < 0.2 for line in board.lines)
    assert free.line(skab.BUDGET).figures["far"] < 0.05
    assert np.isnan(free.line(skab.BUDGET).figures["f1"])


def test_a_setting_is_never_chosen_on_the_group_that_is_judged(rig):
    runs = [run.case for run in skab_runs(rig)][:2]
    strange, usual = (skab.Scored(case, {}, case.truth * 1.0, case.truth * 1.0) for case in runs)
    for one, best in ((strange, 4.0), (usual, 1.25)):  # each finds its fault at one margin only
        for follow in skab.FOLLOW_ROWS:
            one.scores[follow] = np.outer(9.0 * one.case.truth, np.isin(skab.MARGINS, best))
    assert skab.choose([usual])[1] == 1.25
    assert skab.choose([strange])[1] == 4.0
    chosen = skab._chosen("x", [strange, usual], lambda one, other: one is not other)
    assert chosen.note == "chosen: follows in no rows, x 1.25; follows in no rows, x 4"
    assert chosen.figures["f1"] == 0.0  # each got what suits the other


def test_changepoints_are_told_beside_what_knows_nothing(rig):
    (table,) = changes.tables(rig)
    best = table.line(changes.CHOSEN).figures["changes_low_fp"]
    assert best > 60
    assert best > max(line.figures["changes_low_fp"] for line in table.lines[1:] if line.name != "clock")


def test_tennessee_is_judged_on_the_faults_that_can_be_seen(tmp_path):
    written(tmp_path / "d00.dat", [" ".join(f"{v:.5f}" for v in row) for row in plant(500, 52).T])  # on its side
    for fault in range(22):
        where = slice(160, None) if fault and fault not in process.TENNESSEE_HARD else None
        lines = [" ".join(f"{v:.5f}" for v in row) for row in plant(300, 52, where)]
        written(tmp_path / f"d{fault:02d}_te.dat", lines, packed=fault % 2 == 0)
    (table,) = process.tennessee_tables(tmp_path)
    for name in (process.BUDGET, process.AT_QUANTILE):
        got = table.line(name).figures
        assert got["detected"] > 0.98
        assert (got["found"], got["far_normal"] < 0.1, got["far_before"] < 0.1) == (1.0, True, True)
    assert table.line("always on").figures["far_normal"] == 1.0
    (tmp_path / "d05_te.dat").unlink()
    with pytest.raises(FolderRefused, match="lacks d05_te"):
        process.tennessee_tables(tmp_path)


def test_a_process_is_fitted_on_its_longest_normal_run(tmp_path):
    for name, n, fault in (("NOC_long", 600, None), ("normal_short", 260, None), ("valve", 300, slice(120, None))):
        rows = plant(n, 4, fault)
        lines = ["minute,a,b,c,d", *(",".join([str(at), *map(str, row)]) for at, row in enumerate(rows))]
        written(tmp_path / f"{name}.csv", lines)
    normal, faulty = fault_runs(tmp_path)
    assert [len(rows) for rows in normal.values()] == [600, 260]
    assert faulty["valve"].shape == (300, 4)  # the column of minutes is no tag
    (table,) = process.fccu_tables(tmp_path)
    assert table.how[0].startswith("Fit on NOC_long (600 rows)")
    got = table.line(process.BUDGET).figures
    assert (got["found"], got["far_before"]) == (1.0, 0.0)
    assert got["detected"] > 0.98
    for name in ("NOC_long", "normal_short"):
        (tmp_path / f"{name}.csv").unlink()
    with pytest.raises(FolderRefused, match="0 normal and 1 other"):
        process.fccu_tables(tmp_path)


def test_nab_takes_the_threshold_of_a_category_from_the_others(tmp_path):
    start = np.datetime64("2014-01-01T00:00:00")
    truth = {}
    for name in ("one/a.csv", "one/b.csv", "two/c.csv"):
        values = RNG.normal(size=1000)
        values[700:720] += 30.0
        lines = ["timestamp,value", *(f"{str(start + at).replace('T', ' ')},{v}" for at, v in enumerate(values))]
        written(tmp_path / "data" / name, lines, packed=name == "two/c.csv")
        truth[name] = [[str(start + 690).replace("T", " "), str(start + 740).replace("T", " ")]]
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/combined_windows.json").write_text(json.dumps(truth), encoding="utf-8")
    assert nab_streams(tmp_path)[2][2] == [(690, 740)]
    (table,) = nab.tables(tmp_path)
    own = table.line(nab.SUITE).figures
    assert own["nab"] > 90
    assert own["nab_elsewhere"] <= own["nab"]
    assert table.line("always on").figures["nab"] == 0.0
    with pytest.raises(FolderRefused, match="combined_windows"):
        nab.tables(tmp_path / "data")


@pytest.mark.skipif(not (PUBLIC / "skab").is_dir(), reason="no recordings in SLUICEGATE_DATA or beside the checkout")
@pytest.mark.parametrize("follow", [None, 400.0])
def test_on_a_public_run_the_prefix_of_a_stream_scores_the_same_to_the_last_bit(follow):
    case = skab_runs(PUBLIC / "skab")[0].case
    detector = StreamDetector(follow_rows=follow).fit(case.rows[: case.start])
    whole = detector.anomaly_score(case.rows)
    tags = TagSuiteDetector().fit(case.rows[: case.start])
    for n in (450, 573, 800):
        np.testing.assert_array_equal(detector.anomaly_score(case.rows[:n]), whole[:n])
        np.testing.assert_array_equal(tags.anomaly_score(case.rows[:n]), tags.anomaly_score(case.rows)[:n])
