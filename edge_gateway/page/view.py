"""What the page shows, in sections; each is sent again only when it has changed."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import structlog

from cloud_sink.alarms import AlarmReader
from cloud_sink.decoding import decode_summary
from cloud_sink.errors import OutboxError
from cloud_sink.outbox.peek import latest
from cloud_sink.records import Lane
from edge_gateway.alarm_states import attention, change_words, look
from edge_gateway.config.config import Config
from edge_gateway.layout import Layout
from edge_gateway.live import LiveTags, Tag
from edge_gateway.status import ROLES, read_status

log = structlog.get_logger(__name__)

_SCORES = 240
"""Points of a machine's score: forty minutes of windows of 10 s."""

_READ_AT_ONCE = 5000  # windows; an outbox that has been offline for days holds many more


class View:
    """Looks at what the gateway has on disk, when somebody looks at the page. Writes nothing."""

    def __init__(self, config: Config) -> None:
        """Nothing is read yet.

        Args:
            config: Of the gateway.
        """
        self._config = config
        self._layout = Layout(config.gateway.data)
        self._tags = LiveTags(self._layout.journal)
        self._scores: dict[str, deque[tuple[int, float | None, float]]] = {}
        self._models: dict[str, str] = {}
        self._seen = 0  # number of the last window in the outbox

    def look(self) -> Mapping[str, Any]:
        """Every section as it is now.

        Raises:
            ConnectorError: The journal is of newer software.
        """
        self._tags.look()
        statuses = {role: read_status(self._layout.status, role) for role in ROLES}
        self._read_scores()
        now = time.time_ns()
        return {
            "gateway": self._gateway(statuses, now),
            "tags": self._tags.told(),
            "scores": self._told_scores(),
            "alarms": self._alarms(),
            "events": statuses["flow"].get("events", []),
            "links": self._links(statuses["acquire"]),
            "outbox": _outbox(statuses["deliver"]),
        }

    @property
    def tags(self) -> Mapping[tuple[str, str], Tag]:
        """What is known of each tag that a value was seen of, as of the last look."""
        return self._tags.tags

    def rest(self) -> None:
        """Nobody looks any more: let go of the files."""
        self._tags.close()

    def _gateway(self, statuses: Mapping[str, Mapping[str, Any]], now: int) -> dict[str, Any]:
        return {
            "site": self._config.gateway.site,
            "name": self._config.gateway.name,
            "now": now,
            "processes": {
                role: {
                    "alive": bool(status) and now - int(status["time"]) < 5 * 10**9,
                    "since": status.get("started", 0),
                }
                for role, status in statuses.items()
            },
        }

    def _read_scores(self) -> None:
        try:
            rows = latest(self._layout.outbox, Lane.SUMMARY, self._seen, _READ_AT_ONCE)
        except OutboxError:  # there is none yet, or it is just being mended
            return
        for seq, body in rows:
            self._seen = seq
            try:
                window = decode_summary(body)
            except ValueError:  # the deliverer tells of it
                continue
            score = window.score if math.isfinite(window.score) else None
            points = self._scores.setdefault(window.asset, deque(maxlen=_SCORES))
            points.append((window.end, score, window.threshold))
            self._models[window.asset] = window.model

    def _told_scores(self) -> dict[str, Any]:
        return {
            asset: {
                "model": self._models[asset],
                "time": [end for end, _, _ in points],
                "score": [score for _, score, _ in points],
                "threshold": points[-1][2] if math.isfinite(points[-1][2]) else None,
            }
            for asset, points in sorted(self._scores.items())
        }

    def _alarms(self) -> list[dict[str, Any]]:
        try:
            with AlarmReader(self._layout.outbox) as reader:
                found = sorted(reader.now(), key=attention)
        except OutboxError:
            return []
        return [
            {
                "id": alarm.last.alert_id,
                "asset": alarm.last.asset,
                "alarm": alarm.last.rule,
                "severity": alarm.last.severity,
                "state": alarm.state,
                "symbol": look(alarm.state).symbol,
                "words": look(alarm.state).words,
                "change": change_words(alarm.last.state),
                "at": alarm.last.at,
                "since": alarm.last.opened_at,
                "detail": (alarm.opened or alarm.last).detail,
                "tags": [tag for tag, _ in (alarm.opened or alarm.last).contributions[:3]],
                "by": alarm.last.by,
            }
            for alarm in found
        ]

    def _links(self, acquire: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "samples": counts.get("samples", 0),
                "errors": counts.get("errors", 0),
                "reconnects": counts.get("reconnects", max(0, counts.get("connects", 1) - 1)),
            }
            for name, counts in acquire.get("drivers", {}).items()
            if not name.startswith("(")
        ]


def _outbox(deliver: Mapping[str, Any]) -> dict[str, Any]:
    lanes = deliver.get("backlog", {})
    return {
        "waiting": {name: lane["records"] for name, lane in lanes.items()},
        "bytes": sum(lane["bytes"] for lane in lanes.values()),
        "oldest": min((lane["oldest"] for lane in lanes.values() if lane["oldest"]), default=0),
        "targets": {
            name: {"up": target["uplink_up"], "trouble": target["trouble"], "last": target["last_success"]}
            for name, target in deliver.get("targets", {}).items()
        },
    }
