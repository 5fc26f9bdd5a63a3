"""`sluicegate status` and `top`: a gateway at a glance, once or all the time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import typer
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from connectors.errors import ConnectorError
from edge_gateway.commands.as_json import report_json
from edge_gateway.commands.quiet import quiet_logs
from edge_gateway.commands.show import printable
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.overview import Onlook, Overview, ProcessLine, TagLine
from edge_gateway.signals import StopFlag
from edge_gateway.times import SECOND, clock_text, span_text

_EVERY_S = 1.0
_QUALITY = {"good": "green", "uncertain": "yellow", "bad": "red"}


def status_command(path: Path, *, as_json: bool) -> int:
    """`sluicegate status`: see there.

    Returns:
        `Exit.OK`, or `FAILED` where something is wrong.
    """
    try:
        with quiet_logs():
            onlook = Onlook(load(path))
            seen = onlook.look()
            onlook.rest()
    except (ConfigRejected, ConnectorError, OSError) as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    if as_json:
        typer.echo(report_json(seen, ok=not seen.wrong))
    else:
        console = Console()
        if not console.is_terminal:  # nothing is cut for want of room
            console = Console(width=200)
        console.print(shown(seen))
    return Exit.FAILED if seen.wrong else Exit.OK


def top_command(path: Path, stop: Callable[[], bool] | None = None, every_s: float = _EVERY_S) -> int:
    """`sluicegate top`: until SIGTERM or Ctrl-C.

    Args:
        path: Of the configuration.
        stop: Asked after each look; None = the signals.
        every_s: Between two looks.
    """
    console = Console()
    if not console.is_terminal and stop is None:
        typer.echo("top: needs a terminal; `sluicegate status` prints once", err=True)
        return Exit.CONFIG
    ended = StopFlag().is_set if stop is None else stop
    try:
        onlook = Onlook(load(path))
        with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while not ended():
                live.update(shown(onlook.look(), lines=console.height), refresh=True)
                _wait(every_s, ended)
        onlook.rest()
    except (ConfigRejected, ConnectorError, OSError) as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    return Exit.OK


def _wait(seconds: float, ended: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not ended() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))


def shown(seen: Overview, lines: int | None = None) -> RenderableType:
    """For a screen. What a colour says, a word says too.

    Args:
        seen: One look.
        lines: Of the screen; None = as many as it takes.
    """
    head = [_head(seen), *(Text(f"! {printable(words)}", style="bold red") for words in seen.wrong)]
    parts = [_processes(seen.processes), _links(seen), _outbox(seen)]
    if seen.models:
        parts.append(_models(seen))
    if seen.alarms:
        parts.append(_alarms(seen))
    room = None if lines is None else max(5, lines - len(head) - sum(_height(part) for part in parts) - 5)
    return Group(*head, *parts, _tags(seen.tags, room))


def _head(seen: Overview) -> Text:
    state = "not running" if not seen.running else "wrong" if seen.wrong else "all is well"
    colour = "green" if not seen.wrong else "red"
    now = clock_text(time.time_ns() // SECOND * SECOND)
    return Text.assemble((f"{seen.site}, {seen.name}: ", "bold"), (state, f"bold {colour}"), f"   {now} UTC")


def _table(title: str, *columns: str, right: Iterable[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        is_words = column in {"", "state"}  # what may be a sentence
        table.add_column(column, justify="right" if column in right else "left", no_wrap=not is_words, overflow="fold")
    return table


def _height(table: Table) -> int:
    return table.row_count + 5


def _processes(processes: Iterable[ProcessLine]) -> Table:
    names = ("process", "state", "last sign", "running for", "memory", "CPU", "restarts")
    table = _table("processes", *names, right=names[2:])
    for one in processes:
        state = Text("alive", "green") if one.is_alive else Text("gone", "red")
        known = not math.isnan(one.age_s)
        cells = (
            f"{_ago(one.age_s)} ago" if known else "never",
            _ago(one.up_s) if known else "",
            f"{one.rss_bytes / 2**20:.0f} MiB" if known else "",
            f"{one.cpu:.1%}" if known else "",
        )
        table.add_row(one.role, state, *cells, str(one.restarts))
    return table


def _links(seen: Overview) -> Table:
    table = _table(
        "links", "link", "samples", "errors", "reconnects", "state", right=("samples", "errors", "reconnects")
    )
    for one in seen.links:
        state = Text(printable(one["trouble"]), "red") if one["trouble"] else Text("up" if seen.running else "")
        table.add_row(one["name"], *(f"{one[name]:,}" for name in ("samples", "errors", "reconnects")), state)
    return table


def _outbox(seen: Overview) -> Table:
    waiting = ", ".join(f"{count:,} {lane}" for lane, count in seen.outbox["waiting"].items()) or "nothing known"
    table = _table(f"waiting: {waiting}, {seen.outbox['bytes']:,} bytes", "target", "state", "last delivery")
    for name, one in seen.outbox["targets"].items():
        state = Text("reachable", "green") if one["up"] else Text(f"out of reach: {printable(one['trouble'])}", "red")
        table.add_row(name, state, clock_text(one["last"] // SECOND * SECOND) if one["last"] else "none yet")
    return table


def _models(seen: Overview) -> Table:
    table = _table("models", "asset", "model", "last score", "of threshold", right=("last score", "of threshold"))
    for one in seen.models:
        score, threshold = one["score"], one["threshold"]
        cells = ("none" if score is None else f"{score:.3g}", "" if threshold is None else f"{threshold:.3g}")
        table.add_row(one["asset"], one["model"], *cells)
    return table


def _alarms(seen: Overview) -> Table:
    table = _table("alarms", "", "asset", "alarm", "severity", "state", "since")
    for one in seen.alarms:
        since = clock_text(one["since"] // SECOND * SECOND) if one["since"] else ""
        table.add_row(one["symbol"], one["asset"], one["alarm"], one["severity"], one["words"], since)
    return table


def _tags(tags: tuple[TagLine, ...], room: int | None) -> Table:
    left_out = 0 if room is None else max(0, len(tags) - room)
    title = f"tags; {left_out} more do not fit, `sluicegate status` shows all" if left_out else "tags"
    names = ("asset", "tag", "value", "unit", "age", "quality", "rate", "expected", "")
    table = _table(title, *names, right=("value", "age", "rate", "expected"))
    for one in tags[: len(tags) - left_out]:
        expected = f"{one.expected:.3g}/s" if one.expected else ""
        table.add_row(
            one.asset,
            one.tag,
            "-" if math.isnan(one.value) else f"{one.value:.6g}",
            one.unit,
            "-" if math.isnan(one.age_s) else _ago(one.age_s),
            Text(one.quality or "-", _QUALITY.get(one.quality, "")),
            "-" if math.isnan(one.rate) else f"{one.rate:.3g}/s",
            expected if one.is_least else f"<= {expected}" if expected else "",
            Text(one.trouble, "red"),
        )
    return table


def _ago(seconds: float) -> str:
    return span_text(round(seconds) * SECOND) if seconds >= 1 else "< 1 s"
