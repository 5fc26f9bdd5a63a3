"""Which namespaces the indices in the nodes of a configuration mean. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.opcua.address import NodeAddress
from connectors.opcua.path import parse_address
from edge_gateway.config.config import Config
from edge_gateway.config.namespaces import index_of
from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.config.pins import PinnedNamespace, Pins
from edge_gateway.config.problems import Problem


def indices(link: OpcUaSection) -> set[int]:
    """All indices that its nodes name, of a configuration that was loaded without pins."""
    addresses = (parse_address(tag.node) for tag in link.tags)
    found = (index_of(address.uri) for address in addresses if isinstance(address, NodeAddress))
    return {index for index in found if index is not None}


def unknown(where: str, link: OpcUaSection, uris: Sequence[str]) -> Iterator[Problem]:
    """Indices that the server does not have."""
    for index in sorted(indices(link)):
        if index >= len(uris):
            rule = f"the server has no namespace of this index, only 0 to {len(uris) - 1}"
            yield Problem(
                f"{where}.tags", f'"ns={index};..."', rule, "Write the nodes with the URI of their namespace."
            )


def pin_namespaces(config: Config, found: Mapping[str, Sequence[str]], old: Pins) -> tuple[PinnedNamespace, ...]:
    """All that are needed. What was pinned once stays: an index means what it meant when it was written.

    Args:
        config: Loaded without pins.
        found: URIs of every server that was asked, by name of the link.
        old: What was pinned before.
    """
    known = {(one.link, one.index): one for one in old.namespaces}
    return tuple(
        known.get((link.name, index)) or PinnedNamespace(link=link.name, index=index, uri=found[link.name][index])
        for link in config.opcua
        for index in sorted(indices(link))
    )


def moved(found: Mapping[str, Sequence[str]], old: Pins) -> Iterator[str]:
    """Indices that mean something else at the server by now."""
    for one in old.namespaces:
        uris = found.get(one.link, ())
        now = uris[one.index] if one.index < len(uris) else "none"
        if uris and now != one.uri:
            yield (
                f"{one.link}: namespace {one.index} is {now} now; ns={one.index} in the configuration stays {one.uri}, "
                "as it was when it was looked up"
            )
