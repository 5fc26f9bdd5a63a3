"""Checks of a cluster that no table can make by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edge_gateway.cluster import assets_of
from edge_gateway.config.config import Config
from edge_gateway.config.problems import Problem


def cluster_problems(config: Config) -> Iterator[Problem]:
    """What no single table can see: names and addresses once, each link on one host, each asset on one host."""
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
