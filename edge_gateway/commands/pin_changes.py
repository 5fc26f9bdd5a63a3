"""What differs between two files of pins. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from connectors.opcua.address import NodeAddress, parse_node
from edge_gateway.config.pins import PinnedGlob, PinnedTag, Pins

State = Literal["new", "gone", "changed", "kept"]
STATES: tuple[State, ...] = ("new", "gone", "changed", "kept")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a variable.

    Attributes:
        state: In comparison with the older file.
        glob: That has it, or had it.
        tag: As it is pinned, or was.
        was: Name and unit in the older file, where they are others now.
    """

    state: State
    glob: PinnedGlob
    tag: PinnedTag
    was: str = ""


def changes(old: Pins, new: Pins) -> Iterator[Change]:
    """All variables of the newer file, then those that are only in the older one."""
    before, after = _by_node(old), _by_node(new)
    for place, (glob, tag) in after.items():
        if place not in before:
            yield Change("new", glob, tag)
            continue
        was = _text(before[place][1])
        yield Change("kept", glob, tag) if was == _text(tag) else Change("changed", glob, tag, was)
    for place, (glob, tag) in before.items():
        if place not in after:
            yield Change("gone", glob, tag)


def counted(found: list[Change]) -> str:
    """For example "1 new, 0 gone, 0 changed, 12 kept"."""
    count = Counter(one.state for one in found)
    return ", ".join(f"{count[state]} {state}" for state in STATES)


def _by_node(pins: Pins) -> Mapping[tuple[str, NodeAddress], tuple[PinnedGlob, PinnedTag]]:
    return {(glob.link, parse_node(tag.node)): (glob, tag) for glob in pins.globs for tag in glob.tags}


def _text(tag: PinnedTag) -> str:
    return f"{tag.asset}/{tag.tag}" + (f" in {tag.unit}" if tag.unit else "")
