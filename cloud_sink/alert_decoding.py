"""Alerts read back from what was kept, and the alarm's state that each of them leaves behind. Pure."""

from __future__ import annotations

import json
from dataclasses import fields

from cloud_sink.evidence import Evidence
from cloud_sink.records import Alert

NORMAL = "NORM"
UNACKNOWLEDGED = "UNACK"

_FIELDS = frozenset(field.name for field in fields(Alert))


def decode_alert(body: bytes) -> Alert:
    """Inverse of `Alert.encode`, also of bodies from before some fields came; fields that came later are left out.

    Raises:
        ValueError: It is no alert.
    """
    try:
        data = json.loads(body)
        known = {name: value for name, value in data.items() if name in _FIELDS}
        evidence = known.get("evidence")
        return Alert(
            **{
                **known,
                "score": _number(known["score"]),
                "threshold": _number(known["threshold"]),
                "contributions": tuple((tag, float(share)) for tag, share in known.get("contributions", ())),
                "evidence": None if evidence is None else Evidence.from_json(evidence),
            }
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        msg = f"no alert: {error!r}"
        raise ValueError(msg) from error


def alarm_state(alert: Alert) -> str:
    """The state of the alarm after this transition, an ANSI/ISA-18.2 code.

    Dataflows that only open and clear leave `Alert.alarm_state` empty; there a clearing ends it.
    """
    return alert.alarm_state or (NORMAL if alert.state == "cleared" else UNACKNOWLEDGED)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
