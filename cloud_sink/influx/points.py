"""What the dashboards are told: records as lines of a few measurements.

| measurement | tags | one point a |
|---|---|---|
| `edge_feature` | site, asset, signal (`tag` is a word of InfluxQL) | tag and window |
| `edge_score` | site, asset, model, role (`active`, `shadow`) | model and window |
| `edge_alert` | site, asset, rule, severity | change of state of an alarm |
| `edge_event` | site, asset, kind, reason | gap, drop, change of model, ... |
| `edge_live` | site, asset, signal | look at a tag that is marked so, at its source time |
| `edge_gateway` | site, gateway | look at the gateway's health |
| `edge_process` | site, gateway, role | look at one of its processes |
| `edge_link` | site, gateway, link | look at one connection to the plant |
| `edge_drop` | site, gateway, stage, reason | look at what was dropped there |

Tags are few and bounded, since each combination is a series for ever; what is not (an alert's id, a model's version, a
sentence) is a field. No name is a tag in one measurement and a field in the same (InfluxDB 3 refuses it), and a field
never changes its type. Times are event times in whole microseconds; the three digits below keep apart what else would
overwrite one another, and follow from the record alone, so that a line that is sent twice changes nothing.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from cloud_sink.influx.lines import Field, point, table
from cloud_sink.records import Alert, Event, OtherScore, Record, WindowSummary

FEATURE, SCORE, ALERT, EVENT = "edge_feature", "edge_score", "edge_alert", "edge_event"
LIVE = "edge_live"
GATEWAY, PROCESS, LINK, DROP = "edge_gateway", "edge_process", "edge_link", "edge_drop"

_US = 1000
_THRESHOLD = 1.0  # of every model: scores are in units of it
_STATES = (
    "opened",
    "acknowledged",
    "cleared",
    "reset",
    "shelved",
    "unshelved",
    "suppressed",
    "unsuppressed",
    "out_of_service",
    "in_service",
)


def lines_of(record: Record, site: str) -> list[str]:
    """Lines of one record, without their ends."""
    match record:
        case WindowSummary():
            return _window(record, site)
        case Alert():
            return [_alert(record, site)]
        case Event():
            return [_event(record, site)]


def live_line(site: str, asset: str, tag: str, value: float, quality: str, time: int) -> str:
    """The last value of a tag.

    Args:
        site: Of the gateway.
        asset: Of the tag.
        tag: Its name.
        value: NaN where it came without one; the line then tells the quality alone.
        quality: good, uncertain or bad.
        time: Source time, ns.
    """
    tags = (("asset", asset), ("signal", tag), ("site", site))
    return point(LIVE, tags, {"value": value, "quality": quality}, time // _US * _US)


@dataclass(frozen=True, slots=True)
class Health:
    """One look at a part of the gateway.

    Attributes:
        measurement: `GATEWAY`, `PROCESS`, `LINK` or `DROP`.
        tags: Beside site and gateway, sorted by key.
        fields: Each always of the same type.
    """

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: Mapping[str, Field]

    def line(self, site: str, gateway: str, now: int) -> str:
        """As a line; the only one whose time is the clock's (`now`, ns)."""
        tags = tuple(sorted((("gateway", gateway), ("site", site), *self.tags)))
        return point(self.measurement, tags, self.fields, now // _US * _US)


def _window(summary: WindowSummary, site: str) -> list[str]:
    """At the window's end."""
    time = summary.end // _US * _US
    rows = [(("asset", summary.asset), ("signal", tag), ("site", site)) for tag in summary.tags]
    values, counts = summary.values, {"n": summary.n, "n_bad": summary.n_bad}
    lines = table(FEATURE, rows, summary.features, values, counts, time)
    if summary.model:
        lines.append(_score(summary, OtherScore(summary.model, summary.score, shadow=False), site, time))
    return lines + [_score(summary, other, site, time) for other in summary.others]


def _score(summary: WindowSummary, one: OtherScore, site: str, time: int) -> str:
    name, _, version = one.model.partition("@")
    told = not math.isnan(one.score)  # NaN: the model abstained
    fields: dict[str, Field] = {
        "score": one.score,
        "threshold": 1.0,  # scores are in units of their threshold, whatever the model
        "anomaly": told and one.score > 1.0,
        "abstained": not told,
        "model_version": version,
    }
    role = "shadow" if one.shadow else "active"
    return point(SCORE, (("asset", summary.asset), ("model", name), ("role", role), ("site", site)), fields, time)


def _alert(alert: Alert, site: str) -> str:
    tags = (("asset", alert.asset), ("rule", alert.rule), ("severity", alert.severity), ("site", site))
    fields: dict[str, Field] = {
        "id": alert.alert_id,
        "state": alert.state,
        "alarm_state": alert.alarm_state,
        "detail": alert.detail,
        "score": alert.score,
        "threshold": alert.threshold,
        "tags": ", ".join(name for name, _ in alert.contributions) or alert.tag,
        "by": alert.by,
        "open_s": (alert.at - alert.opened_at) / 1e9 if alert.opened_at else 0.0,
    }
    place = _STATES.index(alert.state) if alert.state in _STATES else len(_STATES)
    return point(ALERT, tags, fields, alert.at // _US * _US + place)


def _event(event: Event, site: str) -> str:
    tags = (("asset", event.asset), ("kind", event.kind), ("reason", event.reason), ("site", site))
    fields: dict[str, Field] = {
        "count": event.count,
        "source": event.source,
        "detail": event.detail,
        "lasted_s": max(0, event.end - event.start) / 1e9 if event.start else 0.0,
    }
    # Two links may have a gap at the same moment, two blocks be late for the same window.
    apart = (zlib.crc32(event.source.encode()) + event.total) % _US
    return point(EVENT, tags, fields, event.end // _US * _US + apart)
