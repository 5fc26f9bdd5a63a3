"""`sluicegate model list` and `show`: which version does what, and how a shadow compares."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_gateway.commands.model_keys import signed
from edge_gateway.commands.model_site import ModelSite, figures_of, find_models, shown_by, split
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from edge_gateway.model_fit import assets_of
from edge_gateway.times import utc_text
from models.bundle import read_manifest
from models.errors import ModelError
from models.life.agreement import Figures
from models.life.record import Lives

HEAD = ("model", "state", "detector", "counter", "assets", "signature", "shadow windows", "disagreement", "note")


def list_models(config: Path, *, as_json: bool) -> int:
    """Print all versions in the store.

    Raises:
        LifeRefused: The store cannot be read.
    """
    site = find_models(config)
    lives = site.store.read()
    rows = [
        _facts(site, lives, name, version) for name, versions in site.store.versions().items() for version in versions
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return Exit.OK
    cells = [_cells(row) for row in rows]
    console = Console()
    if not console.is_terminal:
        for line in (HEAD, *cells):
            typer.echo("\t".join(line))
    elif cells:
        table = Table(*HEAD, box=box.SIMPLE_HEAD)
        for line in cells:
            table.add_row(*map(Text, line))
        console.print(table)
    else:
        console.print("No models in the store. `sluicegate model add FOLDER` adds a bundle.")
    return Exit.OK


def show_model(config: Path, which: str, *, as_json: bool) -> int:
    """Print one model: its versions, what became of them, how its shadow compares.

    Raises:
        LifeRefused: The store cannot be read.
        Refusal: There is no such model.
    """
    site = find_models(config)
    name, version = split(which)
    versions = site.store.versions().get(name)
    if not versions or version not in (None, *versions):
        raise Refusal("NAME", f'"{which}"', "is not in the store", "`sluicegate model list` shows what is.")
    lives = site.store.read()
    life = lives.of(name)
    rows = [_facts(site, lives, name, one) for one in versions if version in (None, one)]
    changes = [asdict(change) for change in lives.changes if change.model == name]
    agreement = shown_by(site.store, lives, name, life.shadow) if life.shadow else None
    if as_json:
        scores = (
            [dict(zip(("asset", "end", "active", "shadow"), row, strict=True)) for row in agreement.scores]
            if (agreement)
            else []
        )
        typer.echo(json.dumps({"versions": rows, "changes": changes, "shadow_scores": scores}, indent=2))
        return Exit.OK
    for row in rows:
        typer.echo("  ".join(filter(None, _cells(row))))
    if life.shadow:
        typer.echo("\n" + "\n".join(_compared(f"{name}@{life.active}", f"{name}@{life.shadow}", figures_of(agreement))))
    typer.echo("")
    for change in changes:
        by, why = f" by {change['by']}" if change["by"] else "", f": {change['why']}" if change["why"] else ""
        typer.echo(printable(f"{utc_text(change['at'])}  {name}@{change['version']} {change['step']}{by}{why}"))
    return Exit.OK


def _facts(site: ModelSite, lives: Lives, name: str, version: str) -> dict[str, Any]:
    life, folder = lives.of(name), site.store.folder(name, version)
    facts: dict[str, Any] = {"name": name, "version": version, "state": _state(lives, name, version)}
    facts["assets"] = list(assets_of(site.config, name))
    try:
        manifest = read_manifest(folder, site.store.keys)
    except ModelError as error:
        facts["refused"] = str(error)
    else:
        facts |= {"detector": manifest.detector, "counter": manifest.counter}
        facts["signature"] = signed(folder, site.store.keys)
    if version in life.failed:
        facts["failed"] = life.failed[version]
    if version == life.shadow:
        figures = figures_of(shown_by(site.store, lives, name, version))
        facts["figures"] = {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in {**asdict(figures), "disagreement": figures.disagreement}.items()
        }
    return facts


def _state(lives: Lives, name: str, version: str) -> str:
    life = lives.of(name)
    if version == life.active:
        return "active"
    if version == life.shadow:
        return "shadow"
    if version in life.failed:
        return "failed"
    return "previous" if version in life.previous else "stored"


def _cells(facts: dict[str, Any]) -> tuple[str, ...]:
    figures = facts.get("figures", {})
    share = figures.get("disagreement")
    return tuple(
        printable(str(cell))
        for cell in (
            f"{facts['name']}@{facts['version']}",
            facts["state"],
            facts.get("detector", ""),
            facts.get("counter", ""),
            ", ".join(facts["assets"]),
            facts.get("signature", ""),
            figures.get("windows", ""),
            "" if share is None else f"{share:.2%}",
            facts.get("refused") or facts.get("failed", ""),
        )
    )


def _compared(active: str, shadow: str, figures: Figures) -> list[str]:
    """The figures of a shadow, in words."""

    def told(value: float, form: str) -> str:
        return "unknown" if math.isnan(value) else format(value, form)

    return [
        f"{shadow} beside {active}: {figures.windows} windows judged by both",
        f"  alarm differs in           {told(figures.disagreement, '.2%')} "
        f"(active alone {figures.only_active}, shadow alone {figures.only_shadow}, both {figures.both})",
        f"  rank correlation of scores {told(figures.rank_correlation, '.3f')}",
        f"  score of the shadow over the active one's, median {told(figures.ratio, '.3g')}",
        f"  no score of the shadow in  {figures.abstained}",
        f"  errors of the shadow       {figures.errors}"
        + (f" (last: {figures.last_error})" * bool(figures.last_error)),
    ]
