"""Nodes that a configuration names by the index of their namespace, `ns=2;s=flow`, as other programs show them.

An index may change when the server is updated, so the gateway never works with it: `sluicegate resolve` asks the server
once which URI it means and pins that. Until then a stand-in takes its place, so that all else can be judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from edge_gateway.config.key_text import name_text
from edge_gateway.config.pins import Pins
from edge_gateway.config.problems import Problem

_BY_INDEX = re.compile(r"ns=(?P<index>\d{1,5});(?P<rest>.*)", re.DOTALL)
_STAND_IN = "urn:sluicegate:namespace:"


@dataclass(frozen=True, slots=True)
class IndexedNode:
    """One of them.

    Attributes:
        link: Name of its link.
        key: Where it stands.
        tag: Its table in the raw data.
        index: Of its namespace, from 1.
        rest: The identifier.
    """

    link: str
    key: str
    tag: dict[str, Any]
    index: int
    rest: str


def indexed_nodes(data: dict[str, Any]) -> Iterator[IndexedNode]:
    """All of them in the raw data. Those of namespace 0, which is the standard's own, lose their index."""
    for number, link in enumerate(_tables(data.get("opcua"))):
        for place, tag in enumerate(_tables(link.get("tags"))):
            match = _BY_INDEX.fullmatch(node) if isinstance(node := tag.get("node"), str) else None
            if match is None:
                continue
            if int(match["index"]) == 0:
                tag["node"] = match["rest"]
                continue
            key = f"opcua[{number}]{name_text(link)}.tags[{place}]{name_text(tag)}.node"
            yield IndexedNode(str(link.get("name")), key, tag, int(match["index"]), match["rest"])


def put_uris(nodes: list[IndexedNode], pins: Pins, config: Path) -> list[Problem]:
    """Write the pinned URIs into the raw data.

    Args:
        nodes: Their tables are changed.
        pins: Of the configuration.
        config: Where it was read.

    Returns:
        Those whose index nobody has looked up yet.
    """
    uris = {(one.link, one.index): one.uri for one in pins.namespaces}
    problems = []
    for node in nodes:
        uri = uris.get((node.link, node.index))
        node.tag["node"] = f"nsu={uri or f'{_STAND_IN}{node.index}'};{node.rest}"
        if uri is None:
            rule = "is not resolved yet: the server alone knows which namespace the index means"
            fix = f"Run `sluicegate resolve {quote(str(config))}`, or write nsu=<namespace uri>;{node.rest}."
            problems.append(Problem(node.key, f'"ns={node.index};{node.rest}"', rule, fix))
    return problems


def index_of(uri: str) -> int | None:
    """The index that a stand-in stands for; None = it is a URI of its own."""
    rest = uri.removeprefix(_STAND_IN)
    return int(rest) if rest != uri and rest.isdigit() else None


def _tables(value: Any) -> list[dict[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []
