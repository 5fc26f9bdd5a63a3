"""The tree below a node of a server, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.opcua.address import STANDARD_NAMESPACE, NodeAddress
from connectors.opcua.browse import Bounds, browse
from connectors.opcua.nodes import Attribute
from connectors.opcua.tree import Tree
from edge_gateway.commands.access import Session
from edge_gateway.commands.read import parse
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable, status_text
from edge_gateway.exit_codes import Exit

MAX_NODES_PER_BROWSE = NodeAddress(STANDARD_NAMESPACE, "i", 11710)  # Server_..._OperationLimits_MaxNodesPerBrowse


async def tree_below(session: Session, start: str, key: str, depth: int, limit: int) -> Tree:
    """Browse and read.

    Args:
        session: With the server.
        start: Node to begin at.
        key: Who asks for it, for the message.
        depth: Levels below the start.
        limit: Nodes.

    Raises:
        Refusal: The start is no node of the server.
        ConnectorError: As `browse`.
    """
    node = parse(start, key)
    if node.uri not in session.facts.namespaces:
        have = ", ".join(printable(name) for name in session.facts.namespaces)
        raise Refusal(key, f'"{start}"', "is in a namespace that the server does not have", f"It has {have}.")
    (per_browse,) = await session.channel.read_attributes([(MAX_NODES_PER_BROWSE, Attribute.VALUE)])
    per_call = per_browse.value if isinstance(per_browse.value, int) else 0
    tree = await browse(session.channel, node, Bounds(depth, limit, per_call, session.facts.max_read))
    if tree.nodes[0].code >> 31:
        rule = f"cannot be browsed: {status_text(tree.nodes[0].code)}"
        raise Refusal(key, f'"{start}"', rule, "Begin at another node.", Exit.FAILED)
    return tree


def not_browsed(tree: Tree) -> Iterator[str]:
    """A line on the nodes that the server would not browse, if there are any."""
    refused = [node for node in tree.nodes if node.code >> 31]
    if refused:
        first = f"{printable('/'.join(refused[0].path))}: {status_text(refused[0].code)}"
        yield f"note: {len(refused)} nodes could not be browsed; the first is {first}"
