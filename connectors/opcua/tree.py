"""The part of a server's address space that was looked at. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from connectors.opcua.address import NodeAddress
from connectors.opcua.nodes import Reading


@dataclass(slots=True)
class Node:
    """An object or variable that was found.

    Attributes:
        address: By namespace URI.
        name: Browse name, without its namespace.
        path: Names from below the start down to this node; () = the start.
        parent: Its position in `Tree.nodes`; -1 = the start.
        is_variable: It has a value.
        code: Bad = its children could not be browsed, and this is why.
        properties: Names and nodes of EURange and EngineeringUnits.
        data_type: For example "Double", "" where it is not told.
        rank: -1 scalar, 0 or more an array, -2 and -3 either (OPC 10000-3, 5.6.2).
        access: Of this user: read, write, history.
        eu_range: Low and high.
        unit: Engineering unit.
        reading: Current value; None for an object.
    """

    address: NodeAddress
    name: str
    path: tuple[str, ...]
    parent: int
    is_variable: bool
    code: int = 0
    properties: dict[str, NodeAddress] = field(default_factory=dict)
    data_type: str = ""
    rank: int = -1
    access: tuple[str, ...] = ()
    eu_range: tuple[float, float] | None = None
    unit: str = ""
    reading: Reading | None = None


@dataclass(slots=True)
class Tree:
    """What was found.

    Attributes:
        nodes: Parents before their children; each node once, where it was first met.
        too_deep: How many children right below the depth are not in it.
        is_full: There were more nodes than were asked for.
    """

    nodes: list[Node]
    too_deep: int = 0
    is_full: bool = False

    def variables(self) -> list[Node]:
        """Those that have a value."""
        return [node for node in self.nodes if node.is_variable]


def chosen(tree: Tree, wanted: Callable[[Node], bool]) -> Iterator[int]:
    """Positions of the nodes that are wanted and of all above them, parents first."""
    keep: set[int] = set()
    for number, node in enumerate(tree.nodes):
        if wanted(node):
            at = number
            while at >= 0 and at not in keep:
                keep.add(at)
                at = tree.nodes[at].parent
    return (number for number in range(len(tree.nodes)) if number in keep)
