from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from edge_gateway.cli import app
from edge_gateway.evaluation.labels import in_events, labelled, read_events
from edge_gateway.exit_codes import Exit
from edge_gateway.recordings import RecordingRefused
from models.feature_rows import FeatureRows

RUN = CliRunner()
START_S = 1_767_225_600
NS = 10**9


def table(path, seed, n=900, fault=slice(600, 700), label="anomaly", every_s=1):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 1)) + rng.normal(size=(n, 3))
    rows[fault] += 9.0
    truth = np.zeros(n, dtype=int)
    truth[fault] = 1
    lines = [f"time,a,b,c,{label}"]
    lines += [
        f"{START_S + every_s * at},{','.join(f'{value:.5f}' for value in row)},{truth[at]}"
        for at, row in enumerate(rows)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    return [table(folder / f"run{number}.csv", number) for number in (1, 2)]


def evaluated(*arguments):
    result = RUN.invoke(app, ["evaluate", *map(str, arguments), "--json"])
    assert result.exit_code == Exit.OK, result.output
    return json.loads(result.output)


def test_a_detector_is_fitted_on_the_first_part_and_judged_on_the_rest(recordings):
    got = evaluated(*recordings, "--detector", "mahalanobis", "--window", "2s")
    (told,) = got["tables"]
    lines = {line["name"]: line for line in told["lines"]}
    own = lines["mahalanobis"]
    assert told["title"] == "recordings 2, windows 538, events 2"
    assert own["figures"]["f1"] > 0.95
    assert own["figures"]["found"] == 1.0
    assert own["figures"]["delay_s"] <= 2.0
    low, high = lines["random"]["intervals"]["roc_auc"]
    assert low <= lines["random"]["figures"]["roc_auc"] <= high
    assert set(lines) == {"mahalanobis", "always on", "clock", "metronome", "random", "range novelty"}
    assert lines["always on"]["figures"]["far"] == 1.0
    assert any("cannot carry a budget" in sentence for sentence in told["protocol"])
    assert got["point_adjusted"] is False
    assert got["figures"]["vus_pr"]["source"] == "Paparrizos et al., PVLDB 15(11), 2022"
    assert set(own["figures"]) == set(got["figures"])


def test_a_bundle_is_judged_by_the_code_of_the_gateway(recordings, tmp_path):
    normal = table(tmp_path / "normal.csv", 7, n=2000, fault=slice(0, 0), label="note")
    columns = [word for tag in "abc" for word in ("--column", f"{tag}={tag}")]
    trained = ["train", "--from", str(normal), "--window", "1s", "--out", str(tmp_path / "pump"), *columns]
    result = RUN.invoke(app, [*trained, "--detector", "suite"])
    assert result.exit_code == Exit.OK, result.output
    told = evaluated(*recordings, "--bundle", tmp_path / "pump")["tables"][0]
    own = told["lines"][0]
    assert own["name"] == "pump@1"
    assert told["protocol"] == ["pump@1, in windows of 1 s, by the code of the gateway."]
    assert own["figures"]["found"] == 1.0
    assert own["figures"]["unscored"] == 0.0  # rows it warms up on do not count
    assert own["figures"]["mar"] < 0.1
    assert own["figures"]["roc_auc"] > 0.95


def test_events_can_stand_in_a_table_of_their_own(recordings, tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("start,end,what\n2026-01-01T00:10:00Z,2026-01-01T00:11:39Z,valve\n", encoding="utf-8")
    by_label = evaluated(recordings[0], "--detector", "mahalanobis", "--window", "2s")
    by_events = evaluated(recordings[0], "--detector", "mahalanobis", "--window", "2s", "--events", events)
    assert by_events["tables"][0]["lines"] == by_label["tables"][0]["lines"]


def test_a_column_that_says_what_happened_is_no_tag(recordings, tmp_path):
    told = tmp_path / "told.csv"
    head, *lines = recordings[0].read_text(encoding="utf-8").splitlines()
    rows = [f"{head},changepoint", *(f"{line},{int(at in (600, 700))}" for at, line in enumerate(lines))]
    told.write_text("\n".join(rows) + "\n", encoding="utf-8")
    wish = ("--detector", "mahalanobis", "--window", "2s")
    assert evaluated(told, *wish)["tables"][0]["lines"] == evaluated(recordings[0], *wish)["tables"][0]["lines"]


def test_for_people_there_is_a_table_and_what_each_figure_means(recordings):
    result = RUN.invoke(
        app, ["evaluate", str(recordings[0]), "--detector", "mahalanobis", "--window", "2s", "--explain"]
    )
    assert result.exit_code == Exit.OK
    for words in ("VUS-PR", "range novelty", "No figure is point-adjusted", "van Rijsbergen"):
        assert words in result.output
    alone = RUN.invoke(app, ["evaluate", "--explain"])
    assert alone.exit_code == Exit.OK
    assert "FAR normal" in alone.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--label", "nothing"], "--label nothing: is not there"),
        (["--detector", "oracle"], "must be one of"),
        (["--protocol", "skab"], "holds no *.csv"),
        (["--protocol", "mine"], "--protocol mine: must be one of skab, nab, tep, fccu"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(recordings, arguments, said):
    result = RUN.invoke(app, ["evaluate", str(recordings[0]), *arguments])
    assert result.exit_code == Exit.CONFIG
    assert said in result.output


def test_where_samples_are_rare_a_window_holds_one(tmp_path):
    told = evaluated(table(tmp_path / "slow.csv", 5, every_s=180), "--detector", "mahalanobis")["tables"][0]
    assert told["title"] == "recordings 1, windows 539, events 1"
    assert told["protocol"][0].startswith("Fit on the first part of each recording, in windows of 180 s;")
    assert told["lines"][0]["figures"]["found"] == 1.0


def test_without_labels_there_is_nothing_to_judge(tmp_path):
    path = table(tmp_path / "x.csv", 3, label="other")
    result = RUN.invoke(app, ["evaluate", str(path)])
    assert result.exit_code == Exit.CONFIG
    assert "nothing says what is anomalous; name a column with --label, or give --events" in result.output


def windows(starts_s, length_s=10):
    rows = FeatureRows.from_array(np.zeros((len(starts_s), 1)), every_s=length_s)
    object.__setattr__(rows, "starts", np.array(starts_s, dtype=np.int64) * NS)
    return rows


def test_a_window_is_anomalous_where_one_of_its_samples_is():
    tags = TagTable("p", (Tag("a", "", 1.0), Tag("anomaly", "", 1.0)))
    when = np.array([5, 12, 19, 20, 31]) * NS
    value = np.array([0.0, 1.0, 0.0, 0.0, 1.0])
    batch = SampleBatch(tags, np.ones(5, dtype=np.uint16), when, value, np.zeros(5, dtype=np.uint32), 0)
    other = SampleBatch(tags, np.zeros(1, dtype=np.uint16), np.array([2 * NS]), np.ones(1), np.zeros(1, np.uint32), 0)
    assert labelled(windows([0, 10, 20, 30]), [batch, other], "anomaly").tolist() == [False, True, False, True]


def test_a_window_is_in_an_event_that_it_shares_time_with():
    events = np.array([[10, 19], [40, 40]], dtype=np.int64) * NS
    assert in_events(windows([0, 10, 20, 30, 40, 50]), events).tolist() == [False, True, False, False, True, False]


@pytest.mark.parametrize("lines", ["begin,end\n1,2", "start,end\n2,1", "start,end\nsoon,2", "start,end\n1"])
def test_a_table_of_events_that_is_none_is_refused(tmp_path, lines):
    path = tmp_path / "events.csv"
    path.write_text(lines + "\n", encoding="utf-8")
    with pytest.raises(RecordingRefused, match="line 2"):
        read_events(path)
