"""Sections of a cluster: hosts of one site that share the work of one dataflow."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from edge_gateway.config.section import NAME_FIX, Name, Section, minute, option, s
from edge_gateway.config.units import Duration

if TYPE_CHECKING:
    from edge_gateway.config.config import Config
    from edge_gateway.config.problems import Problem

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
        description="HOST:PORT on which the flow of this host listens for the others; on a private link, for it is "
        "neither encrypted nor authenticated.",
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


def cluster_problems(config: Config) -> Iterator[Problem]:
    """What no single table can see: names and addresses once, each link on one host, each asset on one host."""
    from edge_gateway.config.problems import Problem  # noqa: PLC0415 - it imports the sections

    hosts = config.cluster.hosts
    if not hosts:
        return
    if len(hosts) == 1:
        yield Problem("cluster.hosts", None, "has one host", "Name at least two, or leave [cluster] out.")
    for what, found in (("name", [one.name for one in hosts]), ("address", [one.address for one in hosts])):
        for value in (value for value, count in Counter(found).items() if count > 1):
            yield Problem(f"cluster.hosts {what}", f'"{value}"', "must be unique", "Give each host one of its own.")
    links = [*(link.name for link in config.opcua), *(line.name for line in config.modbus)]
    owners = Counter(link for one in hosts for link in one.links)
    for link in (link for link in owners if link not in links):
        have = ", ".join(links)
        yield Problem("cluster.hosts links", f'"{link}"', "is no link of this file", f"Links: {have}.")
    for link in (link for link in links if owners[link] != 1):
        rule = "belongs to no host" if not owners[link] else "belongs to several hosts"
        yield Problem("cluster.hosts links", f'"{link}"', rule, "Name it in the `links` of exactly one.")
    for asset, names in sorted(_hosts_of_assets(config).items()):
        if len(names) > 1:
            rule = f"is read by {' and '.join(sorted(names))}: an asset is in one journal only"
            yield Problem("cluster.hosts links", f'"{asset}"', rule, "Give all links of an asset to one host.")
    for number, model in enumerate(config.model):
        if model.name is not None:
            fix = "Name the bundle's folder with `bundle`; it must be on every host."
            yield Problem(f"model[{number}].name", f'"{model.name}"', "its life is watched by one flow only", fix)


def _hosts_of_assets(config: Config) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for host in config.cluster.hosts:
        for asset in assets_of(config, host.links):
            found.setdefault(asset, set()).add(host.name)
    return found


def assets_of(config: Config, links: tuple[str, ...]) -> set[str]:
    """Assets that have a tag on one of these links."""
    opcua = {tag.asset for link in config.opcua if link.name in links for tag in link.tags}
    lines = (line for line in config.modbus if line.name in links)
    return opcua | {tag.asset for line in lines for unit in line.all_units() for tag in unit.tags}
