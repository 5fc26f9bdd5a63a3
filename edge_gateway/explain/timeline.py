"""The transitions of an alarm as a list along a line."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_sink.alert_decoding import alarm_state
from cloud_sink.records import Alert
from edge_gateway.alarm_states import change_words, look
from edge_gateway.explain.markup import text
from edge_gateway.times import clock_text, span_text, utc_text


def timeline(transitions: Sequence[Alert]) -> str:
    """An `ol`: when, how long after the first, what, in which state it left the alarm, who and why."""
    first = transitions[0].at
    return f'<ol class="timeline">{"".join(_item(alert, first) for alert in transitions)}</ol>'


def _item(alert: Alert, first: int) -> str:
    state = alarm_state(alert)
    after = f' <span class="after">+{text(span_text(alert.at - first))}</span>' if alert.at > first else ""
    who = f" by {text(alert.by)}" if alert.by else ""
    said = f'<q class="comment">{text(alert.comment)}</q>' if alert.comment else ""
    detail = f"<p>{text(alert.detail)}</p>" if alert.detail else ""
    return (
        f'<li><span class="symbol" aria-hidden="true">{look(state).symbol}</span>'
        f'<div><time datetime="{utc_text(alert.at)}">{clock_text(alert.at)}</time>{after}'
        f"<p><strong>{text(change_words(alert.state))}</strong>{who} "
        f'<span class="state">{text(state)}: {text(look(state).words)}</span></p>{said}{detail}</div></li>'
    )
