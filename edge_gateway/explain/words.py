"""What happened, in sentences that a maintenance technician understands. Pure; plain text, not yet HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cloud_sink.alert_decoding import alarm_state
from cloud_sink.records import Alert
from edge_gateway.alarm_states import limits_its_tag
from edge_gateway.times import span_text

_FEATURES = {
    "mean": "average",
    "std": "how much it varies",
    "min": "lowest value",
    "max": "highest value",
    "rms": "overall level",
    "first": "first value",
    "last": "last value",
    "slope": "rise or fall over the window",
    "skewness": "lopsidedness",
    "kurtosis": "how spiky it is",
    "mean_abs_change": "jump from value to value",
    "crest": "peaks against the overall level",
    "range": "highest minus lowest",
}
_MOST_NAMES = 3
_WORTH_NAMING = 0.1  # of the largest share


def feature_words(feature: str) -> str:
    """What a feature's name means; "" where we do not know it."""
    return _FEATURES.get(feature, "")


def headline(raised: Alert) -> str:
    """One sentence: what was found, where, and how far it was over its limit.

    Args:
        raised: The opening, or the first transition that is kept.
    """
    where = f"{raised.tag} of {raised.asset}" if raised.tag else raised.asset
    over = math.isfinite(raised.score) and math.isfinite(raised.threshold)
    if raised.rule == "anomaly" and over and raised.threshold > 0:
        names = _names(raised)
        because = f", mostly because of {names}" if names else ""
        return f"{where} did not run as it normally does: its score was {_times(raised)} its limit{because}."
    if raised.rule == "data_quality":
        return f"The model could not judge {where}: it had too little good data. {raised.detail}".strip()
    if over and limits_its_tag(raised):
        unit = _unit(raised)
        side = "over" if raised.score > raised.threshold else "under" if raised.score < raised.threshold else "at"
        limit = f"its limit of {raised.threshold:.4g}{unit}"
        return f"{where} was at {raised.score:.4g}{unit}, {side} {limit} ({raised.rule})."
    return f"{where}: {raised.rule}. {raised.detail}".strip()


def standing(transitions: Sequence[Alert]) -> str:
    """One sentence: how it stands after the last of these transitions."""
    last = transitions[-1]
    after = f" after {span_text(last.at - last.opened_at)}" if 0 < last.opened_at < last.at else ""
    who = next((alert.by for alert in reversed(transitions) if alert.state == "acknowledged" and alert.by), "somebody")
    match alarm_state(last):
        case "UNACK":
            return "It is active, and nobody has acknowledged it yet."
        case "ACKED":
            return f"It is active; {who} has acknowledged it."
        case "RTNUN":
            return f"It went back to normal{after}, but nobody has acknowledged it yet."
        case "SHLVD":
            return f"It is shelved: {last.by or 'somebody'} has silenced it for some time."
        case "DSUPR":
            return "It is suppressed, so nobody is asked to act on it now."
        case "OOSRV":
            return "It is out of service for maintenance."
        case "NORM":
            return f"It is over: back to normal{after}."
        case state:
            return f"Its state is {state}."


def _times(raised: Alert) -> str:
    return f"{raised.score / raised.threshold:.1f} times"


def _names(raised: Alert) -> str:
    found = [(tag, share) for tag, share in raised.contributions[:_MOST_NAMES] if math.isfinite(share)]
    told = [f"{tag} ({share:.0%})" for tag, share in found if share >= _WORTH_NAMING * found[0][1]]
    return told[0] if len(told) == 1 else ", ".join(told[:-1]) + f" and {told[-1]}" if told else ""


def _unit(raised: Alert) -> str:
    traces = raised.evidence.traces if raised.evidence else ()
    unit = next((trace.unit for trace in traces if trace.tag == raised.tag), "")
    return f" {unit}" if unit else ""
