"""The contract with whoever reads what was delivered: every field that can leave the site, and its versions. Pure.

How it may change. A field is added at the end of its list with the version that brings it; none is renamed, retyped,
given another meaning or removed. So a file is never rewritten: files of all versions lie side by side, a reader of ours
fills what an older one lacks with `absent`, and refuses a newer one. What cannot be said so is a new layout (`v2/` in
the key), written beside the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LAYOUT = "v1"  # in every key
SUMMARY_SCHEMA = 3  # in the footer of every summary file
FOOTER = "sluicegate."  # what begins so there is ours


class Type(StrEnum):
    """Of a field. In Parquet: string, timestamp[ns, UTC], int32, float32, bool, list of int32; in JSON as it says."""

    TEXT = "text"
    TIME = "time, ns UTC"
    COUNT = "integer"
    REAL = "number"
    FLAG = "true or false"
    LIST = "list"
    BUCKETS = "list of integers"


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        name: As written; a dot leads into a list or an object.
        type: Of it.
        meaning: What a reader must know.
        since: Schema that brought it.
        absent: What it is in files from before; None where it was always there.
        pruned: It has statistics in the footer, by which a reader may leave out files.
    """

    name: str
    type: Type
    meaning: str
    since: int = 1
    absent: str | bool | float | None = None
    pruned: bool = False


SUMMARY_HEAD = (
    Field("asset", Type.TEXT, "Name of the machine.", pruned=True),
    Field("tag", Type.TEXT, "Name of the process variable.", pruned=True),
    Field("start", Type.TIME, "Beginning of the window, inclusive.", pruned=True),
    Field("end", Type.TIME, "End of the window, exclusive.", pruned=True),
    Field("n", Type.COUNT, "Good samples in the window."),
    Field("n_bad", Type.COUNT, "Other samples in it: counted, never featurized."),
    Field("coverage", Type.REAL, "Share of the expected samples that came good, 0 to 1; NaN = not known."),
)
# Between these stands one column a feature, Type.REAL: null = the asset does not have it, NaN = no good sample.
SUMMARY_TAIL = (
    Field(
        "score", Type.REAL, "Of the asset's window, 1.0 = threshold; NaN = none, or the model abstained.", pruned=True
    ),
    Field("threshold", Type.REAL, "In the unit of the score; NaN = there is no model."),
    Field("model", Type.TEXT, 'Name and version of the model; "" = none.'),
    Field("partial", Type.FLAG, "The window was closed early and does not hold all its samples."),
    Field("backfilled", Type.FLAG, "It was filled from a device's history, after a gap.", since=2, absent=False),
)

ACTIVE, SHADOW = "score:", "shadow:"
# After these stands one column for each further model of an asset, by its name and version.
SUMMARY_FURTHER = (
    Field(
        f"{ACTIVE}NAME@VERSION",
        Type.REAL,
        "Score of a further model that may alarm, 1.0 = threshold; null = the asset does not have it, NaN = none.",
        since=3,
    ),
    Field(f"{SHADOW}NAME@VERSION", Type.REAL, "The same of a model that raises no alarm.", since=3),
)
# At the end, in files that have any, with `[windows] sketches = true`; null but in about a row an hour of each tag.
SUMMARY_SKETCH = (
    Field("sketch_since", Type.TIME, "The sketch is of all good samples from then to the end of this window.", since=3),
    Field("sketch_bucket", Type.BUCKETS, "Numbers of its buckets, ascending: see `sketch.py`.", since=3),
    Field("sketch_count", Type.BUCKETS, "Samples in each of them.", since=3),
)

FOOTERS = (
    Field(f"{FOOTER}schema", Type.TEXT, "Version of the columns."),
    Field(f"{FOOTER}site", Type.TEXT, "`[gateway] site`."),
    Field(f"{FOOTER}gateway", Type.TEXT, "`[gateway] name`."),
    Field(f"{FOOTER}software", Type.TEXT, "Version of Sluicegate that wrote the file."),
)

