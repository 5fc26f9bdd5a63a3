"""Walks the address space of a server, many nodes a request, and reads what it finds.

A level of the tree after the other, so that the number of requests grows with depth and size over the server's limits
and not with the number of nodes. Does no I/O of its own: it asks an `Explorer`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from connectors.errors import MalformedMessage, RequestRefused
from connectors.opcua.address import STANDARD_NAMESPACE, NodeAddress
from connectors.opcua.nodes import Attribute, Explorer, Reading, Reference
from connectors.opcua.tree import Node, Tree

T = TypeVar("T")
R = TypeVar("R")

PER_CALL = 500  # where the server tells no limit, and never more
PER_NODE = 1000  # children of one node in one answer
BAD_NO_CONTINUATION_POINTS = 0x804B_0000
# The request or its answer is too large for the server (OPC 10000-6, A.2): BadEncodingLimitsExceeded,
# BadTooManyOperations, BadTcpMessageTooLarge, BadRequestTooLarge, BadResponseTooLarge.
TOO_LARGE = frozenset({0x8008_0000, 0x8010_0000, 0x8080_0000, 0x80B8_0000, 0x80B9_0000})
OBJECTS_FOLDER = NodeAddress(STANDARD_NAMESPACE, "i", 85)
SERVER_OBJECT = NodeAddress(STANDARD_NAMESPACE, "i", 2253)  # its own diagnostics, hundreds of nodes on every server
VARIABLE = 2  # of NodeClass (OPC 10000-3, 8.29)

_OF_VARIABLE = (
    Attribute.DATA_TYPE,
    Attribute.VALUE_RANK,
    Attribute.ACCESS_LEVEL,
    Attribute.USER_ACCESS_LEVEL,
    Attribute.VALUE,
)
_ACCESS = ((1, "read"), (2, "write"), (4, "history"))  # bits of AccessLevel (OPC 10000-3, 8.57)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far to go.

    Attributes:
        depth: Levels below the start.
        nodes: Objects and variables.
        per_browse: Nodes in a Browse request; 0 = the server tells no limit.
        per_read: Attributes in a Read request; 0 = the server tells no limit.
    """

    depth: int
    nodes: int
    per_browse: int = 0
    per_read: int = 0


async def browse(explorer: Explorer, start: NodeAddress, bounds: Bounds) -> Tree:
    """Find objects and variables below a node, with type, access, range and current value.

    The server's own diagnostics are left out unless they are the start.

    Raises:
        RequestRefused: The server does not browse or read.
        LinkDown, MalformedMessage: The connection broke, or brought what cannot be.
    """
    tree = await _walk(explorer, start, bounds)
    await _read(explorer, tree, bounds)
    return tree


async def _walk(explorer: Explorer, start: NodeAddress, bounds: Bounds) -> Tree:
    wanted = [(start, Attribute.BROWSE_NAME), (start, Attribute.NODE_CLASS)]
    name, kind = await read_many(explorer, wanted, bounds.per_read)
    tree = Tree([Node(start, str(name.value or ""), (), -1, is_variable=kind.value == VARIABLE)])
    seen = {start}
    if start != SERVER_OBJECT:
        seen.add(SERVER_OBJECT)
    deep: set[NodeAddress] = set()
    level = [0]
    for depth in range(bounds.depth + 1):  # the last one for the properties, and to know whether there is more
        below: list[int] = []
        async for parent, child in _children(explorer, tree, level, bounds):
            above = tree.nodes[parent]
            if child.is_property:
                above.properties[child.name] = child.node
            elif child.node in seen:
                continue
            elif depth == bounds.depth:
                deep.add(child.node)
            elif len(tree.nodes) >= bounds.nodes:
                tree.is_full = True
            else:
                seen.add(child.node)
                below.append(len(tree.nodes))
                path = (*above.path, child.name)
                tree.nodes.append(Node(child.node, child.name, path, parent, child.is_variable))
        level = below
    tree.too_deep = len(deep)
    return tree


