"""`sluicegate check`: the configuration first, then with --connect what it names."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from edge_gateway.check import describe, load_checked
from edge_gateway.check_models import scored_by
from edge_gateway.commands import check_found
from edge_gateway.commands.check_found import LinkFound
from edge_gateway.config.config import Config
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.tables import tag_tables


def check_command(path: Path, *, connect: bool, as_json: bool) -> int:
    """Check and tell.

    Returns:
        An `Exit` code: CONFIG if the configuration cannot be used, FAILED if something that it names is missing.
    """
    try:
        config = load_checked(path, deep=True)
    except ConfigRejected as rejected:
        if as_json:
            problems = [asdict(problem) for problem in rejected.problems]
            typer.echo(json.dumps({"file": str(path), "ok": False, "problems": problems}, indent=2))
        else:
            typer.echo(str(rejected), err=True)
        return Exit.CONFIG
    console = Console()
    if not as_json:
        console.print(describe(config, path))
    links = asyncio.run(ask(config, path)) if connect else []
    is_ok = all(link.is_ok for link in links)
    if as_json:
        typer.echo(json.dumps(_json(config, path, links) | {"ok": is_ok}, indent=2))
    elif links:
        _print(console, links)
    return Exit.OK if is_ok else Exit.FAILED


async def ask(config: Config, path: Path) -> list[LinkFound]:
    """All links at a time; one that is away holds up none of the others."""
    asking = []
    if config.opcua:
        from edge_gateway.commands.check_opcua import check_opcua  # noqa: PLC0415 - slow imports, only when asked for

        asking += [check_opcua(link, config, path) for link in config.opcua]
    if config.modbus:
        from edge_gateway.commands.check_modbus import check_modbus  # noqa: PLC0415

        asking += [check_modbus(line) for line in config.modbus]
    return list(await asyncio.gather(*asking))


def _print(console: Console, links: list[LinkFound]) -> None:
    if console.is_terminal:
        console.print(check_found.table(links))
    else:
        for line in check_found.lines(links):
            typer.echo(line)
    missing = list(check_found.fixes(links))
    for fix in missing:
        typer.echo(f"missing: {fix}", err=True)
    typer.echo(f"{len(missing)} to do" if missing else "all that it names is there")


def _json(config: Config, path: Path, links: list[LinkFound]) -> dict[str, Any]:
    scored = scored_by(config)
    assets = [
        {"asset": table.asset, "tags": list(table.names), "models": scored.get(table.asset)}
        for table in tag_tables(config)
    ]
    told: dict[str, Any] = {"file": str(path), "problems": [], "assets": assets}
    return told | ({"links": check_found.as_json(links)} if links else {})
