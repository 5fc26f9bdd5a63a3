"""Tags that the globs of a configuration found, put among those of their links.

A glob is looked up once, by `sluicegate resolve`; here only what it wrote is read, so that assets and tags are known
without the server, and stay the same until somebody wants it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from pydantic import ValidationError

from connectors.opcua.address import NodeAddress, parse_node
from connectors.opcua.path import BrowsePath, parse_address
from edge_gateway.config.namespaces import indexed_nodes, put_uris
from edge_gateway.config.opcua_glob import OpcUaGlobSection
from edge_gateway.config.opcua_item import OpcUaItemSection
from edge_gateway.config.opcua_tag import FoundTag
from edge_gateway.config.pins import Key, PinnedGlob, Pins, path_of, read
from edge_gateway.config.problems import ConfigRejected, Problem


def include_globs(data: dict[str, Any], config: Path) -> list[Problem]:
    """Add what was found to the tags of the links, in the raw data, as `FoundTag`; and the URIs of namespaces.

    A node that has a tag of its own on the link is left out: that tag says how it is acquired.

    Args:
        data: The parsed TOML; changed.
        config: Where it was read; the pins stand beside it.

    Returns:
        Globs and indices that are not resolved yet, or what is wrong with the file of pins.
    """
    links = [(number, link) for number, link in enumerate(_tables(data.get("opcua"))) if _tables(link.get("globs"))]
    indexed = list(indexed_nodes(data))
    if not links and not indexed:
        return []
    try:
        pins = read(path_of(config))
    except ConfigRejected as rejected:
        put_uris(indexed, Pins(), config)
        return list(rejected.problems)
    pinned = {one.key: one for one in pins.globs}
    problems = put_uris(indexed, pins, config)
    for number, link in links:
        own = link.get("tags", [])
        taken = set(_nodes(own))
        found: list[FoundTag] = []
        for place, table in enumerate(_tables(link["globs"])):
            key, options = _key(link, table), _options(table)
            if key in pinned:
                found += (tag for tag in _tags(pinned[key], options or {}) if parse_node(tag.node) not in taken)
            elif key is not None and options is not None:  # otherwise the section says what is wrong
                where = f'opcua[{number}] "{link["name"]}".globs[{place}].glob'
                fix = f"Run `sluicegate resolve {quote(str(config))}`."
                problems.append(Problem(where, f'"{table["glob"]}"', "is not resolved yet", fix))
        if isinstance(own, list):
            link["tags"] = [*own, *found]
    return problems


def _tags(pinned: PinnedGlob, options: dict[str, Any]) -> Iterator[FoundTag]:
    for tag in pinned.tags:
        yield FoundTag(asset=tag.asset, tag=tag.tag, node=tag.node, unit=tag.unit, **options)


def _options(table: dict[str, Any]) -> dict[str, Any] | None:
    """What a glob says of each of its tags; None = it is refused, and what it found counts for its names only."""
    try:
        glob = OpcUaGlobSection.model_validate(table)
    except ValidationError:
        return None
    return {name: getattr(glob, name) for name in OpcUaItemSection.model_fields}


def _key(link: dict[str, Any], table: dict[str, Any]) -> Key | None:
    name, glob, start, asset = link.get("name"), table.get("glob"), table.get("start", "i=85"), table.get("asset", "")
    key = name, glob, start, asset
    return key if all(isinstance(part, str) for part in key) else None  # type: ignore[return-value] # just looked at


def _nodes(tags: Any) -> Iterator[NodeAddress | BrowsePath]:
    for tag in _tables(tags):
        try:
            yield parse_address(str(tag.get("node")))
        except ValueError:
            continue  # the section says what is wrong


def _tables(value: Any) -> list[dict[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []
