"""Records: everything that may leave the site, with deterministic keys, so that a replay writes nothing twice.

A record's key is made from what it says (site, asset, rule, event time), never from a clock or chance. That of late and
dropped samples is also made from the books of their asset, which a replay counts alike.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_sink.evidence import Evidence
from cloud_sink.report import Report
from cloud_sink.sketch import Sketches

SCHEMA_VERSION = 1


class Lane(IntEnum):
    """Order of delivery: a lower lane always goes first."""

    ALERT = 0
    EVENT = 1
    SUMMARY = 2


def alert_id(asset: str, rule: str, opened_at: int) -> str:
    """Of an opening."""
    return _digest("alert", asset, rule, opened_at)


def _digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Alert:
    """One transition of one alarm.

    Attributes:
        asset: The machine it concerns.
        rule: "anomaly", "data_quality", or the name of an immediate rule.
        state: What happened: "opened", "acknowledged", "cleared", "reset", "shelved", "unshelved", "suppressed",
            "unsuppressed", "out_of_service", "in_service".
        severity: "warning" or "alarm".
        score: Of the deciding window; NaN where the rule has none.
        threshold: In the unit of the score.
        model: "name@version", "" where no model spoke.
        opened_at: Event time of the opening, ns since the epoch (end of the deciding window); 0 where the alarm is not
            open: one that is normal may be shelved, suppressed or out of service too.
        at: Event time of this change of state, ns since the epoch; equals `opened_at` for "opened".
        received_time: When the sample that decided this change reached the gateway, ns since the epoch.
        contributions: (tag, share 0..1) of the tags that contributed most, largest first.
        detail: One sentence for people.
        tag: The one it concerns; "" = the whole asset.
        alarm_state: In which it is now, ANSI/ISA-18.2: "NORM", "UNACK", "ACKED", "RTNUN", "SHLVD", "DSUPR", "OOSRV".
        by: Who asked for it; "" = nobody, it came from the data.
        comment: Of whoever asked for it.
        evidence: Of an opening; None where there is nothing to show.
        held_back: A flood of alarms was on: it is a record like any other, but goes the way of events.
    """

    asset: str
    rule: str
    state: str
    severity: str
    score: float
    threshold: float
    model: str
    opened_at: int
    at: int
    received_time: int
    contributions: tuple[tuple[str, float], ...] = ()
    detail: str = ""
    tag: str = ""
    alarm_state: str = ""
    by: str = ""
    comment: str = ""
    evidence: Evidence | None = None
    held_back: bool = False

    @property
    def lane(self) -> Lane:
        """Alerts overtake everything, unless they were held back."""
        return Lane.EVENT if self.held_back else Lane.ALERT

    @property
    def alert_id(self) -> str:
        """Shared by an opening and all that happened to it afterwards."""
        return alert_id(self.asset, self.rule, self.opened_at)

    @property
    def key(self) -> str:
        """Idempotency key: one per change of state; the same one may happen again, at another time."""
        return f"alert/{self.alert_id}/{self.state}/{self.at}"

    @property
    def time(self) -> int:
        """Event time, ns."""
        return self.at

    def encode(self) -> bytes:
        """As one JSON object."""
        evidence = self.evidence and self.evidence.to_json()
        return _json({**_fields(self), "evidence": evidence, "alert_id": self.alert_id})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the data or the gateway: a gap, a drop, a change of model, a migration.

    Attributes:
        asset: "" where it concerns the gateway.
        kind: "gap", "dropped", "late", "model", "drift", "migration", "report", ...
        reason: One of a bounded set per kind.
        start: Event time, ns; 0 = unknown.
        end: Event time, ns.
        count: Samples or records concerned, 0 where unknown.
        source: Driver, stage or bundle.
        detail: One sentence for people.
        report: How the gateway is, where that is what happened.
        total: Samples that the books of the asset hold for this kind and reason, these included; 0 = none are kept.
            Makes two records of what looks alike and is not: blocks of as many samples, late for the same window.
    """

    asset: str
    kind: str
    reason: str
    start: int
    end: int
    count: int = 0
    source: str = ""
    detail: str = ""
    report: Report | None = None
    total: int = 0

    lane = Lane.EVENT

    @property
    def key(self) -> str:
        """Idempotency key."""
        parts = (self.asset, self.kind, self.reason, self.start, self.end, self.count, self.source)
        return "event/" + (_digest(*parts, self.total) if self.total else _digest(*parts))

    @property
    def time(self) -> int:
        """Event time, ns."""
        return self.end

    def encode(self) -> bytes:
        """As one JSON object."""
        found = _fields(self)
        # Most events have neither, and a software from before would not know them.
        if not self.total:
            del found["total"]
        if self.report is None:
            del found["report"]
        else:
            found["report"] = self.report.to_json()
        return _json(found)


