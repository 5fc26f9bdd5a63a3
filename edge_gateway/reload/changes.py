"""What differs between two configurations, part by part, and what that asks of the processes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_gateway.config.config import Config
from edge_gateway.config.modbus import ModbusSection
from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.reload.effects import EFFECTS, effect_of
from edge_gateway.reload.in_force import InForce, files_of
from edge_gateway.status import PAGE
from edge_gateway.tables import tag_tables

UNCHANGED, CHANGED, ADDED, REMOVED, RESTARTED, REFUSED = (
    "unchanged",
    "changed",
    "added",
    "removed",
    "restarted",
    "refused",
)


@dataclass(frozen=True, slots=True)
class Part:
    """A link, a model, or a section.

    Attributes:
        name: Such as "link boiler", "rules".
        what: What becomes of it: one of the words above.
        roles: Processes that are started again for it.
    """

    name: str
    what: str
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """From one configuration to another.

    Attributes:
        parts: All of them, those that stay too.
        live: Processes that take something over while they run.
        restarts: Processes that are started again.
    """

    parts: tuple[Part, ...]
    live: tuple[str, ...]
    restarts: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether they say the same."""
        return all(part.what == UNCHANGED for part in self.parts)

    @property
    def refused(self) -> tuple[str, ...]:
        """Keys that only another start can change."""
        return tuple(part.name for part in self.parts if part.what == REFUSED)


def links_of(kept: InForce) -> dict[str, tuple[Any, ...]]:
    """By name of the link, all that its driver is made of; two that are equal need no other driver."""
    config = kept.config
    tables = {table.asset: table for table in tag_tables(config)}
    links: list[OpcUaSection | ModbusSection] = [*config.opcua, *config.modbus]
    return {link.name: (link, _files(link, kept), tuple(tables[asset] for asset in assets_of(link))) for link in links}


def assets_of(link: OpcUaSection | ModbusSection) -> tuple[str, ...]:
    """The assets that a link has tags of, in the order in which it names them."""
    if isinstance(link, OpcUaSection):
        return tuple(dict.fromkeys(tag.asset for tag in link.tags))
    return tuple(dict.fromkeys(tag.asset for unit in link.all_units() for tag in unit.tags))


def changes(old: InForce, new: InForce) -> Changes:
    """From `old` to `new`."""
    parts = tuple(_parts(old, new))
    live: dict[str, None] = {}
    restarts: dict[str, None] = {}
    for key in _differing(old, new):
        live.update(dict.fromkeys(effect_of(key).live))
        restarts.update(dict.fromkeys(effect_of(key).restarts))
    if old.config.page.enabled != new.config.page.enabled:
        restarts.pop(PAGE, None)  # it is begun or ended
    return Changes(parts, tuple(role for role in live if role not in restarts), tuple(restarts))


def _parts(old: InForce, new: InForce) -> Iterator[Part]:
    differing = list(_differing(old, new))
    for key in EFFECTS:
        if key == "opcua":
            yield from _named("link", links_of(old), links_of(new))
        elif key == "model":
            yield from _named("model", _models(old), _models(new))
        elif key == "modbus":
            continue
        elif key not in differing:
            yield Part(key, UNCHANGED)
        elif EFFECTS[key].refused:
            yield Part(key, REFUSED)
        elif restarts := EFFECTS[key].restarts:
            yield Part(key, RESTARTED, restarts)
        else:
            yield Part(key, CHANGED)


def _named(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Part]:
    for name in {**old, **new}:
        if name not in new:
            what = REMOVED
        elif name not in old:
            what = ADDED
        else:
            what = UNCHANGED if old[name] == new[name] else CHANGED
        yield Part(f"{kind} {name}", what)


def _models(kept: InForce) -> dict[str, tuple[Any, ...]]:
    """By name, or by the last part of the bundle's folder: where it lies is nobody's business at the other end."""
    named: dict[str, tuple[Any, ...]] = {}
    for model in kept.config.model:
        name = model.name or Path(model.bundle or "").name
        named[name] = (*named.get(name, ()), model, _files(model, kept))
    return named


def _differing(old: InForce, new: InForce) -> Iterator[str]:
    for key in EFFECTS:
        before, after = _at(old.config, key), _at(new.config, key)
        if before != after or _files(before, old) != _files(after, new):
            yield key


def _at(config: Config, key: str) -> Any:
    section, _, name = key.partition(".")
    found = getattr(config, section)
    return getattr(found, name) if name else found


def _files(value: Any, kept: InForce) -> tuple[str | None, ...]:
    """What lay in the files that are named there."""
    return tuple(kept.files.get(str(path)) for path in files_of(value))
