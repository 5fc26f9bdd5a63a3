"""`resolve` as typer reads it: parameters and nothing else. What it does is imported when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.options import JsonOption


def resolve(
    config: Annotated[Path, typer.Argument(metavar="GATEWAY.TOML", help="The configuration.", show_default=False)],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if the servers differ from the file.")
    ] = False,
    as_json: JsonOption = False,
    depth: Annotated[int, typer.Option(help="Levels below a start, for globs with **, 1 to 100.", min=1, max=100)] = 12,
    limit: Annotated[int, typer.Option(help="Nodes below a start, 1 to 1000000.", min=1, max=1_000_000)] = 100_000,
) -> None:
    """Look up the globs of a configuration at their OPC-UA servers and pin the tags in a file beside it.

    GATEWAY.tags.toml says afterwards which tags the globs stand for: until the next `resolve`, whatever the server has.
    Nodes that stand there keep their names. If a glob matches nothing the exit code is 1 and the file stays.

    Example: sluicegate resolve gateway.toml
    """
    from edge_gateway.commands.resolve import Wish
    from edge_gateway.commands.resolve import resolve as resolve_globs
    from edge_gateway.commands.resolve_links import Bounds

    raise typer.Exit(resolve_globs(Wish(config, check, as_json, Bounds(depth, limit))))
