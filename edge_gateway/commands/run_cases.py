"""`sluicegate test`: recorded input, expected alarms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from edge_gateway.cases.expected import CaseRefused
from edge_gateway.cases.run import CaseResult, find_cases, run_case
from edge_gateway.cases.show import case_facts, diff_table, diff_text
from edge_gateway.commands.quiet import quiet_logs
from edge_gateway.commands.train import progress
from edge_gateway.exit_codes import Exit
from edge_gateway.signals import StopFlag


def run_cases(paths: Sequence[Path], *, update: bool, as_json: bool) -> int:
    """`sluicegate test`: see there.

    Returns:
        An `Exit` code: `FAILED` where one case fails, `CONFIG` where one cannot be run or there is none.
    """
    folders = list(dict.fromkeys(folder for path in paths for folder in find_cases(path, unwritten=update)))
    if not folders:
        typer.echo(
            f"{', '.join(map(str, paths))}: no case; one is a folder with a recording and expected.toml", err=True
        )
        return Exit.CONFIG
    stop, results, refused = StopFlag(), list[CaseResult](), list[str]()
    console = Console(soft_wrap=True)
    with quiet_logs(), progress(Console(stderr=True)) as told:
        for number, folder in enumerate(folders, 1):
            if stop.is_set():
                refused.append(f"{folder}: not run")
                continue
            told(f"{number} of {len(folders)}: {folder}")
            try:
                results.append(run_case(folder, update=update, stop=stop.is_set))
            except CaseRefused as error:
                refused.append(str(error))
                continue
            if not as_json:
                _tell(console, results[-1])
    if as_json:
        typer.echo(json.dumps({"cases": [case_facts(one) for one in results], "refused": refused}, indent=2))
    else:
        failed = sum(not one.passed for one in results)
        typer.echo(f"{len(results) - failed} passed, {failed} failed, {len(refused)} not run")
    for words in refused:
        typer.echo(words, err=True)
    if refused:
        return Exit.CONFIG
    return Exit.OK if all(one.passed for one in results) else Exit.FAILED


def _tell(console: Console, result: CaseResult) -> None:
    verdict = "updated" if result.updated else "passed" if result.passed else "FAILED"
    console.print(f"{result.folder}: {verdict}, {result.samples:,} samples", markup=False, highlight=False)
    if not result.passed or result.updated:
        if console.is_terminal:
            console.print(diff_table(result.lines))
        else:
            typer.echo(diff_text(result.lines))
