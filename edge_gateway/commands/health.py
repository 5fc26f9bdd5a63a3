"""`sluicegate health`: the verdict from the status files. Starts fast, since probes call it every few seconds."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import typer

from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.verdict import Now, Verdict, judge, read_statuses


def health_command(config: Path, *, ready: bool, as_json: bool) -> int:
    """Print the verdict.

    Args:
        config: Of the gateway; only where it keeps its data is read of it.
        ready: Whether readiness is asked for rather than health.
        as_json: One object instead of lines.

    Returns:
        `Exit.OK`, or `Exit.FAILED` where the answer is no, or `Exit.CONFIG`.
    """
    data = _data_folder(config)
    if data is None:
        return Exit.CONFIG
    verdict = judge(read_statuses(Layout(data).status), Now.read())
    if as_json:
        typer.echo(json.dumps(verdict.told()))
    else:
        typer.echo("\n".join(_lines(verdict)))
    return Exit.OK if (verdict.ready if ready else verdict.healthy) else Exit.FAILED


def _lines(verdict: Verdict) -> list[str]:
    state = "ready" if verdict.ready else "healthy, not ready" if verdict.healthy else "unhealthy"
    reasons = [*(f"{role}: {why}" for role, why in verdict.wedged.items()), *verdict.unready]
    return [state, *(f"  {reason}" for reason in reasons), *(f"  note: {note}" for note in verdict.notes)]


def _data_folder(config: Path) -> Path | None:
    """Straight from the file; the whole configuration takes ten times as long to load."""
    try:
        folder = tomllib.loads(config.read_text(encoding="utf-8-sig"))["gateway"]["data"]
    except (OSError, ValueError, LookupError, TypeError):
        folder = None
    if isinstance(folder, str) and "${" not in folder:
        return config.resolve().parent / folder
    return _loaded(config)


def _loaded(config: Path) -> Path | None:
    """With references to the environment, and with words for all that is wrong."""
    from edge_gateway.config.load import load  # noqa: PLC0415 - slow
    from edge_gateway.config.problems import ConfigRejected  # noqa: PLC0415

    try:
        return load(config).gateway.data
    except ConfigRejected as rejected:
        typer.echo(str(rejected), err=True)
        return None
