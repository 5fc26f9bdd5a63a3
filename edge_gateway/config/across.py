"""Rules that no single section can see, judged on the raw data, so that they are told beside all others. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_gateway.config.channels_fit import channel_problems
from edge_gateway.config.key_text import name_text
from edge_gateway.config.maps import MapTag
from edge_gateway.config.opcua_tag import FoundTag
from edge_gateway.config.problems import Place, Problem, did_you_mean
from edge_gateway.config.rules_fit import rule_problems


@dataclass(frozen=True, slots=True)
class _Named:
    """Something that has a name of its own.

    Attributes:
        name: Its own.
        key: Where the name stands.
        place: Where that is not in the configuration itself.
    """

    name: str
    key: str
    place: Place | None = None


def across_sections(data: Mapping[str, Any], *, complete: bool) -> Iterator[Problem]:
    """All of them.

    Args:
        data: The parsed TOML with all tags of maps and globs.
        complete: There is none of them that is not known yet.
    """
    links = [(kind, n, link) for kind in ("opcua", "modbus") for n, link in enumerate(_tables(data.get(kind)))]
    if not links:
        yield Problem("opcua, modbus", None, "no source", "Add at least one [[opcua]] or [[modbus]] table.")
    named = [_Named(str(link["name"]), _where(kind, n, link) + ".name") for kind, n, link in links if "name" in link]
    yield from _repeated("name of a link", named)
    tags = list(_tags(data))
    yield from _repeated("tag", [_Named(f"{asset}/{tag}", key, place) for asset, tag, key, place in tags])
    yield from _shared_ports(data)
    yield from _shared_names(_tables(data.get("target")))
    yield from channel_problems(data)
    for number, model in enumerate(_tables(data.get("model"))):
        assets = _texts(model.get("assets"))
        key = f"{_where('model', number, model)}.assets"
        yield from _repeated(
            f"asset of model[{number}]", [_Named(name, f"{key}[{i}]") for i, name in enumerate(assets)]
        )
    if complete:
        known = {asset for asset, *_ in tags}
        for kind in ("model", "maintenance"):
            yield from _no_such_assets(kind, data, known)
        yield from rule_problems(_tables(data.get("rules")), [{"asset": asset, "tag": tag} for asset, tag, *_ in tags])


def _no_such_assets(kind: str, data: Mapping[str, Any], known: set[str]) -> Iterator[Problem]:
    for number, table in enumerate(_tables(data.get(kind))):
        for asset in _texts(table.get("assets")):
            if asset not in known:
                fix = f"{did_you_mean(asset, known)} Assets with tags: {', '.join(sorted(known)) or 'none'}.".strip()
                key = f"{_where(kind, number, table)}.assets"
                yield Problem(key, f'"{asset}"', "no link has a tag of this asset", fix)


def _tags(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Place | None]]:
    """Asset and tag of every tag that tells both, and where it stands."""
    for kind in ("opcua", "modbus"):
        for number, link in enumerate(_tables(data.get(kind))):
            where = _where(kind, number, link)
            owners = [(where, link)]
            owners += [(f"{where}.units[{n}]" + name_text(u), u) for n, u in enumerate(_tables(link.get("units")))]
            for owner, table in owners:
                listed = table.get("tags")
                for place, tag in enumerate(listed if isinstance(listed, list) else []):
                    if isinstance(tag, FoundTag):
                        yield tag.asset, tag.tag, f"{owner}.globs", None
                    elif isinstance(tag, dict) and {"asset", "tag"} <= tag.keys():
                        stands = tag.place if isinstance(tag, MapTag) else None
                        key = f"{owner}.tags[{place}]{name_text(tag)}.tag"
                        yield str(tag["asset"]), str(tag["tag"]), key, stands


def _shared_ports(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Two lines on one serial port would take each other's replies; the second one cannot even open it."""
    owners: dict[str, str] = {}
    for number, line in enumerate(_tables(data.get("modbus"))):
        device = line.get("device")
        if line.get("transport") != "rtu" or not isinstance(device, str) or not device:
            continue
        where = _where("modbus", number, line)
        if device in owners:
            rule = f"is the port of {owners[device]} already"
            fix = "List all units of a serial line under one [[modbus]] table, as [[modbus.units]]."
            yield Problem(f"{where}.device", f'"{device}"', rule, fix)
        owners.setdefault(device, where)


_PLACE = ("kind", "path", "endpoint", "bucket", "prefix", "url", "topic", "uri")


def _shared_names(targets: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """The outbox remembers by its name what a target has; what is sent to one place by two names lies there twice."""
    fix = "Give each of them a `name`; left out, the kind is the name."
    names = [_Named(str(t.get("name") or t.get("kind")), _where("target", n, t)) for n, t in enumerate(targets)]
    yield from _repeated("name of a target", names, fix)
    places: dict[tuple[str, ...], int] = {}
    for number, target in enumerate(targets):
        place = tuple(str(target.get(key, "")).rstrip("/") for key in _PLACE)
        if any(place[1:]) and place in places:
            fix = "List all its `lanes` in one table, or change the place of one."
            yield Problem(f"target[{number}]", None, f"is the place of target[{places[place]}] already", fix)
        places.setdefault(place, number)


def _repeated(what: str, named: Sequence[_Named], fix: str = "Rename or remove all but one.") -> Iterator[Problem]:
    """One problem for each name that several have, at the last of them."""
    owners: dict[str, list[_Named]] = {}
    for one in named:
        owners.setdefault(one.name, []).append(one)
    for name, found in owners.items():
        if len(found) > 1:
            rule = f"stands {len(found)} times, must be unique"
            where = found[-1].key
            first = f"It is the name of {found[0].place or found[0].key.rpartition('.')[0] or found[0].key} too."
            yield Problem(what, f'"{name}"', rule, f"{first} {fix}", found[-1].place, at=where)


def _where(kind: str, number: int, table: Mapping[str, Any]) -> str:
    return f"{kind}[{number}]{name_text(table)}"


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
