"""From the addresses of the settings to nodes of this session."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.opcua import codes
from connectors.opcua.address import NodeAddress
from connectors.opcua.path import BrowsePath
from connectors.opcua.seam.channel import Channel
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.subscription import parts
from connectors.opcua.terms import ServerFacts


async def resolve(
    channel: Channel, settings: OpcUaSettings, facts: ServerFacts, handles: Iterable[int]
) -> tuple[dict[int, NodeAddress], dict[int, int]]:
    """Find the nodes of tags. What is found holds for one session: a path may lead elsewhere in the next.

    Returns:
        Handle -> node of those that were found, handle -> status code of the others.
    """
    nodes: dict[int, NodeAddress] = {}
    refusals: dict[int, int] = {}
    paths: dict[int, BrowsePath] = {}
    for handle in handles:
        address = settings.tags[handle].address
        if isinstance(address, BrowsePath):
            if all(uri in facts.namespaces for uri, _ in address.steps):
                paths[handle] = address
            else:
                refusals[handle] = codes.BAD_NO_MATCH
        elif address.uri in facts.namespaces:
            nodes[handle] = address
        else:
            refusals[handle] = codes.BAD_NODE_ID_UNKNOWN
    for part in parts(list(paths), facts.max_translate):
        answers = await channel.translate([paths[handle] for handle in part], facts.namespaces)
        for handle, answer in zip(part, answers, strict=True):
            if isinstance(answer, NodeAddress):
                nodes[handle] = answer
            else:
                refusals[handle] = answer
    return nodes, refusals
