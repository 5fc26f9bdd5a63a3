"""Addresses by browse path: where a node stands, for servers whose identifiers change with every download."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.opcua.address import STANDARD_NAMESPACE, NodeAddress, parse_node

PREFIX = "path="
# One step: "/", then "0:" or "nsu=<uri>;" or nothing (the namespace of the step before), then the browse name. In a
# name, "&" makes the character that follows an ordinary one (OPC 10000-4, A.2); a URI ends at its semicolon.
_STEP = re.compile(r"/(?:(?P<standard>0:)|nsu=(?P<uri>[^;]+);)?(?P<name>(?:&.|[^/&])+)", re.DOTALL)
_ESCAPED = re.compile(r"&(.)", re.DOTALL)
_INDEX = re.compile(r"[1-9]\d*:")


@dataclass(frozen=True, slots=True)
class BrowsePath:
    """Steps along hierarchical references from the root folder: (namespace URI, browse name) each."""

    steps: tuple[tuple[str, str], ...]


def parse_address(text: str) -> NodeAddress | BrowsePath:
    """Read a browse path, "path=/0:Objects/nsu=urn:plant;Pump-1/Flow", or what `parse_node` reads.

    Raises:
        ValueError: With what was expected.
    """
    return parse_path(text) if text.startswith(PREFIX) else parse_node(text)


def parse_path(text: str) -> BrowsePath:
    """Read a browse path. A step without a namespace has that of the step before.

    Raises:
        ValueError: With what was expected.
    """
    steps: list[tuple[str, str]] = []
    uri, at = STANDARD_NAMESPACE, len(PREFIX)
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            break
        if step["uri"] or step["standard"]:
            uri = step["uri"] or STANDARD_NAMESPACE
        elif _INDEX.match(step["name"]):
            msg = f"node {text!r}: {step['name']!r} begins with a namespace index, which may change; write nsu=<uri>;"
            raise ValueError(msg)
        steps.append((uri, _ESCAPED.sub(r"\1", step["name"])))
        at = step.end()
    if at < len(text) or not steps:
        msg = f"node {text!r}: write path=/0:Objects/nsu=<namespace uri>;<name>/<name>/..., with && and &/ for & and /"
        raise ValueError(msg)
    return BrowsePath(tuple(steps))
