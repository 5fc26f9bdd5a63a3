"""`sluicegate alerts ack`, `shelve`, `unshelve` and `reset`: what a person asks of an alarm becomes a command file.

The acquire process takes it into the journal, like any other input; the flow decides what comes of it. So it works
offline, and while the gateway is stopped.
"""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import typer

from cloud_sink.alarms import AlarmNow, AlarmReader
from connectors.commands.command import ALL, Action, Command
from connectors.commands.post import post
from edge_gateway.alarm_states import look
from edge_gateway.commands.alert_history import SHORTEST, Site, alarm_history, find_alert, find_site
from edge_gateway.commands.asker import is_running, user
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.config.units import duration_text
from edge_gateway.exit_codes import Exit
from flows.durations import duration, to_ns

_SHORTEST_SHELF, _LONGEST_SHELF = timedelta(minutes=1), timedelta(days=30)
_OF_ONE_OPENING = (Action.ACKNOWLEDGE, Action.RESET)


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of a command; see `register_alerts.py`.

    Attributes:
        action: What is asked.
        config: Of the gateway.
        alert_id: Or its beginning; None = `asset` and `alarm` say which.
        asset: Name.
        alarm: Name, or `ALL`.
        comment: Of the person.
        by: Who asks; None = the user of this machine.
        lasts: Of "shelve": for how long, as written.
    """

    action: Action
    config: Path
    alert_id: str | None
    asset: str | None
    alarm: str | None
    comment: str
    by: str | None
    lasts: str | None = None


def ask(wish: Wish) -> int:
    """Write the command file and say what will come of it.

    Raises:
        Refusal: Which alarm is meant is not clear, or a value cannot be.
    """
    site = find_site(wish.config)
    asset, alarm, alert = _meant(site, wish)
    lasts = None if wish.lasts is None else _shelf(wish.lasts)
    at, by = time.time_ns(), wish.by or user()
    try:
        command = Command(
            action=wish.action,
            asset=asset,
            alarm=alarm,
            at=at,
            by=by,
            comment=wish.comment,
            until=0 if lasts is None else at + to_ns(lasts),
            alert=alert if wish.action in _OF_ONE_OPENING else "",
        )
    except ValueError as error:
        head, told = str(error).split(": ", 1)
        rule, fix = told.split("; ", 1)
        raise Refusal(f"--{head}", None, rule, f"{fix[0].upper()}{fix[1:]}.") from error
    try:
        post(site.layout.commands, command)
    except OSError as error:
        fix = "Let this user write there, or run this as the user of the gateway."
        raise Refusal("commands", str(site.layout.commands), f"cannot be written: {error.strerror}", fix) from error
    name = "all alarms" if alarm == ALL else alarm
    how_long = "" if lasts is None else f" for {duration_text(lasts)}"
    typer.echo(printable(f"Asked: {wish.action} {name} of {asset}{how_long}, by {by}."))
    if is_running(site.layout, "acquire"):
        typer.echo("The gateway takes it within a second or two; `sluicegate alerts ls` shows what came of it.")
        typer.echo("A request that changes nothing is told by an event of kind command, at the target.")
    else:
        typer.echo("The gateway is not running: it takes effect at its next start.")
    return Exit.OK


def _meant(site: Site, wish: Wish) -> tuple[str, str, str]:
    """Asset, alarm, and id of the opening, "" where none was named."""
    if wish.alert_id is not None:
        if wish.asset is not None or wish.alarm is not None:
            raise Refusal("ALERT_ID", f'"{wish.alert_id}"', "stands beside --asset or --alarm", "Give one of them.")
        with alarm_history(site) as reader:
            return _of_alert(reader, wish.action, wish.alert_id)
    if wish.asset is None or wish.alarm is None:
        missing = "--alarm" if wish.alarm is None else "--asset"
        fix = "Give an ALERT_ID, or --asset and --alarm; --alarm '*' means all alarms of the asset."
        raise Refusal(missing if wish.asset or wish.alarm else "ALERT_ID", None, "is required", fix)
    _known(site, wish.asset, wish.alarm)
    return wish.asset, wish.alarm, ""


def _of_alert(reader: AlarmReader, action: Action, given: str) -> tuple[str, str, str]:
    alert = find_alert(reader, given)[-1]
    if not alert.asset:
        rule = f"is {alert.rule}, which the gateway raises and ends itself"
        raise Refusal("ALERT_ID", f'"{given}"', rule, "Answer the alarms that it names.", Exit.FAILED)
    now = next((one for one in reader.now() if (one.last.asset, one.last.rule) == (alert.asset, alert.rule)), None)
    if action in _OF_ONE_OPENING and now is not None and now.last.alert_id != alert.alert_id:
        rule = f"is over, and the alarm {_told(now)}"
        fix = f"That one has the id {now.last.alert_id[:SHORTEST]}."
        raise Refusal("ALERT_ID", f'"{given}"', rule, fix, Exit.FAILED)
    return alert.asset, alert.rule, alert.alert_id


def _told(alarm: AlarmNow) -> str:
    return f"is now {alarm.state} ({look(alarm.state).words})"


def _known(site: Site, asset: str, alarm: str) -> None:
    """Names that were mistyped are told at once; an alarm that was never raised may be shelved all the same."""
    seen: set[tuple[str, str]] = set()
    if (site.layout.outbox / "outbox.sqlite3").exists():
        with alarm_history(site) as reader:
            seen = {(one.last.asset, one.last.rule) for one in reader.now()}
    assets = site.assets | {name for name, _ in seen}
    if asset not in assets:
        near = difflib.get_close_matches(asset, assets, 1)
        fix = f'Did you mean "{near[0]}"?' if near else f"Assets: {', '.join(sorted(assets)) or 'none'}."
        raise Refusal("--asset", f'"{asset}"', "is no asset of this gateway", fix)
    alarms = {name for owner, name in seen if owner == asset}
    if alarm != ALL and alarm not in alarms:
        raised = f"; raised so far: {', '.join(sorted(alarms))}" if alarms else ""
        typer.echo(printable(f'note: "{alarm}" of {asset} was never raised here{raised}'), err=True)


def _shelf(text: str) -> timedelta:
    fix = f'Between {duration_text(_SHORTEST_SHELF)} and {duration_text(_LONGEST_SHELF)}, such as "2h".'
    try:
        lasts = duration(text, "--for")
    except ValueError as error:
        raise Refusal("--for", f'"{text}"', "is no duration", fix) from error
    if not _SHORTEST_SHELF <= lasts <= _LONGEST_SHELF:
        raise Refusal("--for", f'"{text}"', "is too short or too long to shelve an alarm for", fix)
    return lasts
