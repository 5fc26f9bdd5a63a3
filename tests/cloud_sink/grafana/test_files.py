"""The files that Grafana reads are those that the code makes, and they belong together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud_sink.grafana.files import FOLDER, dashboards
from tests.cloud_sink.grafana.queries_of import NAMES, board, filled, queries

PROVISIONING = FOLDER.parent / "provisioning"
SOURCES = sorted(PROVISIONING.glob("datasources/*/influxdb.yaml"))


def parsed(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == dashboards()[name], "run: python -m cloud_sink.grafana"


def test_every_dashboard_is_there() -> None:
    assert sorted(dashboards()) == NAMES == ["alerts.json", "asset.json", "gateway.json", "models.json", "plant.json"]


def test_dashboards_have_names_of_their_own_and_one_tag_by_which_they_are_linked() -> None:
    boards = [board(name) for name in NAMES]
    assert len({one["uid"] for one in boards}) == len({one["title"] for one in boards}) == len(boards)
    assert all(one["tags"] == ["sluicegate"] == one["links"][0]["tags"] for one in boards)


@pytest.mark.parametrize("name", NAMES)
def test_panels_have_room_and_say_what_they_show(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board(name)["panels"]:
        assert panel["description"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("asked", list(queries()), ids=str)
def test_a_query_names_only_variables_that_its_dashboard_has(asked: Any) -> None:
    has = {variable["name"] for variable in board(asked.board)["templating"]["list"]}
    assert set(re.findall(r"\$(\w+)", asked.text)) <= has | {"timeFilter", "__interval"}
    assert filled(asked.text)


def test_every_version_has_a_data_source_of_the_same_name() -> None:
    assert [path.parent.name for path in SOURCES] == ["v1", "v2", "v3"]
    for path in SOURCES:
        (source,) = parsed(path)["datasources"]
        assert (source["uid"], source["type"]) == ("sluicegate", "influxdb")
        assert source["jsonData"]["version"] == "InfluxQL"
        assert all(str(value).split(" ")[-1].startswith("$") for value in source["secureJsonData"].values()), (
            "no secret in a file"
        )


def test_alert_rules_ask_the_data_source_and_judge_the_answer() -> None:
    (group,) = parsed(PROVISIONING / "alerting" / "sluicegate.yaml")["groups"]
    (provider,) = parsed(PROVISIONING / "dashboards" / "sluicegate.yaml")["providers"]
    assert group["folder"] == provider["folder"]
    uids = [rule["uid"] for rule in group["rules"]]
    assert len(set(uids)) == len(uids) >= 5
    for rule in group["rules"]:
        steps = {step["refId"]: step for step in rule["data"]}
        assert steps["A"]["datasourceUid"] == "sluicegate"
        assert steps["B"]["model"]["expression"] == "A"
        assert steps[rule["condition"]]["model"]["expression"] == "B"


@pytest.mark.parametrize("name", NAMES)
def test_json_ends_as_text_does(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text)["schemaVersion"] >= 36
