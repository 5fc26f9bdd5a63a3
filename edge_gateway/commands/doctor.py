"""`sluicegate doctor`: one bundle for support, and a list of what is in it before it is written."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import typer

from edge_gateway.commands.quiet import quiet_logs
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.unfinished import read_unfinished
from edge_gateway.doctor.bundle import gather, write
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout


def doctor_command(path: Path, out: Path | None, logs: Sequence[Path], *, as_json: bool) -> int:
    """Gather, list, write.

    Args:
        path: Of the configuration, which need not be whole.
        out: The bundle; None = named after the gateway and the time, in this folder.
        logs: Files to take along; () = what systemd has.
        as_json: For programs.

    Returns:
        An `Exit` code.
    """
    try:
        _, gateway = read_unfinished(path)
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        return refusal.exit_code
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = out or Path(f"sluicegate-doctor-{gateway.site}-{gateway.name}-{stamp}.tar.gz")
    with quiet_logs():
        files = gather(path, Layout(path.resolve().parent / gateway.data), logs, os.environ)
    if not as_json:
        width = max(len(one.name) for one in files)
        for one in files:
            typer.echo(f"{one.name:<{width}}  {len(one.text.encode()):>9,} bytes  {one.about}")
    try:
        size = write(files, target)
    except OSError as error:
        typer.echo(f"{target}: cannot be written: {error.strerror}", err=True)
        return Exit.CONFIG
    if as_json:
        listed = [{"name": one.name, "bytes": len(one.text.encode()), "about": one.about} for one in files]
        typer.echo(json.dumps({"file": str(target), "bytes": size, "files": listed}, indent=2))
    else:
        typer.echo(
            f"\nWritten to {target}, {size:,} bytes. Secrets were taken out; look through it before you send it."
        )
    return Exit.OK
