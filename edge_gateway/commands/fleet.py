"""`sluicegate fleet`: every gateway that delivers to a place, worst first."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from edge_gateway.commands.query import told
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from edge_gateway.times import span_text

if TYPE_CHECKING:
    from cloud_sink.lake.fleet import GatewayView

_MOST = 200  # shown to people; --json has all
_WORDS = {
    "twins": "two machines have this name",
    "missing": "not heard for {ago}",
    "conflict": "its objects met others of its name",
    "clock": "clock is {ahead} ahead",
    "alarms": "{unanswered} alarms unanswered",
    "behind": "delivery is behind",
    "drift": "models no longer fit",
    "silent": "sends no reports",
    "drops": "has dropped data",
}


def fleet_command(place: str, since: timedelta, missing: timedelta, site: str | None, *, as_json: bool) -> int:
    """Print how they are.

    Args:
        place: Folder or URI.
        since: How far to look back for gateways.
        missing: Not heard for so long, one is missing.
        site: To look at; None = all.
        as_json: One JSON object a line.

    Returns:
        `Exit.FAILED` if one is missing, if two have one name, or if there is none.
    """

    def look() -> int:
        from cloud_sink.lake.fleet import fleet  # noqa: PLC0415
        from cloud_sink.lake.places import open_place  # noqa: PLC0415

        now = datetime.now(UTC)
        views = fleet(open_place(place), now, since, missing, site)
        for view in views if as_json else ():
            typer.echo(json.dumps(_plain(view, now)))
        if not as_json:
            _show(views, now)
        return Exit.FAILED if not views or any(view.grave for view in views) else Exit.OK

    return told(look)


def _plain(view: GatewayView, now: datetime) -> dict[str, Any]:
    return {
        "site": view.site,
        "gateway": view.gateway,
        "worries": view.worries,
        "heard": view.heard.isoformat(),
        "heard_s_ago": round((now - view.heard).total_seconds()),
        "clock_ahead_s": round(view.ahead_s, 1),
        "machines": view.machines,
        "report": None if view.last is None else view.last.report.to_json(),
    }


def _show(views: list[GatewayView], now: datetime) -> None:
    console = Console()
    if not views:
        console.print("No gateway was heard: look further back with --since, or at another place.")
        return
    table = Table(box=box.SIMPLE)
    for name in ("", "site", "gateway", "heard", "version", "models", "alarms", "waiting", "late", "dropped", "what"):
        table.add_column(name, overflow="fold")
    for view in views[:_MOST]:
        table.add_row(*map(printable, _row(view, now)), style="bold red" if view.grave else "")
    console.print(table)
    if len(views) > _MOST:
        console.print(f"{len(views) - _MOST:,} more gateways, none worse: --json for all.")
    worries = Counter(worry for view in views for worry in view.worries)
    well = sum(not view.worries for view in views)
    found = ", ".join(f"{count:,} {name}" for name, count in worries.most_common())
    console.print(f"{len(views):,} gateways, {well:,} well" + (f"; {found}" if found else ""))


def _row(view: GatewayView, now: datetime) -> list[str]:
    ago = span_text(round((now - view.heard).total_seconds()) * 10**9)
    facts = {"ago": ago, "ahead": span_text(round(view.ahead_s * 1e9)), "unanswered": ""}
    cells = [""] * 6
    if view.last is not None:
        report = view.last.report
        facts["unanswered"] = str(report.unanswered)
        models = ", ".join(f"{name}{' (shadow)' if role == 'shadow' else ''}" for name, role, _ in report.models)
        waiting = sum(records for _, records, _ in report.backlog)
        dropped = ", ".join(f"{reason} {count:,}" for _, reason, count in report.drops)
        cells = [report.software, models, str(report.alarms), f"{waiting:,}", f"{report.late:,}", dropped]
    what = "; ".join(_WORDS[worry].format(**facts) for worry in view.worries)
    mark = "✗" if view.grave else "!" if view.worries else "✓"
    return [mark, view.site, view.gateway, f"{ago} ago", *cells, what]
