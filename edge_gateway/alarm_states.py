"""The states of alarms as people see them: a symbol and words beside every colour, and what wants attention first.

The states are those of ANSI/ISA-18.2 (IEC 62682).
"""

from __future__ import annotations

from dataclasses import dataclass

from cloud_sink.alarms import AlarmNow
from cloud_sink.alert_decoding import NORMAL
from cloud_sink.records import Alert


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown.

    Attributes:
        symbol: One character, different for each state.
        words: What it means.
        style: For a terminal (rich); never the only difference.
    """

    symbol: str
    words: str
    style: str


# In order of attention.
STATES = {
    "UNACK": Look("▲", "active, not acknowledged", "bold red"),
    "RTNUN": Look("△", "over, not acknowledged", "yellow"),
    "ACKED": Look("■", "active, acknowledged", "magenta"),
    "SHLVD": Look("‖", "shelved", "cyan"),
    "DSUPR": Look("○", "suppressed by design", "cyan"),
    "OOSRV": Look("◇", "out of service", "cyan"),
    NORMAL: Look("✓", "normal", "green"),
}
_UNKNOWN = Look("?", "unknown to this version", "bold")
_ATTENTION = {code: place for place, code in enumerate(STATES)}
_SEVERITIES = {"alarm": 0, "warning": 1}

_OF_OTHER_THINGS = {"rate", "stuck", "silence", "deviation"}  # kinds of rules; names of alarms end in theirs

CHANGES = {
    "opened": "raised",
    "cleared": "back to normal",
    "acknowledged": "acknowledged",
    "reset": "reset",
    "shelved": "shelved",
    "unshelved": "no longer shelved",
    "suppressed": "suppressed",
    "unsuppressed": "no longer suppressed",
    "out_of_service": "taken out of service",
    "in_service": "back in service",
}


def look(state: str) -> Look:
    """Of a state code, also of one that came later than this software."""
    return STATES.get(state, _UNKNOWN)


def change_words(change: str) -> str:
    """What `Alert.state` says, in words."""
    return CHANGES.get(change, change)


def limits_its_tag(alert: Alert) -> bool:
    """Whether score and threshold are a value of its tag and a limit of that, to be drawn into its curve.

    A rate is one in units a second, silence one in seconds, a deviation one of two tags, stuck has a tolerance.
    """
    return alert.rule.rpartition(".")[2] not in _OF_OTHER_THINGS


def attention(alarm: AlarmNow) -> tuple[int, int, int]:
    """Sorting key: what wants attention first, then the graver, then the newer."""
    last = alarm.last
    place = _ATTENTION.get(alarm.state, -1)
    return place, _SEVERITIES.get(last.severity, -1), -(last.opened_at or last.at)