@dataclass(frozen=True, slots=True)
class OtherScore:
    """What one more model said of a window.

    Attributes:
        model: "name@version".
        score: 1.0 = its threshold; NaN where it abstained.
        shadow: It raises no alarm.
    """

    model: str
    score: float
    shadow: bool

    def to_json(self) -> tuple[str, float | None, bool]:
        """JSON has no NaN."""
        return self.model, None if self.score != self.score else self.score, self.shadow


@dataclass(frozen=True, slots=True, eq=False)
class WindowSummary:
    """One closed window of one asset: a row per tag, columnar.

    Attributes:
        asset: The machine.
        start: Event time, ns, inclusive.
        end: Event time, ns, exclusive.
        tags: Names, one per row.
        features: Names, one per column of `values`.
        n: int32[tags], good samples in the window.
        n_bad: int32[tags], samples with uncertain or bad status (counted, not featurized).
        coverage: float32[tags], share of the expected samples that came good; NaN where not judged.
        values: float32[tags, features]; NaN where there was no good sample.
        score: Of the window; NaN where the model abstained or there is none.
        threshold: In the unit of the score; NaN where there is none.
        model: "name@version" or "".
        partial: The window was closed early (declared migration), so it does not hold all its samples.
        backfilled: It was filled from a device's history, after a gap.
        others: What further models of the asset said of it.
        sketches: Quantile sketches of all windows since the last ones, this one included; None = not now, or never.
    """

    asset: str
    start: int
    end: int
    tags: tuple[str, ...]
    features: tuple[str, ...]
    n: NDArray[np.int32]
    n_bad: NDArray[np.int32]
    coverage: NDArray[np.float32]
    values: NDArray[np.float32]
    score: float
    threshold: float
    model: str
    partial: bool = False
    backfilled: bool = False
    others: tuple[OtherScore, ...] = ()
    sketches: Sketches | None = None

    lane = Lane.SUMMARY

    @property
    def key(self) -> str:
        """Idempotency key."""
        return f"summary/{self.asset}/{self.start}/{self.end}" + ("/partial" if self.partial else "")

    @property
    def time(self) -> int:
        """Event time, ns."""
        return self.start

    def encode(self) -> bytes:
        """A JSON head (length-prefixed) and the columns as little-endian bytes."""
        head = _json(
            {
                "v": SCHEMA_VERSION,
                "asset": self.asset,
                "start": self.start,
                "end": self.end,
                "tags": self.tags,
                "features": self.features,
                "score": self.score,
                "threshold": self.threshold,
                "model": self.model,
                "partial": self.partial,
                "backfilled": self.backfilled,
                **({"others": [other.to_json() for other in self.others]} if self.others else {}),
                **({} if self.sketches is None else {"sketches": _plain(self.sketches)}),
            }
        )
        columns = (
            self.n.astype("<i4").tobytes(),
            self.n_bad.astype("<i4").tobytes(),
            self.coverage.astype("<f4").tobytes(),
            self.values.astype("<f4").tobytes(),
        )
        return len(head).to_bytes(4, "little") + head + b"".join(columns)


@dataclass(frozen=True, slots=True)
class Account:
    """The books of one asset's stream: cumulative, so that writing one twice changes nothing.

    received = placed + late + sum(dropped), always. Not delivered: kept in the outbox beside the records.
    """

    asset: str
    received: int
    placed: int
    late: int
    dropped: tuple[tuple[str, int], ...] = ()

    @property
    def balanced(self) -> bool:
        """Whether every sample received is accounted for."""
        return self.received == self.placed + self.late + sum(count for _, count in self.dropped)


Record = Alert | Event | WindowSummary


def _plain(sketches: Sketches) -> list[Any]:
    return [sketches.since, *(part.tolist() for part in (sketches.sizes, sketches.buckets, sketches.counts))]


def _fields(record: Alert | Event) -> dict[str, Any]:
    """Like `asdict`, without its deep copy, which took three quarters of the time of encoding."""
    return {name: getattr(record, name) for name in record.__slots__}


def _json(data: dict[str, Any]) -> bytes:
    """Compact JSON; NaN becomes null, since JSON has no NaN (RFC 8259, 6)."""
    clean = {k: None if isinstance(v, float) and v != v else v for k, v in data.items()}  # noqa: PLR0124
    return json.dumps(clean, separators=(",", ":"), allow_nan=False).encode()
