"""From a file to a `Config`, or to every problem it has."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_gateway.config.channels_fit import channel_problems
from edge_gateway.config.config import Config
from edge_gateway.config.globs import include_globs
from edge_gateway.config.maps import include_maps
from edge_gateway.config.opcua_tag import FoundTag
from edge_gateway.config.problems import ConfigRejected, Problem, from_validation
from edge_gateway.config.rules_fit import rule_problems
from edge_gateway.config.section import Section


def load(path: Path, *, pinned: bool = True) -> Config:
    """Read and check a configuration file, its register maps and its pinned tags.

    Relative paths are taken against the file's own folder.

    Args:
        path: Of the file.
        pinned: With the tags that its globs found; `resolve`, which is about to find them, does without.

    Raises:
        ConfigRejected: With all problems found. Nothing but these files was looked at.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors begin with a BOM
    except OSError as error:
        raise ConfigRejected(
            path, [Problem("file", None, f"cannot be read: {error.strerror}", "Name an existing TOML file.")]
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fix = "Correct the TOML there."
        raise ConfigRejected(path, [Problem("file", None, f"is not TOML: {error}", fix)]) from error
    except RecursionError as error:
        raise ConfigRejected(
            path, [Problem("file", None, "is nested too deeply", "Correct the TOML there.")]
        ) from error
    unresolved = include_globs(data, path) if pinned else []
    complete = pinned and not unresolved
    problems = [*include_maps(data, path.resolve().parent), *unresolved, *_across_sections(data, complete=complete)]
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigRejected(path, [*from_validation(error, data), *problems]) from error
    if problems:
        raise ConfigRejected(path, problems)
    return _absolute(config, path.resolve().parent)


def _across_sections(data: Mapping[str, Any], *, complete: bool) -> Iterator[Problem]:
    """Rules no single section can see, on the raw data, so that they are told beside all others.

    Args:
        data: The parsed TOML with all tags of maps and globs.
        complete: There is none of them that is not known yet.
    """
    links = [link for kind in ("opcua", "modbus") for link in _tables(data.get(kind))]
    if not links:
        yield Problem("opcua, modbus", None, "no source", "Add at least one [[opcua]] or [[modbus]] table.")
    owners = [*links, *(unit for link in _tables(data.get("modbus")) for unit in _tables(link.get("units")))]
    tags = [tag for owner in owners for tag in _names(owner.get("tags"))]
    yield from _repeated("name of a link", [str(link["name"]) for link in links if "name" in link])
    yield from _repeated("tag", [f"{tag['asset']}/{tag['tag']}" for tag in tags if {"asset", "tag"} <= tag.keys()])
    yield from _shared_ports(data)
    yield from _shared_names(_tables(data.get("target")))
    yield from channel_problems(data)
    assets = {str(tag["asset"]) for tag in tags if "asset" in tag}
    for number, model in enumerate(_tables(data.get("model"))):
        yield from _repeated(f"asset of model[{number}]", _texts(model.get("assets")))
        for asset in _texts(model.get("assets")):
            if complete and asset not in assets:
                have = ", ".join(sorted(assets)) or "none"
                rule = "no link has a tag of this asset"
                yield Problem(f"model[{number}].assets", f'"{asset}"', rule, f"Assets with tags: {have}.")
    if complete:
        yield from rule_problems(_tables(data.get("rules")), tags)
        for number, period in enumerate(_tables(data.get("maintenance"))):
            for asset in _texts(period.get("assets")):
                if asset not in assets:
                    have = ", ".join(sorted(assets)) or "none"
                    rule = "no link has a tag of this asset"
                    yield Problem(f"maintenance[{number}].assets", f'"{asset}"', rule, f"Assets with tags: {have}.")


def _shared_ports(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Two lines on one serial port would take each other's replies; the second one cannot even open it."""
    owners: dict[str, str] = {}
    for number, line in enumerate(_tables(data.get("modbus"))):
        device = line.get("device")
        if line.get("transport") != "rtu" or not isinstance(device, str) or not device:
            continue
        where = f"modbus[{number}]" + (f' "{line["name"]}"' if "name" in line else "")
        if device in owners:
            rule = f"is the port of {owners[device]} already"
            fix = "List all units of a serial line under one [[modbus]] table, as [[modbus.units]]."
            yield Problem(f"{where}.device", f'"{device}"', rule, fix)
        owners.setdefault(device, where)


_PLACE = ("kind", "path", "endpoint", "bucket", "prefix", "url", "topic", "uri")


def _shared_names(targets: list[Mapping[str, Any]]) -> Iterator[Problem]:
    """The outbox remembers by its name what a target has; what is sent to one place by two names lies there twice."""
    names = Counter(str(target.get("name") or target.get("kind")) for target in targets)
    for name in (name for name, count in names.items() if count > 1):
        fix = "Give each of them a `name`; left out, the kind is the name."
        yield Problem("name of a target", f'"{name}"', f"stands {names[name]} times, must be unique", fix)
    places: dict[tuple[str, ...], int] = {}
    for number, target in enumerate(targets):
        place = tuple(str(target.get(key, "")).rstrip("/") for key in _PLACE)
        if any(place[1:]) and place in places:
            fix = "List all its `lanes` in one table, or change the place of one."
            yield Problem(f"target[{number}]", None, f"is the place of target[{places[place]}] already", fix)
        places.setdefault(place, number)


def _names(tags: Any) -> list[Mapping[str, Any]]:
    """Asset and tag, as far as they are told, of tags that stand there and of those that a glob found."""
    found = [tag for tag in tags if isinstance(tag, FoundTag)] if isinstance(tags, list) else []
    return [*_tables(tags), *({"asset": tag.asset, "tag": tag.tag} for tag in found)]


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _repeated(what: str, names: list[str]) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(what, f'"{name}"', f"stands {count} times, must be unique", "Rename or remove all but one.")


def _absolute(config: Config, base: Path) -> Config:
    """The same configuration with every path absolute."""

    def walk(value: Any) -> Any:
        if isinstance(value, Path):
            return value if value.is_absolute() else base / value
        if isinstance(value, tuple):
            return tuple(walk(item) for item in value)
        if isinstance(value, Section):
            return value.model_copy(update={name: walk(getattr(value, name)) for name in type(value).model_fields})
        return value

    flow = config.gateway.flow
    if flow.endswith(".py") and not Path(flow).is_absolute():
        gateway = config.gateway.model_copy(update={"flow": str(base / flow)})
        config = config.model_copy(update={"gateway": gateway})
    module = config.features.module
    if module is not None and module.endswith(".py") and not Path(module).is_absolute():
        features = config.features.model_copy(update={"module": str(base / module)})
        config = config.model_copy(update={"features": features})
    absolute: Config = walk(config)
    return absolute
