"""The page: one file that needs nothing else, neither script nor network, and prints on paper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.resources import files

from cloud_sink.alert_decoding import alarm_state
from cloud_sink.evidence import Evidence, Trace
from cloud_sink.records import Alert
from edge_gateway import __version__
from edge_gateway.alarm_states import limits_its_tag, look
from edge_gateway.explain.bars import feature_table, tag_table
from edge_gateway.explain.markup import text
from edge_gateway.explain.plot import Plot, draw
from edge_gateway.explain.scale import MS
from edge_gateway.explain.timeline import timeline
from edge_gateway.explain.words import headline, standing
from edge_gateway.times import clock_text

# Nothing is fetched and nothing is run, whatever a tag may be called.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_URGENT = ("UNACK", "RTNUN")  # somebody has to look at it


def page(transitions: Sequence[Alert], site: str) -> str:
    """The page of one alarm, as HTML that is also well-formed XML.

    Args:
        transitions: Of one alert id, in order of time, at least one.
        site: Where: site and gateway.
    """
    raised = next((alert for alert in transitions if alert.state == "opened"), transitions[0])
    state = alarm_state(transitions[-1])
    badge = " urgent" if state in _URGENT else ""
    title = f"{raised.asset}: {raised.rule}"
    body = "".join(
        [
            f'<header><p class="badge{badge}"><span class="symbol" aria-hidden="true">{look(state).symbol}</span> '
            f"{text(state)}: {text(look(state).words)}</p><h1>{text(title)}</h1>"
            f'<p class="lead">{text(headline(raised))} {text(standing(transitions))}</p>',
            f"{_facts(raised, site)}</header>\n",
            *(_evidence(raised, raised.evidence) if raised.evidence else _no_evidence(raised)),
            _section("What happened", timeline(transitions)),
            f"<footer>Alert {text(raised.alert_id)}. All times are UTC. Sluicegate {text(__version__)}.</footer>",
        ]
    )
    style = files("edge_gateway.explain").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{text(title)}</title><style>{style}</style></head>\n<body><main>{body}</main></body></html>\n"
    )


def _facts(raised: Alert, site: str) -> str:
    score = " / ".join(f"{value:.4g}" for value in (raised.score, raised.threshold) if math.isfinite(value))
    facts = {
        "Raised" if raised.opened_at else "Since": clock_text(raised.opened_at or raised.at) + " UTC",
        "Severity": raised.severity,
        "Where": site,
        "Tag": raised.tag,
        "Score / limit" if raised.rule == "anomaly" else "Value / limit": score,
        "Model": raised.model,
    }
    told = (f"<div><dt>{name}</dt><dd>{text(value)}</dd></div>" for name, value in facts.items() if value)
    return f"<dl>{''.join(told)}</dl>"


def _evidence(raised: Alert, evidence: Evidence) -> Iterator[str]:
    window = (evidence.start, evidence.end) if evidence.scores and evidence.start < evidence.end else None
    if evidence.scores:
        label = f"Score of the last {len(evidence.scores)} windows"
        plot = Plot("score", label, evidence.scores, raised.threshold, window, is_dotted=True)
        note = "Each point is a window. Triangles are over the limit, circles are not. The last one raised the alarm."
        if any(not math.isfinite(score) for _, score in evidence.scores):
            note += " In the gaps the model had too little good data to judge."
        yield _section("Score against its limit", _figure(label, draw(plot), note))
    shares = "" if any(math.isfinite(one.share) for one in evidence.features) else _tags(raised)
    if evidence.features:
        shares += feature_table(evidence.features)
        shares += '<p class="meaning">Features of the deciding window; the one that says most comes first.</p>'
    if shares:
        yield _section("What contributed", shares)
    figures = "".join(_trace(number, trace, raised, evidence, window) for number, trace in enumerate(evidence.traces))
    if figures:
        yield _section("What the tags did", figures)


def _trace(number: int, trace: Trace, raised: Alert, evidence: Evidence, window: tuple[int, int] | None) -> str:
    points = [(evidence.start + round(at * MS), value) for at, value in trace.points if math.isfinite(at)]
    name = trace.tag + (f" in {trace.unit}" if trace.unit else "")
    moment = None if window else raised.opened_at or raised.at
    if window and all(window[0] <= at <= window[1] for at, _ in points):  # nothing to tell it apart from
        name, window = f"{name}, in the deciding window", None
    is_judged = not evidence.scores and raised.tag in ("", trace.tag) and limits_its_tag(raised)
    limit = raised.threshold if is_judged else math.nan
    drawn = draw(Plot(f"trace{number}", name, points, limit, window, moment))
    return _figure(name, drawn, "" if drawn else "No good sample in this stretch.")


def _no_evidence(raised: Alert) -> Iterator[str]:
    if shares := _tags(raised):
        yield _section("What contributed", shares)
    yield _section("Evidence", "<p>No curves were kept with this alarm.</p>")


def _tags(raised: Alert) -> str:
    if raised.rule == "data_quality":
        return tag_table(raised.contributions, "Good samples that are missing")
    return tag_table(raised.contributions)


def _section(title: str, content: str) -> str:
    return f"<section><h2>{text(title)}</h2>{content}</section>\n"


def _figure(caption: str, drawing: str, note: str) -> str:
    below = f'<p class="meaning">{text(note)}</p>' if note else ""
    return f"<figure><figcaption>{text(caption)}</figcaption>{drawing}{below}</figure>"
