"""`sluicegate reload`: ask a running gateway to take over its file as it is now, wait, and say what became of it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from edge_gateway.claim import is_held
from edge_gateway.config.environment import expanded
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.reload.changes import UNCHANGED, Part
from edge_gateway.reload.outcomes import REFUSED, Outcome, read_outcomes

_LOOK_S = 0.1
_DATA = re.compile(r"""^\s*data\s*=\s*(?:"([^"\n]+)"|'([^'\n]+)')""", re.MULTILINE)


def reload_command(config: Path, data: Path | None, timeout_s: float, *, as_json: bool) -> int:
    """Do it.

    Args:
        config: The file that the gateway was started with.
        data: Its data folder; None = as the file says, also one that is no TOML any more.
        timeout_s: How long to wait for the gateway.
        as_json: One object instead of a table.

    Returns:
        `Exit.OK`, `Exit.CONFIG` where it is refused and the former goes on, `Exit.FAILED` where no gateway answers.
    """
    folder = data or _data_folder(config)
    if folder is None:
        return _fail(
            f"{config}: does not say where the data folder is. Name it with --data, or send the gateway SIGHUP."
        )
    pid = _gateway(folder)
    if pid is None:
        fix = "Start it with `sluicegate run`. If the data folder was changed: name the former one with --data."
        return _fail(f"no gateway runs in {folder}. {fix}")
    layout, asked = Layout(folder), time.monotonic_ns()
    try:
        os.kill(pid, signal.SIGHUP)
    except PermissionError:
        return _fail(f"process {pid} belongs to somebody else. Run this as the gateway's user, or with sudo.")
    except ProcessLookupError:
        return _fail(f"the gateway in {folder} has just ended.")
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if (outcome := _answer(layout.config, asked)) is not None:
            return _tell(outcome, as_json=as_json)
        if _gateway(folder) != pid:
            return _fail(f"the gateway in {folder} has ended.")
        time.sleep(_LOOK_S)
    return _fail(f"the gateway in {folder} has not answered within {timeout_s:g} s; its log says what it is doing.")


def _answer(folder: Path, asked: int) -> Outcome | None:
    """The first that was begun after we asked: one that was under way may have read the file before."""
    return next((one for one in read_outcomes(folder) if one.began >= asked), None)


def _tell(outcome: Outcome, *, as_json: bool) -> int:
    refused = outcome.result == REFUSED
    if as_json:
        typer.echo(json.dumps(_facts(outcome)))
    elif refused:
        typer.echo(outcome.refusal, err=True)
        typer.echo(f"refused: generation {outcome.generation} goes on", err=True)
    else:
        table = Table(box=box.SIMPLE)
        for name in ("part", "what happened"):
            table.add_column(name)
        for part in _of_interest(outcome):
            roles = f" (process {', '.join(part.roles)})" if part.roles else ""
            table.add_row(part.name, part.what + roles, style="" if part.what != UNCHANGED else "dim")
        Console().print(table)
        typer.echo(f"{outcome.result}: generation {outcome.generation} is in force")
        for role in outcome.silent:
            typer.echo(f"the {role} process has not said yet that it runs by it; its log says why", err=True)
    if refused:
        return Exit.CONFIG
    return Exit.FAILED if outcome.silent else Exit.OK


def _of_interest(outcome: Outcome) -> Iterator[Part]:
    """Links and models, and what changed of the sections; the other sections in one row."""
    same = []
    for part in outcome.parts:
        if part.what == UNCHANGED and " " not in part.name:
            same.append(part.name)
        else:
            yield part
    yield Part(", ".join(same), UNCHANGED)


def _facts(outcome: Outcome) -> dict[str, Any]:
    return {name: value for name, value in asdict(outcome).items() if name not in ("began", "brief")}


def _gateway(folder: Path) -> int | None:
    """Number of the process that holds the folder; see `claim`."""
    try:
        pid = int((folder / "gateway.lock").read_text(encoding="ascii"))
        os.kill(pid, 0)
    except PermissionError:
        return pid
    except (OSError, ValueError):
        return None
    return pid if is_held(folder, "gateway") else None


def _data_folder(config: Path) -> Path | None:
    try:
        text = config.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None
    try:
        found = tomllib.loads(text)["gateway"]["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        match = _DATA.search(text)  # a file that is being edited, or half written
        found = (match[1] or match[2]) if match else None
    found, unset = expanded(found, os.environ)
    known = isinstance(found, str) and found and not unset
    return config.resolve().parent / Path(found).expanduser() if known else None


def _fail(told: str) -> int:
    typer.echo(told, err=True)
    return Exit.FAILED