ALERT_FIELDS = (
    Field("key", Type.TEXT, "Of this change of state; the same key is the same record."),
    Field("asset", Type.TEXT, "Name of the machine."),
    Field("rule", Type.TEXT, "`anomaly`, `data_quality`, or the name of a rule."),
    Field("state", Type.TEXT, "What happened: `opened`, `acknowledged`, `cleared`, `reset`, `shelved`, ..."),
    Field("severity", Type.TEXT, "`warning` or `alarm`."),
    Field("score", Type.REAL, "Of the deciding window; null = the rule has none."),
    Field("threshold", Type.REAL, "In the unit of the score; null = none."),
    Field("model", Type.TEXT, 'Name and version of the model; "" = none spoke.'),
    Field("opened_at", Type.TIME, "When the alarm opened; 0 = it is not open."),
    Field("at", Type.TIME, "When this happened; event time."),
    Field("received_time", Type.TIME, "When the deciding sample reached the gateway."),
    Field("contributions", Type.LIST, "[tag, share 0 to 1] of the tags that contributed most."),
    Field("detail", Type.TEXT, "One sentence for people."),
    Field("tag", Type.TEXT, 'The one it concerns; "" = the asset.', absent=""),
    Field("alarm_state", Type.TEXT, "State afterwards, ANSI/ISA-18.2: `UNACK`, `ACKED`, `NORM`, ...", absent=""),
    Field("by", Type.TEXT, 'Who asked for it, as told to `sluicegate alerts`; "" = nobody.', absent=""),
    Field("comment", Type.TEXT, "Of whoever asked for it.", absent=""),
    Field("evidence.start", Type.TIME, "Beginning of what is shown. `evidence` is null but for openings."),
    Field("evidence.end", Type.TIME, "Its end, exclusive."),
    Field("evidence.features", Type.LIST, "[tag, feature, value, share] of what contributed most."),
    Field("evidence.scores", Type.LIST, "[end of a window, score] of the last windows."),
    Field("evidence.traces.tag", Type.TEXT, "A tag that contributed; five at most."),
    Field("evidence.traces.unit", Type.TEXT, "Its engineering unit."),
    Field(
        "evidence.traces.points",
        Type.LIST,
        "[ms since `evidence.start`, value]: **samples**, at most `[alerts] evidence_points` a tag; 0 = none leaves.",
    ),
    Field("held_back", Type.FLAG, "A flood of alarms was on; it stands among the events.", absent=False),
    Field("alert_id", Type.TEXT, "Shared by an opening and all that happened to it."),
)

EVENT_FIELDS = (
    Field("key", Type.TEXT, "The same key is the same record."),
    Field("asset", Type.TEXT, 'Name of the machine; "" = the gateway.'),
    Field(
        "kind",
        Type.TEXT,
        "`gap`, `dropped`, `thinned`, `quarantined`, `late`, `clock`, `migration`, `command`, `report`, or a flow's "
        "own.",
    ),
    Field("reason", Type.TEXT, "One of a bounded set for each kind."),
    Field("start", Type.TIME, "From when; 0 = not known."),
    Field("end", Type.TIME, "To when."),
    Field("count", Type.COUNT, "Samples or records concerned; 0 = not known."),
    Field("source", Type.TEXT, "Driver, stage or bundle that tells it."),
    Field("detail", Type.TEXT, "One sentence for people."),
    Field("report.software", Type.TEXT, "Version of Sluicegate. `report` is there only where `kind` is `report`."),
    Field("report.gateway_id", Type.TEXT, "Made by chance at the first start, kept in the data folder."),
    Field("report.boot", Type.TEXT, "Changes with each boot of the machine: tells clones of one disk apart."),
    Field("report.up_s", Type.COUNT, "Seconds since the flow process began."),
    Field("report.every_s", Type.COUNT, "Seconds until the next report."),
    Field("report.received", Type.COUNT, "Samples of all time, of all assets."),
    Field("report.late", Type.COUNT, "Of them, those that came after their window was closed."),
    Field("report.alarms", Type.COUNT, "Alarms that are not normal."),
    Field("report.unanswered", Type.COUNT, "Of them, those that nobody has acknowledged."),
    Field("report.models", Type.LIST, "[name@version, `active` or `shadow`, assets]."),
    Field("report.drift", Type.LIST, "[name@version, assets that no longer look as in its training]."),
    Field("report.drops", Type.LIST, "[stage, reason, count] of all time: samples, records, lines."),
    Field("report.backlog", Type.LIST, "[lane, records, seconds since the oldest] of what waits for delivery."),
    Field("report.trouble", Type.LIST, "Why targets cannot be reached; empty = they can."),
    Field(
        "total",
        Type.COUNT,
        "`late`, and `dropped` of an asset, have it: samples of this kind and reason in the books, these included. "
        "The books begin with the recovery state. `total` less `count` is the `total` of the event before.",
        absent=0,
    ),
)

KEY_PARTS = (
    Field("site", Type.TEXT, "`[gateway] site`, in `site=...`."),
    Field("date, hour", Type.TEXT, "UTC, of the earliest record inside, in `date=...` and, for summaries, `hour=...`."),
    Field("gateway", Type.TEXT, "`[gateway] name`: the file's name begins with it."),
    Field("first time", Type.TIME, "Of the earliest record inside."),
    Field("batch", Type.TEXT, "First 8 hex digits of the SHA-256 of the keys inside."),
)
