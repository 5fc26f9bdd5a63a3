"""Variables that were found as `[[opcua.tags]]` blocks, to be pasted below an [[opcua]] table. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from connectors.opcua.address import node_text
from connectors.opcua.tree import Node, Tree
from edge_gateway.commands.naming import Names, below, is_array, owner_of, unfit
from edge_gateway.commands.show import printable, range_text
from edge_gateway.config.toml_text import toml_text


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
    names = Names({})
    for number in numbers:
        node = tree.nodes[number]
        if not node.is_variable:
            continue
        reason = unfit(node)
        if reason:
            left_out[reason] += 1
            continue
        owner = tree.nodes[owner_of(tree, number)]
        asset = names.asset(("", owner.address), owner)
        blocks.append(_block(node, asset, names.tag(("", node.address), asset, below(tree, number))))
    head = (
        f"# Found at {printable(endpoint)}; paste below its [[opcua]] table, and rename assets and tags as you like.\n"
    )
    return head + "".join(blocks), len(blocks), left_out


def _block(node: Node, asset: str, tag: str) -> str:
    about = ", ".join(
        filter(None, [printable(node.data_type), node.eu_range and f"EURange {range_text(node.eu_range)}"])
    )
    lines = ["[[opcua.tags]]", f"asset = {toml_text(asset)}", f"tag = {toml_text(tag)}"]
    lines.append(f"node = {toml_text(node_text(node.address))}")
    if node.unit:
        lines.append(f"unit = {toml_text(node.unit)}")
    if is_array(node):
        lines.append("waveform_rate = ... # Hz")
        about += " array: give its sampling rate and remove the comment signs"
        lines = [f"# {line}" for line in lines]
    return "\n".join(["", f"# {about}", *lines, ""])
