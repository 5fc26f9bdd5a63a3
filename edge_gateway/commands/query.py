"""`sluicegate query` and `compact`: for whoever reads what gateways delivered. Needs no gateway, no configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cloud_sink.errors import PlaceError, QueryError
from edge_gateway import __version__
from edge_gateway.commands.as_json import report_json
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit

_SHOWN = 1000  # rows of a table for people; --json has all


def query_command(
    sql: str, places: Sequence[str], since: date | None, until: date | None, site: str | None, *, as_json: bool
) -> int:
    """Print the answer.

    Args:
        sql: One statement; "" = show the views and their columns.
        places: Folders or URIs.
        since: First day to read.
        until: Last day to read.
        site: To read; None = all.
        as_json: One JSON object a line.

    Returns:
        An `Exit` code.
    """

    def ask() -> int:
        from cloud_sink.lake.places import Days, open_place  # noqa: PLC0415
        from cloud_sink.lake.sql import COLUMNS, Lake  # noqa: PLC0415

        lake = Lake([open_place(name) for name in places], Days(since, until), site)
        try:
            answer = lake.query(sql or COLUMNS)
        finally:
            lake.close()
        if answer is not None:
            _show(answer, as_json=as_json)
        return Exit.OK

    return told(ask)


def compact_command(source: str, out: str, day: date, *, as_json: bool) -> int:
    """Merge a day and say what became of it.

    Args:
        source: Where gateways deliver to.
        out: Where the merged files go.
        day: UTC.
        as_json: One JSON object a line.

    Returns:
        An `Exit` code.
    """

    def merge() -> int:
        from cloud_sink.lake.compact import compact  # noqa: PLC0415
        from cloud_sink.lake.places import open_place  # noqa: PLC0415

        count = 0
        for made in compact(open_place(source), open_place(out), day, __version__):
            count += 1
            if as_json:
                typer.echo(report_json(made, indent=None))
                continue
            repeats = f", {made.repeats:,} repeats left out" if made.repeats else ""
            typer.echo(
                f"{printable(made.key)}: {made.objects:,} objects, {made.size:,} B -> {made.compacted:,} B, "
                f"{made.records:,} records{repeats}"
            )
        if not count:
            typer.echo(f"{source}: nothing was delivered for {day}", err=as_json)
        return Exit.OK

    return told(merge)


def told(act: Callable[[], int]) -> int:
    """Errors as words."""
    try:
        return act()
    except ModuleNotFoundError as error:
        typer.echo(f"{error}: this needs Sluicegate's [query] extra", err=True)
        return Exit.CONFIG
    except QueryError as error:
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    except PlaceError as error:
        typer.echo(str(error), err=True)
        return Exit.FAILED


def _show(answer: Any, *, as_json: bool) -> None:
    if as_json:
        for row in answer.to_pylist():
            typer.echo(json.dumps({name: _plain(value) for name, value in row.items()}, default=str))
        return
    table = Table(box=box.SIMPLE)
    for name in answer.column_names:
        table.add_column(printable(name), overflow="fold")
    for row in answer.slice(0, _SHOWN).to_pylist():
        table.add_row(*("" if value is None else printable(str(_plain(value))) for value in row.values()))
    console = Console()
    console.print(table)
    if len(answer) > _SHOWN:
        console.print(f"{len(answer) - _SHOWN:,} more rows: add LIMIT, or --json for all.")


def _plain(value: Any) -> Any:
    """JSON has no NaN (RFC 8259, 6), and times are written as ISO 8601 has them."""
    if isinstance(value, float) and value - value != 0:
        return None
    if isinstance(value, Decimal):  # what DuckDB adds integers up to
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, datetime) else value
