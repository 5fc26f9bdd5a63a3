"""The dashboards against Grafana's own types: each file as a TypeScript constant, checked by its compiler."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cloud_sink.grafana.queries_of import NAMES, board

pytestmark = pytest.mark.integration
NODE = Path(os.environ.get("SLUICEGATE_GRAFANA_NODE", Path(__file__).parents[3] / "var" / "grafana-node"))
TSC = NODE / "node_modules" / "typescript" / "bin" / "tsc"

if not TSC.exists():
    pytest.skip("Grafana's types are not installed: make var/grafana-node/.ready", allow_module_level=True)

# JSON holds the values of TypeScript's enums, not their names.
HEAD = """
import type { Dashboard } from '@grafana/schema';
type Plain<T> = T extends string ? `${T}` : T extends number ? (`${T}` extends `${infer N extends number}` ? N : number)
  : T extends boolean ? T : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
"""
PANEL = """
import type {{ Options as {name}Options }} from
  '@grafana/schema/dist/esm/raw/composable/{folder}/panelcfg/x/{name}PanelCfg_types.gen';
"""
KINDS = {
    "barchart": "BarChart",
    "histogram": "Histogram",
    "stat": "Stat",
    "statetimeline": "StateTimeline",
    "table": "Table",
    "timeseries": "TimeSeries",
}


def known(found: dict[str, Any]) -> dict[str, Any]:
    """Without what is not in the general types: the keys of a data source's own query, and three of the SDK's."""
    for variable in found["templating"]["list"]:
        for key in ("auto", "auto_count", "auto_min"):
            variable.pop(key, None)
    for annotation in found["annotations"].get("list", []):
        annotation["target"] = {"refId": annotation["target"]["refId"]}
    return found


def script(name: str, found: dict[str, Any]) -> str:
    used = {panel["type"].replace("-", "") for panel in found["panels"]}
    parts = [HEAD, *(PANEL.format(name=KINDS[kind], folder=kind) for kind in sorted(used))]
    for number, panel in enumerate(found["panels"]):
        options = json.dumps(panel.get("options", {}), indent=1)
        kind = KINDS[panel["type"].replace("-", "")]
        parts.append(f"export const options{number}: Partial<Plain<{kind}Options>> = {options};\n")
    parts.append(f"export const {name}: Plain<Dashboard> = {json.dumps(found, indent=1)};\n")
    return "".join(parts)


def check(folder: Path, scripts: dict[str, str]) -> str:
    (folder / "node_modules").symlink_to(NODE / "node_modules")
    for name, text in scripts.items():
        (folder / f"{name}.ts").write_text(text, encoding="utf-8")
    how = ["--strict", "--noEmit", "--skipLibCheck", "--target", "es2022"]
    how += ["--module", "nodenext", "--moduleResolution", "nodenext"]
    command = ["node", str(TSC), *how, *(f"{name}.ts" for name in scripts)]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    return ran.stdout + ran.stderr


def test_dashboards_are_of_grafanas_types(tmp_path: Path) -> None:
    scripts = {name.removesuffix(".json"): script(name.removesuffix(".json"), known(board(name))) for name in NAMES}
    assert check(tmp_path, scripts) == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [("graphTooltip", 7), ("refresh", 10), ("title", 5), ("schemaVersion", "39")],
)
def test_a_wrong_type_is_seen(tmp_path: Path, key: str, value: object) -> None:
    assert "error TS" in check(tmp_path, {"plant": script("plant", known({**board("plant.json"), key: value}))})
