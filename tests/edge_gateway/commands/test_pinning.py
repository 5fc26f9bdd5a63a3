"""Names of what globs matched: unique, stable, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from rich.console import Console

from connectors.opcua.address import NodeAddress, node_text
from connectors.opcua.nodes import Reading
from connectors.opcua.tree import Node, Tree
from edge_gateway.commands.naming import Place, distinct
from edge_gateway.commands.pin_changes import changes, counted
from edge_gateway.commands.pinning import Match, match, pin
from edge_gateway.commands.resolve_show import table_of
from edge_gateway.config.opcua_glob import OpcUaGlobSection
from edge_gateway.config.pins import PinnedGlob, PinnedTag, Pins


def tree_of(*paths: str, **facts: object) -> Tree:
    """Variables at these paths, objects above them."""
    tree = Tree([Node(NodeAddress("urn:x", "i", 85), "Objects", (), -1, False)])
    numbers: dict[tuple[str, ...], int] = {(): 0}
    for path in paths:
        parts = tuple(path.split("/"))
        for depth in range(1, len(parts) + 1):
            part = parts[:depth]
            if part in numbers:
                continue
            numbers[part] = len(tree.nodes)
            address = NodeAddress("urn:x", "s", "/".join(part))
            tree.nodes.append(Node(address, part[-1], part, numbers[part[:-1]], depth == len(parts)))
        node = tree.nodes[-1]
        node.data_type, node.access, node.reading = "Double", ("read",), Reading(1.0, "Double", 0)
        for name, value in facts.items():
            setattr(node, name, value)
    return tree


def matches(
    tree: Tree, *patterns: str, link: str = "plant", asset: str | None = None, waveform_rate: float = 0.0
) -> list[Match]:
    earlier: set[NodeAddress] = set()
    return [
        match(link, OpcUaGlobSection(glob=one, asset=asset, waveform_rate=waveform_rate), tree, earlier)
        for one in patterns
    ]


def names(pins: Pins) -> dict[str, str]:
    """Node -> name."""
    return {tag.node.partition("s=")[2]: f"{tag.asset}/{tag.tag}" for one in pins.globs for tag in one.tags}


def pinned(found: list[Match], old: Pins | None = None, own: Mapping[tuple[str, str], Place] | None = None) -> Pins:
    return pin(found, old or Pins(), own or {})


def test_names_are_those_that_browse_gives() -> None:
    tree = tree_of("Plant/pump 1/flow", "Plant/pump 2/flow", "Other/pump 2/flow")
    assert names(pinned(matches(tree, "**/flow"))) == {
        "Plant/pump 1/flow": "pump-1/flow",
        "Plant/pump 2/flow": "pump-2/flow",
        "Other/pump 2/flow": "Other.pump-2/flow",
    }


def test_a_name_stays_whatever_comes_before_it() -> None:
    old = pinned(matches(tree_of("B/pump/flow"), "**/flow"))
    assert names(old) == {"B/pump/flow": "pump/flow"}
    grown = tree_of("A/pump/flow", "B/pump/flow", "B/pump/head")
    assert names(pinned(matches(grown, "**"), old)) == {
        "B/pump/flow": "pump/flow",
        "B/pump/head": "pump/head",  # of the same object, so of the same asset
        "A/pump/flow": "A.pump/flow",
    }


def test_a_name_that_a_person_gave_stays_and_what_is_new_beside_it_belongs_to_the_same_asset() -> None:
    tag = PinnedTag(asset="P100", tag="FI-1", node="nsu=urn:x;s=pump/flow")
    old = Pins(globs=(PinnedGlob(link="plant", glob="x", tags=(tag,)),))
    found = pinned(matches(tree_of("pump/flow", "pump/head"), "**"), old)
    assert names(found) == {"pump/flow": "P100/FI-1", "pump/head": "P100/head"}


def test_a_node_that_came_back_under_another_id_takes_the_name_that_is_free_again() -> None:
    tag = PinnedTag(asset="pump", tag="flow", node="nsu=urn:x;s=old id")
    old = Pins(globs=(PinnedGlob(link="plant", glob="x", tags=(tag,)),))
    assert names(pinned(matches(tree_of("pump/flow"), "**"), old)) == {"pump/flow": "pump/flow"}


def test_machines_of_two_links_are_not_one_asset() -> None:
    tree = tree_of("pump/flow")
    found = pinned([*matches(tree, "flow", link="one"), *matches(tree, "flow", link="two")])
    assert [one.tags[0].asset for one in found.globs] == ["pump", "pump-2"]


def test_an_asset_that_is_given_has_tags_by_as_much_of_the_path_as_tells_them_apart() -> None:
    tree = tree_of("hall/p1/temp", "hall/p2/temp", "hall/flow")
    assert names(pinned(matches(tree, "**", asset="hall"))) == {
        "hall/p1/temp": "hall/p1.temp",
        "hall/p2/temp": "hall/p2.temp",
        "hall/flow": "hall/flow",
    }
    assert distinct([("a", "b"), ("b",)]) == [("a", "b"), ("b",)]


def test_another_asset_in_the_configuration_is_a_renaming() -> None:
    tree = tree_of("pump/flow")
    old = pinned(matches(tree, "flow"))
    hall = pinned(matches(tree, "flow", asset="hall"), old)
    assert names(hall) == {"pump/flow": "hall/flow"}
    assert names(pinned(matches(tree, "flow"), hall)) == {"pump/flow": "pump/flow"}
    assert names(pinned(matches(tree, "pump/*"), old)) == {"pump/flow": "pump/flow"}


@pytest.mark.parametrize(("node", "tag"), [("pump/flow", "flow"), ("elsewhere", "flow-2")])
def test_a_tag_of_ones_own_shares_its_name_with_its_own_node_only(node: str, tag: str) -> None:
    own = {("pump", "flow"): ("plant", NodeAddress("urn:x", "s", node))}
    assert names(pinned(matches(tree_of("pump/flow"), "flow"), None, own)) == {"pump/flow": f"pump/{tag}"}


def test_a_variable_belongs_to_the_first_glob_that_matches_it() -> None:
    first, second = matches(tree_of("pump/flow", "pump/head"), "flow", "pump/*")
    assert [len(one.numbers) for one in (first, second)] == [1, 1]
    assert [reason for _, reason in second.left_out] == ["an earlier glob has it"]


@pytest.mark.parametrize(
    ("facts", "rate", "reason"),
    [
        ({"rank": 1}, 0.0, "array: waveform_rate is 0"),
        ({"rank": 1}, 100.0, ""),
        ({}, 100.0, "single value: waveform_rate is above 0"),
        ({"access": ("write",)}, 0.0, "not readable"),
        ({"reading": Reading("x", "String", 0)}, 0.0, "type String"),
    ],
)
def test_what_the_gateway_could_not_make_numbers_of_is_left_out(
    facts: dict[str, object], rate: float, reason: str
) -> None:
    (found,) = matches(tree_of("pump/x", **facts), "x", waveform_rate=rate)
    assert [told for _, told in found.left_out] == ([reason] if reason else [])
    assert len(found.numbers) == (0 if reason else 1)


def test_the_order_is_that_of_the_names_and_not_of_the_server() -> None:
    one, other = (matches(tree_of(*paths), "**") for paths in (("p/a", "p/b", "o/c"), ("o/c", "p/b", "p/a")))
    assert pinned(one) == pinned(other)


def test_changes_are_by_node() -> None:
    def pins(*tags: tuple[str, str, str]) -> Pins:
        made = (PinnedTag(asset="a", tag=tag, node=f"nsu=urn:x;s={node}", unit=unit) for node, tag, unit in tags)
        return Pins(globs=(PinnedGlob(link="l", glob="g", tags=tuple(made)),))

    old = pins(("1", "kept", ""), ("2", "old-name", "bar"), ("3", "gone", ""), ("4", "unit", "bar"))
    new = pins(("1", "kept", ""), ("2", "new-name", "bar"), ("4", "unit", "mbar"), ("5", "new", ""))
    found = list(changes(old, new))
    assert [(one.state, one.tag.tag, one.was) for one in found] == [
        ("kept", "kept", ""),
        ("changed", "new-name", "a/old-name in bar"),
        ("changed", "unit", "a/unit in bar"),
        ("new", "new", ""),
        ("gone", "gone", ""),
    ]
    assert counted(found) == "1 new, 1 gone, 2 changed, 1 kept"
    assert node_text(NodeAddress("urn:x", "s", "1")) == old.globs[0].tags[0].node


def test_a_terminal_shows_a_glob_as_it_is_written() -> None:
    found = list(changes(Pins(), pinned(matches(tree_of("pump/flow"), "pump/[fh]*"))))
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table_of(found))
    assert "pump/[fh]*" in capture.get()
