"""What became of each part of a telegraf.conf: taken, changed on the way, or left out; and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edge_gateway.config.toml_spots import Spot, Steps

FILTERS = (
    *("namepass", "namedrop", "fieldpass", "fielddrop", "fieldinclude", "fieldexclude"),
    *("tagpass", "tagdrop", "taginclude", "tagexclude", "metricpass"),
)
_OF_EVERY_INPUT = {
    **dict.fromkeys(
        ("alias", "name_override", "name_prefix", "name_suffix"), "names of measurements have no like here"
    ),
    **dict.fromkeys(("tags",), "tags of InfluxDB have no like here: assets and tags are names"),
    **dict.fromkeys(("precision", "time_source"), "times are those of the device or its server, to the nanosecond"),
    **dict.fromkeys(("collection_jitter", "collection_offset"), "polls are spread by the gateway"),
    **dict.fromkeys(("metric_buffer_limit", "startup_error_behavior", "log_level"), "it is how Telegraf works itself"),
    **dict.fromkeys(FILTERS, "filters are not taken: all fields are read, remove the tags that are too many"),
}


class Fate(StrEnum):
    """What became of it."""

    TAKEN = "taken"
    CHANGED = "changed"
    LEFT = "left out"


@dataclass(frozen=True, slots=True)
class Note:
    """One row of the report.

    Attributes:
        line: In telegraf.conf; 0 = of no line.
        what: Which plugin and option.
        fate: What became of it.
        told: Into what, or why not.
    """

    line: int
    what: str
    fate: Fate
    told: str


@dataclass(slots=True)
class Notes:
    """All of them, and the lines that they are of."""

    spots: Mapping[Steps, Spot]
    notes: list[Note] = field(default_factory=list)

    def add(self, steps: Steps, fate: Fate, told: str, name: str = "") -> None:
        """Say what became of a value; `name` is added to its path."""
        near = steps
        while near and near not in self.spots:
            near = near[:-1]
        line = self.spots[near].line if near in self.spots else 0
        words = [str(step) for step in steps if isinstance(step, str)]
        self.notes.append(Note(line, ".".join(words) + (f' "{name}"' if name else ""), fate, told))

    def rest(self, steps: Steps, table: Mapping[str, Any], taken: set[str], reasons: Mapping[str, str]) -> None:
        """Every key of a table that nothing was made of, with the reason as far as there is a known one.

        Args:
            steps: Of the table.
            table: It.
            taken: Keys that are spoken of elsewhere.
            reasons: Why others are left out.
        """
        for key in table:
            if key in taken:
                continue
            reason = reasons.get(key) or _OF_EVERY_INPUT.get(key) or "this import does not know the option"
            self.add((*steps, key), Fate.LEFT, reason)
