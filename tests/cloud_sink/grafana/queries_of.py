"""Every query of a dashboard, with Grafana's variables filled in as Grafana does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cloud_sink.grafana.files import FOLDER
from tests.cloud_sink.grafana.plant_data import BEGAN, NOW, SECOND

INTERVAL = "1m"
NAMES = sorted(path.name for path in FOLDER.glob("*.json"))


@dataclass(frozen=True)
class Asked:
    """A query.

    Attributes:
        board: File it is in.
        place: Panel, variable or annotation.
        kind: `panel`, `variable` or `annotation`.
        text: As it stands in the file.
    """

    board: str
    place: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.board}:{self.place}"


def board(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


def queries() -> Iterator[Asked]:
    for name in NAMES:
        found = board(name)
        for panel in found["panels"]:
            for target in panel["targets"]:
                yield Asked(name, f"{panel['title']}/{target['refId']}", "panel", target["query"])
        for variable in found["templating"]["list"]:
            if variable["type"] == "query":
                yield Asked(name, variable["name"], "variable", variable["query"])
        for annotation in found["annotations"].get("list", []):
            yield Asked(name, annotation["name"], "annotation", annotation["target"]["query"])


def filled(text: str, **chosen: str) -> str:
    """With the range of the known run; a variable of several values becomes an expression of all of them, escaped."""
    values = {
        "site": "(works)",
        "gateway": r"(gw\-1)",
        "asset": r"(pump\-1|pump 2)",
        "signal": "(flow|head)",
        "model": "(suite)",
        **chosen,
    }
    text = text.replace("$timeFilter", f"time >= {BEGAN - SECOND}ns and time <= {NOW + SECOND}ns")
    text = text.replace("$__interval", INTERVAL)
    text = re.sub(r"\$(\w+)", lambda found: values[found[1]], text)
    assert "$" not in text.replace("$/", ""), text
    return text
