"""`sluicegate alerts ls` and `show`: what is the matter, and how it came and went."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from cloud_sink.alarms import AlarmNow
from cloud_sink.alert_decoding import NORMAL, alarm_state
from cloud_sink.evidence import Evidence
from cloud_sink.records import Alert
from edge_gateway.alarm_states import attention, change_words, limits_its_tag, look
from edge_gateway.commands.alert_history import SHORTEST, alarm_history, find_alert, find_site
from edge_gateway.commands.show import printable
from edge_gateway.commands.text_plot import text_plot
from edge_gateway.exit_codes import Exit
from edge_gateway.times import utc_text

HEAD = ("state", "severity", "asset", "alarm", "tag", "since", "score/limit", "detail", "id")
_MOST_CURVES = 3
_WIDE = 160


def list_alarms(config: Path, asset: str | None, *, show_all: bool, as_json: bool) -> int:
    """Print the alarms that are not normal, those that want attention first.

    Raises:
        Refusal: No such configuration, or no alarm history.
    """
    with alarm_history(find_site(config)) as reader:
        alarms = [
            alarm
            for alarm in sorted(reader.now(), key=attention)
            if (show_all or alarm.state != NORMAL) and asset in (None, alarm.last.asset)
        ]
    if as_json:
        typer.echo(json.dumps([_listed_json(alarm) for alarm in alarms], indent=2))
        return Exit.OK
    console = Console()
    if not console.is_terminal:
        for row in (HEAD, *(_row(alarm) for alarm in alarms)):
            typer.echo("\t".join(row))
    elif alarms:
        table = Table(*HEAD, box=box.SIMPLE_HEAD)
        for alarm in alarms:
            table.add_row(_styled(alarm.state), *map(Text, _row(alarm)[1:]))
        console.print(table)
    else:
        console.print("No alarms." if show_all else "All alarms are normal. --all shows them.")
    return Exit.OK


def show_alert(config: Path, given: str, *, as_json: bool) -> int:
    """Print all transitions of one alert, and what it was raised on.

    Raises:
        Refusal: No such configuration, alarm history or alert.
    """
    with alarm_history(find_site(config)) as reader:
        transitions = find_alert(reader, given)
    first, last = transitions[0], transitions[-1]
    if as_json:
        typer.echo(json.dumps([_json(alert) for alert in transitions], indent=2))
        return Exit.OK
    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _WIDE)  # a file or a pager has no edge
    name = ", ".join(filter(None, (first.asset, first.rule, first.tag and f"tag {first.tag}", first.severity)))
    console.print(Text.assemble(_styled(alarm_state(last)), f" {look(alarm_state(last)).words}: {printable(name)}"))
    console.print(Text(f"{first.alert_id}{f', model {printable(first.model)}' if first.model else ''}", "dim"))
    console.print(_transitions(transitions))
    opened = next((alert for alert in transitions if alert.evidence is not None), None)
    if opened is not None and opened.evidence is not None:
        _print_evidence(console, opened, opened.evidence)
    return Exit.OK


def score_text(alert: Alert) -> str:
    """For example "1.5 / 1"; "" where the alarm has none."""
    return " / ".join(f"{value:.4g}" for value in (alert.score, alert.threshold) if math.isfinite(value))


def _row(alarm: AlarmNow) -> tuple[str, ...]:
    alert, shown = alarm.last, alarm.opened or alarm.last
    since = utc_text(alert.at if alarm.state == NORMAL else alert.opened_at or alert.at)
    state = f"{look(alarm.state).symbol} {alarm.state}"
    row = (state, alert.severity, alert.asset, alert.rule, alert.tag, since, score_text(shown))
    return tuple(map(printable, (*row, alert.detail or shown.detail, alert.alert_id[:SHORTEST])))


def _styled(state: str) -> Text:
    return Text(f"{look(state).symbol} {printable(state)}", look(state).style)


def _transitions(alerts: Sequence[Alert]) -> Table:
    others = (Column(name, overflow="fold") for name in ("what", "state", "who", "comment", "detail"))
    table = Table(Column("time", no_wrap=True), *others, box=box.SIMPLE_HEAD)  # nothing is cut off, times are whole
    for alert in alerts:
        told = (alert.by, alert.comment, alert.detail)
        table.add_row(
            utc_text(alert.at),
            printable(change_words(alert.state)),
            _styled(alarm_state(alert)),
            *(Text(printable(text)) for text in told),
        )
    return table


def _print_evidence(console: Console, alert: Alert, evidence: Evidence) -> None:
    if alert.contributions and math.isfinite(alert.score):
        shares = ", ".join(f"{tag} {share:.0%}" for tag, share in alert.contributions if math.isfinite(share))
        console.print(Text(f"Most of the score comes from {printable(shares)}."))
    if evidence.features:
        table = Table("tag", "feature", "value", "share", box=box.SIMPLE_HEAD, title="What contributed")
        for one in evidence.features:
            share = f"{one.share:.0%}" if math.isfinite(one.share) else ""
            value = f"{one.value:.4g}" if math.isfinite(one.value) else ""
            table.add_row(Text(printable(one.tag)), Text(printable(one.feature)), value, share)
        console.print(table)
    if evidence.scores:
        typer.echo(f"Score of the last {len(evidence.scores)} windows, the last one at {utc_text(alert.opened_at)}:")
        _print_plot([(float(end - evidence.start), score) for end, score in evidence.scores], alert.threshold)
    for trace in evidence.traces[:_MOST_CURVES]:
        unit = f" in {printable(trace.unit)}" if trace.unit else ""
        ends = [utc_text(evidence.start + round(at * 1e6)) for at, _ in (*trace.points[:1], *trace.points[-1:])]
        typer.echo(f"{printable(trace.tag)}{unit}, {' to '.join(ends)}:")
        is_judged = not evidence.scores and alert.tag in ("", trace.tag) and limits_its_tag(alert)
        _print_plot(trace.points, alert.threshold if is_judged else math.nan)


def _print_plot(points: Sequence[tuple[float, float]], limit: float) -> None:
    for line in text_plot(points, limit):
        typer.echo(f"  {line}")
    typer.echo()


def _json(alert: Alert) -> dict[str, Any]:
    """As it was sent, with the state filled in and times that people can read."""
    data: dict[str, Any] = json.loads(alert.encode())
    return {**data, "alarm_state": alarm_state(alert), "time": utc_text(alert.at)}


def _listed_json(alarm: AlarmNow) -> dict[str, Any]:
    shown = _json(alarm.opened or alarm.last)
    del shown["evidence"]
    last = alarm.last
    return {**shown, "state": last.state, "alarm_state": alarm.state, "at": last.at, "time": utc_text(last.at)}
