from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import MalformedMessage, RequestRefused
from connectors.opcua.address import STANDARD_NAMESPACE, NodeAddress
from connectors.opcua.browse import (
    BAD_NO_CONTINUATION_POINTS,
    OBJECTS_FOLDER,
    SERVER_OBJECT,
    Bounds,
    browse,
)
from connectors.opcua.nodes import Attribute, Page, Reading, Reference
from connectors.opcua.tree import Tree, chosen

DOUBLE = NodeAddress(STANDARD_NAMESPACE, "i", 11)
TOO_MANY_OPERATIONS = 0x8010_0000


def node(name: str) -> NodeAddress:
    return NodeAddress("urn:x", "s", name)


class Server:
    """Children by parent name; names that begin with "v" are variables, with "p" properties."""

    def __init__(
        self, children: dict[str, list[str]], *, page: int = 1000, most: int = 10_000, points: int = 10_000
    ) -> None:
        self.children = children
        self.page, self.most, self.points = page, most, points
        self.open: dict[bytes, tuple[str, int]] = {}
        self.calls = 0
        self.largest = 0

    def _ask(self, count: int) -> None:
        self.calls += 1
        if count > self.most:
            raise RequestRefused("opc.tcp://x:1", "Browse", TOO_MANY_OPERATIONS, "BadTooManyOperations")
        self.largest = max(self.largest, count)

    def _page(self, name: str, start: int) -> Page:
        mine = self.children.get(name, [])
        part = mine[start : start + self.page]
        more = b""
        if start + self.page < len(mine):
            if len(self.open) >= self.points:
                return Page(BAD_NO_CONTINUATION_POINTS, ())
            more = f"{name}:{start}".encode()
            self.open[more] = (name, start + self.page)
        references = tuple(
            Reference(SERVER_OBJECT if c == "Server" else node(c), c, c[0] == "v", c[0] == "p") for c in part
        )
        return Page(0, references, more)

    async def browse(self, nodes: Sequence[NodeAddress], most: int) -> list[Page]:
        self._ask(len(nodes))
        return [self._page("Objects" if n == OBJECTS_FOLDER else str(n.identifier), 0) for n in nodes]

    async def browse_next(self, points: Sequence[bytes], *, release: bool) -> list[Page]:
        self._ask(len(points))
        places = [self.open.pop(point) for point in points]
        return [] if release else [self._page(*place) for place in places]

    async def read_attributes(self, wanted: Sequence[tuple[NodeAddress, Attribute]]) -> list[Reading]:
        self._ask(len(wanted))
        return [self._attribute(*one) for one in wanted]

    def _attribute(self, at: NodeAddress, attribute: Attribute) -> Reading:
        name = str(at.identifier)
        values = {
            Attribute.BROWSE_NAME: "Double" if at == DOUBLE else name,
            Attribute.NODE_CLASS: 2 if name[0] == "v" else 1,
            Attribute.DATA_TYPE: DOUBLE,
            Attribute.VALUE_RANK: -1,
            Attribute.ACCESS_LEVEL: 7,
            Attribute.USER_ACCESS_LEVEL: 5,
            Attribute.VALUE: (0.0, 100.0) if name[0] == "p" else 1.5,
        }
        return Reading(values[attribute], "Double", 0)


def look(server: Server, *, depth: int = 10, nodes: int = 10_000, per: int = 0) -> Tree:
    return asyncio.run(browse(server, OBJECTS_FOLDER, Bounds(depth, nodes, per, per)))


def test_a_variable_comes_with_type_access_and_value() -> None:
    tree = look(Server({"Objects": ["a", "Server"], "a": ["v"], "Server": ["vdiagnostics"]}))
    assert [n.path for n in tree.nodes] == [(), ("a",), ("a", "v")]  # the server's own diagnostics are left out
    (found,) = tree.variables()
    assert (found.data_type, found.access, found.rank) == ("Double", ("read", "history"), -1)
    assert found.reading is not None
    assert found.reading.value == 1.5
    assert (tree.too_deep, tree.is_full) == (0, False)


