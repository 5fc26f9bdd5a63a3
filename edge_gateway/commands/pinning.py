"""From what globs matched to what is pinned: names that stay, and what is left out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connectors.opcua.address import NodeAddress, node_text, parse_node
from connectors.opcua.glob import matcher
from connectors.opcua.tree import Tree
from edge_gateway.commands.naming import Names, Place, below, distinct, is_array, owner_of, unfit
from edge_gateway.config.opcua_glob import OpcUaGlobSection
from edge_gateway.config.pins import PinnedGlob, PinnedTag, Pins


@dataclass(frozen=True, slots=True)
class Match:
    """What one glob matched.

    Attributes:
        link: Name of the link.
        glob: As configured.
        tree: In which it was looked for.
        numbers: Positions of the variables that are acquired.
        left_out: Positions of those that are not, and why.
    """

    link: str
    glob: OpcUaGlobSection
    tree: Tree
    numbers: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...]


def match(link: str, glob: OpcUaGlobSection, tree: Tree, earlier: set[NodeAddress]) -> Match:
    """Look for a glob in a tree.

    Args:
        link: Name of the link.
        glob: As configured.
        tree: From its start.
        earlier: Nodes of the link that an earlier glob has; its own are added.
    """
    fits = matcher(glob.glob)
    numbers: list[int] = []
    left_out: list[tuple[int, str]] = []
    for number, node in enumerate(tree.nodes):
        if not node.is_variable or not fits(node.path or (node.name,)):
            continue
        reason = unfit(node)
        if not reason and is_array(node) != (glob.waveform_rate > 0):
            reason = "array: waveform_rate is 0" if is_array(node) else "single value: waveform_rate is above 0"
        if not reason and node.address in earlier:
            reason = "an earlier glob has it"
        if reason:
            left_out.append((number, reason))
            continue
        earlier.add(node.address)
        numbers.append(number)
    return Match(link, glob, tree, tuple(numbers), tuple(left_out))


def pin(matches: Sequence[Match], old: Pins, own: Mapping[tuple[str, str], Place]) -> Pins:
    """Give every match its name.

    A node that has one keeps it, unless its glob says another asset now. What is new below the same object belongs to
    the same asset.

    Args:
        matches: In the order of the configuration.
        old: What was pinned before.
        own: Asset and tag -> whose name it is, of the tags that the configuration itself names.
    """
    known = {(one.link, parse_node(tag.node), one.asset): tag for one in old.globs for tag in one.tags}
    names = Names(own)
    named: dict[Place, tuple[str, str]] = {}
    for one in matches:
        for number in one.numbers:
            place = _place(one, number)
            tag = known.get((*place, one.glob.asset or ""))
            if tag is not None:
                named[place] = tag.asset, tag.tag
                names.keep(place, tag.asset, tag.tag, None if one.glob.asset else _owner(one, number))
    return Pins(globs=tuple(_pinned(one, named, names) for one in matches))


def _pinned(one: Match, named: Mapping[Place, tuple[str, str]], names: Names) -> PinnedGlob:
    path_of = _paths(one)
    tags = []
    for number in one.numbers:
        place, node = _place(one, number), one.tree.nodes[number]
        if place in named:
            asset, tag = named[place]
        else:
            asset = one.glob.asset or names.asset(_owner(one, number), one.tree.nodes[owner_of(one.tree, number)])
            tag = names.tag(place, asset, path_of(number))
        tags.append(PinnedTag(asset=asset, tag=tag, node=node_text(node.address), unit=node.unit))
    glob, start, asset = one.glob.key
    tags.sort(key=lambda tag: (tag.asset, tag.tag, tag.node))  # a server's order may change
    return PinnedGlob(link=one.link, glob=glob, start=start, asset=asset, tags=tuple(tags))


def _paths(one: Match) -> Callable[[int], tuple[str, ...]]:
    """Names that a tag is made of: those below its object; where all are one asset, as many as tell them apart."""
    if one.glob.asset is None:
        return lambda number: below(one.tree, number)
    nodes = [one.tree.nodes[number] for number in one.numbers]
    paths = dict(zip(one.numbers, distinct([node.path or (node.name,) for node in nodes]), strict=True))
    return lambda number: paths[number]


def _place(one: Match, number: int) -> tuple[str, NodeAddress]:
    return one.link, one.tree.nodes[number].address


def _owner(one: Match, number: int) -> Place:
    return one.link, one.tree.nodes[owner_of(one.tree, number)].address
