"""`sluicegate query` and `compact` as typer reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text}: is no day; write it as 2026-01-31") from error


_PLACE = "PLACE"
_PLACE_HELP = "A folder, or s3://bucket/prefix; gs:// and abfs:// too."


def query(
    sql: Annotated[
        str,
        typer.Argument(
            metavar="[SQL]",
            help="Over alerts, transitions, summaries, events, gaps; left out = shows their columns.",
            show_default=False,
        ),
    ] = "",
    place: Annotated[
        list[str],
        typer.Option("--from", metavar=_PLACE, help=_PLACE_HELP + " May be repeated.", show_default=False),
    ] = ...,  # type: ignore[assignment]
    since: Annotated[
        date | None, typer.Option(parser=_day, metavar="DATE", help="First day to read, UTC.", show_default="all")
    ] = None,
    until: Annotated[
        date | None, typer.Option(parser=_day, metavar="DATE", help="Last day to read, UTC.", show_default="all")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Site to read.", show_default="all")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask what gateways delivered, in SQL (DuckDB): alerts and windows once each, whatever was sent twice.

    Example: sluicegate query "SELECT * FROM alerts" --from s3://plant-data
    """
    from edge_gateway.commands.query import query_command

    raise typer.Exit(query_command(sql, place, since, until, site, as_json=as_json))


def compact(
    source: Annotated[str, typer.Option("--from", metavar=_PLACE, help=_PLACE_HELP, show_default=False)],
    out: Annotated[
        str, typer.Option("--to", metavar=_PLACE, help="Where the merged files go; must be there.", show_default=False)
    ],
    day: Annotated[
        date | None, typer.Option("--date", parser=_day, metavar="DATE", help="UTC.", show_default="yesterday")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Merge what was delivered in a day into one file of each kind. Deletes nothing; may be run again.

    Example: sluicegate compact --from s3://plant-data --to s3://plant-lake --date 2026-01-31
    """
    from edge_gateway.commands.query import compact_command

    merged = day or datetime.now(UTC).date() - timedelta(days=1)
    raise typer.Exit(compact_command(source, out, merged, as_json=as_json))