async def _children(
    explorer: Explorer, tree: Tree, level: Sequence[int], bounds: Bounds
) -> AsyncIterator[tuple[int, Reference]]:
    """Children of all nodes of a level, with the position of the parent; some may come twice."""
    waiting = list(level)
    size = _size(bounds.per_browse)
    while waiting:
        part, waiting = waiting[:size], waiting[size:]
        try:
            pages = await explorer.browse([tree.nodes[i].address for i in part], PER_NODE)
        except RequestRefused as refused:
            if refused.code not in TOO_LARGE or len(part) == 1:
                raise
            size = len(part) // 2
            waiting = part + waiting
            continue
        again = []
        met: dict[int, set[NodeAddress]] = {parent: set() for parent in part}
        parents = part
        while parents:
            points: list[tuple[int, bytes]] = []
            for parent, page in _paired(parents, pages):
                if page.code == BAD_NO_CONTINUATION_POINTS and len(part) > 1:
                    again.append(parent)  # the server has a few only; they are free again after this part
                    continue
                if page.code >> 31:
                    tree.nodes[parent].code = page.code
                new = {child.node for child in page.references} - met[parent]
                met[parent] |= new
                for child in page.references:
                    yield parent, child
                if page.more and new:  # a server that repeats itself is not asked again
                    points.append((parent, page.more))
            parents = []
            if points:
                pages = await explorer.browse_next([point for _, point in points], release=tree.is_full)
                parents = [] if tree.is_full else [parent for parent, _ in points]
        if again:
            size = max(1, len(part) // 2)
            waiting = again + waiting


async def _read(explorer: Explorer, tree: Tree, bounds: Bounds) -> None:
    """Fill in what the variables are and say."""
    variables = tree.variables()
    wanted = [(node.address, attribute) for node in variables for attribute in _OF_VARIABLE]
    readings = iter(await read_many(explorer, wanted, bounds.per_read))
    types: list[NodeAddress | None] = []
    for node in variables:
        data_type, rank, access, user_access, node.reading = (next(readings) for _ in _OF_VARIABLE)
        types.append(data_type.value if isinstance(data_type.value, NodeAddress) else None)
        node.rank = rank.value if isinstance(rank.value, int) else -1
        bits = access.value if user_access.is_bad else user_access.value
        node.access = tuple(name for bit, name in _ACCESS if isinstance(bits, int) and bits & bit)
    known = list(dict.fromkeys(one for one in types if one is not None))
    names = await read_many(explorer, [(one, Attribute.BROWSE_NAME) for one in known], bounds.per_read)
    name_of = {one: str(name.value or "") for one, name in zip(known, names, strict=True)}
    for node, one in zip(variables, types, strict=True):
        node.data_type = name_of[one] if one is not None else ""
    await _read_ranges(explorer, variables, bounds)


async def _read_ranges(explorer: Explorer, variables: Sequence[Node], bounds: Bounds) -> None:
    for name in ("EURange", "EngineeringUnits"):
        having = [node for node in variables if name in node.properties]
        wanted = [(node.properties[name], Attribute.VALUE) for node in having]
        for node, reading in zip(having, await read_many(explorer, wanted, bounds.per_read), strict=True):
            if isinstance(reading.value, tuple):
                node.eu_range = reading.value
            elif isinstance(reading.value, str):
                node.unit = reading.value


async def read_many(
    explorer: Explorer, wanted: Sequence[tuple[NodeAddress, Attribute]], per_read: int
) -> list[Reading]:
    """Read attributes in as few requests as the server takes, in the order of `wanted`.

    Raises:
        RequestRefused, LinkDown, MalformedMessage: As `browse`.
    """
    return [reading async for reading in _in_parts(explorer.read_attributes, wanted, _size(per_read))]


async def _in_parts(
    ask: Callable[[Sequence[T]], Awaitable[Sequence[R]]], items: Sequence[T], size: int
) -> AsyncIterator[R]:
    """Ask in parts, and in smaller ones from the first that the server finds too large."""
    start = 0
    while start < len(items):
        part = items[start : start + size]
        try:
            answers = await ask(part)
        except RequestRefused as refused:
            if refused.code not in TOO_LARGE or len(part) == 1:
                raise
            size = len(part) // 2
            continue
        start += len(part)
        for _, answer in _paired(part, answers):
            yield answer


def _paired(asked: Sequence[T], answers: Sequence[R]) -> list[tuple[T, R]]:
    if len(asked) != len(answers):
        msg = f"{len(answers)} results came where {len(asked)} were asked for"
        raise MalformedMessage(msg)
    return list(zip(asked, answers, strict=True))


def _size(limit: int) -> int:
    return min(limit or PER_CALL, PER_CALL)
