"""Sections of a cluster: hosts of one site that share the work of one dataflow."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

from edge_gateway.config.section import NAME_FIX, Name, Section, minute, option, s
from edge_gateway.config.units import Duration

_ADDRESS = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})\Z")
_EVERYWHERE = {"0.0.0.0", "[::]"}  # noqa: S104 - these are refused


def _address(text: str) -> str:
    match = _ADDRESS.match(text)
    if match is None or not 1 <= int(match[2]) <= 65_535:
        msg = "must be HOST:PORT, with a port of 1 to 65535"
        raise ValueError(msg)
    if match[1] in _EVERYWHERE:
        msg = "must be the address of one network: whoever can reach the port can send to it, nothing asks who it is"
        raise ValueError(msg)
    return text


class HostSection(Section):
    """One machine of the cluster, with its own journal, outbox and delivery."""

    name: Name = option(
        description="Name of the host, as told to `run --host`; stands for `[gateway] name` there.",
        fix=NAME_FIX,
        example="hall-a",
    )
    address: Annotated[str, AfterValidator(_address)] = option(
        description="HOST:PORT on which the flow of this host listens for the others; on a private link: whoever "
        "reaches it can run code as the gateway.",
        fix="Write for example '10.7.0.1:2101'.",
        example="10.7.0.1:2101",
    )
    links: tuple[str, ...] = option(
        description="Names of the [[opcua]] and [[modbus]] links that this host reads; each belongs to one host.",
        fix="Name at least one link.",
        example=["press-line"],
        min_length=1,
    )


class ClusterSection(Section):
    """Hosts of one site that share the work. The same file, flow and bundles on each; the first keeps the state."""

    lost_after: Duration = option(
        timedelta(seconds=20),
        description="The flow starts anew when it has made no progress for so long: another host is away. 3s to 10min.",
        fix="20s is right for most; it must be longer than the slowest restart of a host takes to load its state.",
        ge=3 * s,
        le=10 * minute,
    )
    hosts: tuple[HostSection, ...] = option(
        (), description="The hosts, in the same order on each; add new ones at the end."
    )