def test_properties_are_read_and_no_nodes_of_the_tree() -> None:
    server = Server({"Objects": ["v"], "v": ["EURange"]})
    page = Page(0, (Reference(node("prange"), "EURange", True, True),))
    server._page = lambda name, start: page if name == "v" else Server._page(server, name, start)  # type: ignore[method-assign]
    tree = look(server)
    assert [n.name for n in tree.nodes] == ["85", "v"]
    assert tree.nodes[1].eu_range == (0.0, 100.0)


def test_a_loop_ends_and_a_node_is_found_once() -> None:
    tree = look(Server({"Objects": ["a", "b"], "a": ["v"], "b": ["v", "a"]}))
    assert [n.name for n in tree.nodes] == ["85", "a", "b", "v"]


def test_depth_cuts_and_says_how_much() -> None:
    tree = look(Server({"Objects": ["a"], "a": ["v1", "v2"]}), depth=1)
    assert [n.name for n in tree.nodes] == ["85", "a"]
    assert tree.too_deep == 2


def test_count_cuts_and_frees_the_continuation_points() -> None:
    server = Server({"Objects": [f"v{i}" for i in range(100)]}, page=10)
    tree = look(server, nodes=15)
    assert len(tree.nodes) == 15
    assert tree.is_full
    assert server.open == {}


def test_many_nodes_a_request() -> None:
    server = Server({"Objects": [f"o{i}" for i in range(400)], **{f"o{i}": [f"v{i}"] for i in range(400)}})
    assert len(look(server).variables()) == 400
    assert server.calls < 12  # start, three levels, 2000 + 1 attributes


def test_nodes_that_got_no_continuation_point_are_browsed_again() -> None:
    folders = [f"o{i}" for i in range(6)]
    server = Server({"Objects": folders, **{f: [f"v{f}{i}" for i in range(5)] for f in folders}}, page=2, points=2)
    tree = look(server)
    assert len(tree.variables()) == 30
    assert all(n.code == 0 for n in tree.nodes)


def test_a_server_that_repeats_itself_is_left() -> None:
    class Parrot(Server):
        async def browse_next(self, points: Sequence[bytes], *, release: bool) -> list[Page]:
            self.calls += 1
            assert self.calls < 10
            return [Page(0, (Reference(node("a"), "a", False, False),), b"again") for _ in points]

    parrot = Parrot({"Objects": ["a", "b"]}, page=1)
    assert [n.name for n in look(parrot).nodes] == ["85", "a"]


def test_a_short_answer_is_told() -> None:
    class Short(Server):
        async def browse(self, nodes: Sequence[NodeAddress], most: int) -> list[Page]:
            return []

    with pytest.raises(MalformedMessage, match="0 results came where 1"):
        look(Short({}))


@settings(max_examples=60, deadline=None)
@given(
    parents=st.lists(st.integers(0, 10_000), max_size=40),
    page=st.integers(1, 5),
    most=st.integers(1, 9),
    points=st.integers(1, 4),
    per=st.integers(0, 9),
)
def test_whatever_the_limits_everything_is_found(
    parents: list[int], page: int, most: int, points: int, per: int
) -> None:
    """A tree whose node i hangs below any earlier one, against a server with few operations and continuation points."""
    children: dict[str, list[str]] = {}
    names = ["Objects"]
    for number, parent in enumerate(parents):
        names.append(f"v{number}")
        children.setdefault(names[parent % (len(names) - 1)], []).append(names[-1])
    server = Server(children, page=page, most=most, points=points)
    tree = look(server, depth=50, per=per)
    assert sorted(n.name for n in tree.nodes[1:]) == sorted(names[1:])
    assert all(n.reading is not None and n.reading.value == 1.5 for n in tree.variables())
    assert server.largest <= min(most, per or most)


def test_chosen_nodes_bring_their_parents() -> None:
    tree = look(Server({"Objects": ["a", "b"], "a": ["v1"], "b": ["v2"]}))
    numbers = chosen(tree, lambda n: n.name == "v2")
    assert [tree.nodes[number].name for number in numbers] == ["85", "b", "v2"]
