"""`sluicegate explain`: the page of one alarm, written to a file."""

from __future__ import annotations

from pathlib import Path

import typer

from edge_gateway.commands.alert_history import alarm_history, find_alert, find_site
from edge_gateway.commands.refusal import Refusal
from edge_gateway.exit_codes import Exit
from edge_gateway.explain.page import page


def explain_alert(config: Path, given: str, out: Path) -> int:
    """Write the page; one that was written before is replaced.

    Raises:
        Refusal: No such configuration, alarm history or alert, or the file cannot be written.
    """
    site = find_site(config)
    with alarm_history(site) as reader:
        transitions = find_alert(reader, given)
    try:
        out.write_text(page(transitions, site.name), encoding="utf-8")
    except OSError as error:
        fix = "Name a file in a folder that is there."
        raise Refusal("--out", str(out), f"cannot be written: {error.strerror}", fix) from error
    typer.echo(f"{out}: open it in any browser; it needs no network")
    return Exit.OK
