"""`sluicegate model add`, `shadow`, `promote`, `rollback`: what a person decides, beside a gateway that may run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer

from edge_gateway.commands.asker import is_running, user
from edge_gateway.commands.model_site import (
    ModelSite,
    figures_of,
    find_models,
    named_version,
    ready,
    shown_by,
    split,
)
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from edge_gateway.model_fit import assets_of
from models.errors import LifeRefused
from models.life import steps
from models.life.record import Life, Lives
from models.life.steps import Asked


def add(config: Path, bundle: Path, by: str | None) -> int:
    """Copy a bundle into the store.

    Raises:
        ModelError: It is refused, or there already.
    """
    site = find_models(config)
    manifest = site.store.add(bundle)
    site.store.change(lambda lives: steps.added(lives, manifest.name, manifest.version, _asked(by, "")))
    _say(f"{manifest.model} is in the store.")
    lives = site.store.read()
    verb = "promote" if lives.of(manifest.name).active is None else "shadow"
    _say(f"Next: sluicegate model {verb} {manifest.model} --gateway {config}")
    _note_unnamed(site, manifest.name)
    return Exit.OK


def shadow(
    config: Path, which: str, *, off: bool, force: bool, reason: str, by: str | None, as_json: bool = False
) -> int:
    """Let a version score beside the active one, or end that.

    Raises:
        ModelError: A rule forbids it.
        Refusal: It is not clear which version is meant.
    """
    site = find_models(config)
    asked = _asked(by, reason, force=force)
    if off:
        name, _ = split(which)
        site.store.change(lambda lives: steps.shadow(lives, name, None, 0, asked))
        words = [f"{name} has no shadow any more."]
    else:
        name, version = named_version(which)
        manifest = ready(site, name, version)
        site.store.change(lambda lives: steps.shadow(lives, name, version, manifest.counter, asked))
        site.store.forget_agreement(name, version)
        least = site.config.models.shadow_windows
        words = [
            f"{name}@{version} scores beside {name}@{site.store.read().of(name).active} and raises no alarm.",
            f"It can be promoted after {least} windows; `sluicegate model show {name}` compares the two.",
        ]
    return _done(site, name, words, as_json=as_json)


def promote(config: Path, which: str, *, force: bool, reason: str, by: str | None, as_json: bool = False) -> int:
    """Let a version raise alarms; without one, the shadow.

    Raises:
        ModelError: A rule forbids it.
        Refusal: It is not clear which version is meant.
    """
    site = find_models(config)
    name, version = split(which)
    version = version or site.store.read().of(name).shadow
    if version is None:
        raise Refusal("NAME@VERSION", f'"{which}"', "has no shadow to promote", "Name the version.")
    chosen = version
    manifest = ready(site, name, chosen)
    least = site.config.models.shadow_windows
    lives = site.store.change(
        lambda lives: steps.promote(
            lives,
            name,
            chosen,
            manifest.counter,
            figures_of(shown_by(site.store, lives, name, chosen)),
            least,
            _asked(by, reason, force=force),
        )
    )
    life = lives.of(name)
    back = f" `sluicegate model rollback {name}` goes back to {life.previous[0]}." if life.previous else ""
    return _done(site, name, [f"{manifest.model} is the active version.{back}"], as_json=as_json)


def roll_back(config: Path, name: str, reason: str, by: str | None, *, as_json: bool = False) -> int:
    """Go back to the version before.

    Raises:
        ModelError: There is none, or it would not run.
    """
    site = find_models(config)
    life = site.store.read().of(name)
    if life.previous:
        ready(site, name, life.previous[0])
    lives = site.store.change(lambda lives: _back_as_seen(lives, life, name, _asked(by, reason)))
    words = [
        f"{name}@{lives.of(name).active} is the active version again; {name}@{life.active} is not tried by itself."
    ]
    return _done(site, name, words, as_json=as_json)


def _done(site: ModelSite, name: str, words: list[str], *, as_json: bool) -> int:
    """Say how it stands now."""
    if as_json:
        life, running = site.store.read().of(name), is_running(site.layout, "flow")
        facts = {"model": name, "active": life.active, "shadow": life.shadow, "previous": list(life.previous)}
        typer.echo(json.dumps({**facts, "running": running}))
        return Exit.OK
    for line in words:
        _say(line)
    _note_running(site)
    _note_unnamed(site, name)
    return Exit.OK


def _back_as_seen(lives: Lives, seen: Life, name: str, asked: Asked) -> Lives:
    """The version that was made ready is the one that is gone back to."""
    if lives.of(name) != seen:
        raise LifeRefused(name, "has changed just now", "look at `sluicegate model list` and ask again")
    return steps.roll_back(lives, name, asked)


def _asked(by: str | None, reason: str, *, force: bool = False) -> Asked:
    return Asked(time.time_ns(), by or user(), reason, force)


def _say(text: str) -> None:
    typer.echo(printable(text))


def _note_running(site: ModelSite) -> None:
    if is_running(site.layout, "flow"):
        _say("The gateway takes it at the next window, within a second or two.")
    else:
        _say("The gateway is not running: it takes effect at its next start.")


def _note_unnamed(site: ModelSite, name: str) -> None:
    if not assets_of(site.config, name):
        typer.echo(printable(f'note: no [[model]] table has name = "{name}": it scores nothing'), err=True)
