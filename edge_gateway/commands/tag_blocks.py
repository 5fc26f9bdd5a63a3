"""Variables that were found as `[[opcua.tags]]` blocks, to be pasted below an [[opcua]] table. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from connectors.opcua.address import node_text
from connectors.opcua.tree import Node, Tree
from edge_gateway.commands.show import printable, range_text
from edge_gateway.config.toml_text import toml_text

# What the driver makes numbers of (connectors/opcua/README.md), and subtypes of these that servers name.
NUMERIC = frozenset(
    {"Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double"}
    | {"DateTime", "UtcTime", "Date", "Duration", "Number", "Integer", "UInteger", "Enumeration", "Counter"}
)
_LONGEST = 63  # characters of a name in a configuration


def tag_blocks(tree: Tree, numbers: Iterable[int], endpoint: str) -> tuple[str, int, Counter[str]]:
    """Write the blocks.

    Args:
        tree: What was found.
        numbers: Positions of the nodes to write; objects among them are passed over.
        endpoint: Told in the head.

    Returns:
        The text, how many tags it has, and why others were left out: reason -> count.
    """
    blocks: list[str] = []
    left_out: Counter[str] = Counter()
    assets: dict[int, str] = {}
    tags: dict[int, set[str]] = {}
    for number in numbers:
        node = tree.nodes[number]
        if not node.is_variable:
            continue
        reason = _unfit(node)
        if reason:
            left_out[reason] += 1
            continue
        owner = _owner(tree, number)
        if owner not in assets:
            assets[owner] = _asset(tree, owner, set(assets.values()))
            tags[owner] = set()
        below = node.path[len(tree.nodes[owner].path) :] or (node.name,)
        tag = _unused(config_name(".".join(below)), tags[owner])
        tags[owner].add(tag)
        blocks.append(_block(node, assets[owner], tag))
    head = (
        f"# Found at {printable(endpoint)}; paste below its [[opcua]] table, and rename assets and tags as you like.\n"
    )
    return head + "".join(blocks), len(blocks), left_out


def config_name(text: str) -> str:
    """The nearest name that a configuration takes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-_.")[:_LONGEST] or "node"


def _unfit(node: Node) -> str:
    """Why the gateway cannot read it, "" = it can."""
    if "read" not in node.access:
        return "not readable"
    kind = (node.reading.kind if node.reading else "") or node.data_type
    if kind not in NUMERIC:
        return f"type {printable(kind) or 'unknown'}"
    return "matrix" if node.rank > 1 else ""


def _owner(tree: Tree, number: int) -> int:
    """The nearest object above, which stands for the machine."""
    at = tree.nodes[number].parent
    while at > 0 and tree.nodes[at].is_variable:
        at = tree.nodes[at].parent
    return max(at, 0)


def _asset(tree: Tree, owner: int, taken: set[str]) -> str:
    """Its name; where that is taken, with the names above it, as many as it needs."""
    path = tree.nodes[owner].path or (tree.nodes[owner].name,)
    names = [config_name(".".join(path[-length:])) for length in range(1, len(path) + 1)]
    return next((name for name in names if name not in taken), None) or _unused(names[0], taken)


def _unused(name: str, taken: set[str]) -> str:
    unused, number = name, 1
    while unused in taken:
        number += 1
        unused = f"{name[: _LONGEST - len(str(number)) - 1]}-{number}"
    return unused


def _block(node: Node, asset: str, tag: str) -> str:
    is_array = node.rank >= 0 or (node.reading is not None and isinstance(node.reading.value, list))
    about = ", ".join(
        filter(None, [printable(node.data_type), node.eu_range and f"EURange {range_text(node.eu_range)}"])
    )
    lines = ["[[opcua.tags]]", f"asset = {toml_text(asset)}", f"tag = {toml_text(tag)}"]
    lines.append(f"node = {toml_text(node_text(node.address))}")
    if node.unit:
        lines.append(f"unit = {toml_text(node.unit)}")
    if is_array:
        lines.append("waveform_rate = ... # Hz")
        about += " array: give its sampling rate and remove the comment signs"
        lines = [f"# {line}" for line in lines]
    return "\n".join(["", f"# {about}", *lines, ""])
