"""`schema` and `import` as typer reads them: parameters and nothing else. What they do is imported when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption


def register_config(app: typer.Typer) -> None:
    """Add the commands about configurations."""
    app.command()(schema)
    app.command("import")(import_)


def schema() -> None:
    """Print the JSON Schema of gateway.toml, for completion and hints in an editor.

    `sluicegate schema > gateway.schema.json` beside the configuration, and `#:schema ./gateway.schema.json` as its
    first line, suffice for Even Better TOML (VS Code), Taplo and other editors that know the directive.

    Example: sluicegate schema
    """
    from edge_gateway.config.schema import text

    typer.echo(text(), nl=False)


def import_(
    source: Annotated[Path, typer.Argument(metavar="TELEGRAF.CONF", help="Of Telegraf.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Configuration to write; must not be there.")] = Path("gateway.toml"),
    site: Annotated[str, typer.Option(help="Name of the site.")] = "site",
    name: Annotated[str | None, typer.Option(help="Name of the gateway.", show_default="this machine's")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a configuration of Telegraf's OPC-UA and Modbus inputs.

    Types, byte orders, scales and intervals are taken exactly; a table tells of every option what became of it, and
    why. Passwords go into files of their own. Nothing is ever overwritten.

    Example: sluicegate import telegraf.conf --out gateway.toml --site riverside
    """
    from edge_gateway.commands.import_telegraf import ImportWish, import_telegraf

    raise typer.Exit(import_telegraf(ImportWish(source, out, site, name, as_json)))
