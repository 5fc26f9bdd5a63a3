"""Names of a configuration for variables that were found at servers, and which of them it can hold. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from connectors.opcua.tree import Node, Tree
from edge_gateway.commands.show import printable
from edge_gateway.config.names import LONGEST, config_name

# What the driver makes numbers of (connectors/opcua/README.md), and subtypes of these that servers name.
NUMERIC = frozenset(
    {"Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double"}
    | {"DateTime", "UtcTime", "Date", "Duration", "Number", "Integer", "UInteger", "Enumeration", "Counter"}
)

Place = tuple[str, object]  # link and node: two servers may have the same nodes


class Names:
    """Names that are given away; no two nodes get the same, and no two objects are one asset."""

    def __init__(self, taken: Mapping[tuple[str, str], Place]) -> None:
        """Begin with what others are called already.

        Args:
            taken: Asset and tag -> whose name it is; that node may have it again.
        """
        self._taken = dict(taken)
        self._assets: dict[Place, str] = {}

    def keep(self, place: Place, asset: str, tag: str, owner: Place | None) -> None:
        """A node has its name already, and so has the object that stands for its asset, unless it is None."""
        self._taken[asset, tag] = place
        if owner is not None:
            self._assets.setdefault(owner, asset)

    def asset(self, owner: Place, node: Node) -> str:
        """Of the object: its name; where that is taken, with the names above it, as many as it needs."""
        if owner not in self._assets:
            taken = set(self._assets.values())
            path = node.path or (node.name,)
            names = [config_name(".".join(path[-length:])) for length in range(1, len(path) + 1)]
            free = next((name for name in names if name not in taken), None)
            self._assets[owner] = free or next(name for name in _numbered(names[0]) if name not in taken)
        return self._assets[owner]

    def tag(self, place: Place, asset: str, path: Sequence[str]) -> str:
        """Of the node: the path as a name, with a number where that is taken."""
        names = _numbered(config_name(".".join(path)))
        tag = next(name for name in names if self._taken.get((asset, name), place) == place)
        self._taken[asset, tag] = place
        return tag


def unfit(node: Node) -> str:
    """Why the gateway cannot read it, "" = it can."""
    if "read" not in node.access:
        return "not readable"
    kind = (node.reading.kind if node.reading else "") or node.data_type
    if kind not in NUMERIC:
        return f"type {printable(kind) or 'unknown'}"
    return "matrix" if node.rank > 1 else ""


def is_array(node: Node) -> bool:
    """It is one, or may be one and is now."""
    return node.rank >= 0 or (node.reading is not None and isinstance(node.reading.value, list))


def owner_of(tree: Tree, number: int) -> int:
    """The nearest object above, which stands for the machine."""
    at = tree.nodes[number].parent
    while at > 0 and tree.nodes[at].is_variable:
        at = tree.nodes[at].parent
    return max(at, 0)


def below(tree: Tree, number: int) -> tuple[str, ...]:
    """Names from below its owner down to the node."""
    node = tree.nodes[number]
    return node.path[len(tree.nodes[owner_of(tree, number)].path) :] or (node.name,)


def distinct(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Of each path as few of its last names as no other one ends with."""
    longest = max(map(len, paths), default=0)
    counts = [Counter(path[-length:] for path in paths) for length in range(1, longest + 1)]
    return [
        next((path[-length:] for length in range(1, len(path)) if counts[length - 1][path[-length:]] == 1), path)
        for path in paths
    ]


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name[: LONGEST - len(str(number)) - 1]}-{number}"
