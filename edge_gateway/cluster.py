"""Which part of a cluster a process is: whom it talks to, whose journal it reads, whose outbox it fills.

Each host of a cluster has its own acquire and deliver processes, journal and outbox. The flow processes of all hosts
are one Bytewax cluster: a host's journal is a partition of the source, its outbox one of the sink, and what is of an
asset goes back into the outbox of the host that reads it. So the books of a host are of its own journal, and a replay
after a crash meets its own keys. On one machine there is one journal and one outbox, of the first process.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cloud_sink.sink import PARTITION as OUTBOX
from connectors.source import PARTITION as JOURNAL
from edge_gateway.layout import Layout

if TYPE_CHECKING:
    from edge_gateway.config.config import Config
    from edge_gateway.config.section import Section

MOST_PROCESSES = 32
_PORTS = range(20_000, 32_768)  # below those that Linux hands out by itself (ip_local_port_range)


class NoSuchHost(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """`--host` and `[cluster]` do not fit together."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one flow process has of the work.

    Attributes:
        process: Its number in `addresses`.
        addresses: Of all processes, each HOST:PORT; one or none = it is alone.
        workers: Threads of each process.
        lost_after: Without progress for so long, a peer is taken for lost.
        journal: Partition that its journal is; None = it reads none.
        outbox: Partition that its outbox is; None = it fills none.
        outboxes: Partitions of all processes, sorted.
        owners: The outbox of each asset, where there are several.
    """

    process: int = 0
    addresses: tuple[str, ...] = ()
    workers: int = 1
    lost_after: timedelta = timedelta(seconds=20)
    journal: str | None = JOURNAL
    outbox: str | None = OUTBOX
    outboxes: tuple[str, ...] = (OUTBOX,)
    owners: Mapping[str, str] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether there is no other process to lose."""
        return len(self.addresses) < 2

    @property
    def role(self) -> str:
        """For the lock of the data folder and the status file: further processes of a machine have their own."""
        return "flow" if self.journal is not None else f"flow-{self.process}"

    @property
    def keeps_state(self) -> bool:
        """Whether the recovery store is here. One process has it, so that hosts can be added without moving it."""
        return self.process == 0


ALONE = Share()


def share_of(
    config: Config, host: str | None, *, process: int = 0, addresses: tuple[str, ...] = (), workers: int = 1
) -> Share:
    """The share of a flow process.

    Args:
        config: With all hosts and links.
        host: Of the `[cluster]` table; None = one machine.
        process: On one machine: its number.
        addresses: On one machine: of all its processes.
        workers: Threads of each process.

    Raises:
        NoSuchHost: The table does not have it.
    """
    lost_after = config.cluster.lost_after
    if host is None:
        first = process == 0
        return Share(
            process, addresses, workers, lost_after, JOURNAL if first else None, OUTBOX if first else None, (OUTBOX,)
        )
    number = number_of(config, host)
    outboxes = [_partition(OUTBOX, index, one.name) for index, one in enumerate(config.cluster.hosts)]
    owners = {
        asset: outbox
        for one, outbox in zip(config.cluster.hosts, outboxes, strict=True)
        for asset in assets_of(config, one.links)
    }
    return Share(
        number,
        tuple(one.address for one in config.cluster.hosts),
        workers,
        lost_after,
        _partition(JOURNAL, number, host),
        outboxes[number],
        tuple(sorted(outboxes)),
        owners,
    )


def _partition(first: str, number: int, host: str) -> str:
    """The first host has the names of a lone gateway, which may become it; the others are known by their own."""
    return first if number == 0 else f"{first.rsplit('-', 1)[0]}-host-{host}"


def number_of(config: Config, host: str | None) -> int:
    """Of a host, in the order of the table.

    Raises:
        NoSuchHost: With the names that there are.
    """
    names = [one.name for one in config.cluster.hosts]
    if host in names:
        return names.index(host)
    have = f"the hosts of [cluster] are {', '.join(names)}" if names else "there is no [cluster] table"
    raise NoSuchHost(f"--host {host}: {have}" if host else f"--host is missing: {have}")


def as_host(config: Config, host: str | None) -> Config:
    """The configuration of one host of its cluster: its name, its links. Without a host, as it is."""
    if host is None:
        return config
    links = config.cluster.hosts[number_of(config, host)].links

    def own(sections: tuple[Section, ...]) -> tuple[Section, ...]:
        return tuple(one for one in sections if getattr(one, "name", None) in links)

    return named(config, host).model_copy(update={"opcua": own(config.opcua), "modbus": own(config.modbus)})


def named(config: Config, host: str | None) -> Config:
    """The whole configuration under the name of one host."""
    if host is None:
        return config
    return config.model_copy(update={"gateway": config.gateway.model_copy(update={"name": host})})


def remember_host(config: Config, host: str | None) -> None:
    """Write down in the data folder which host it is of, for commands that are told nothing but the configuration.

    Raises:
        OSError: The folder cannot be written.
    """
    kept = Layout(config.gateway.data).host
    if host is None:
        kept.unlink(missing_ok=True)
    else:
        kept.write_text(host + "\n", encoding="utf-8")


def here(config: Config) -> Config:
    """The configuration of the host whose data folder this is."""
    try:
        host = Layout(config.gateway.data).host.read_text(encoding="utf-8").strip()
        return as_host(config, host)
    except (OSError, UnicodeDecodeError, NoSuchHost):
        return config


def free_addresses(count: int) -> tuple[str, ...]:
    """Of processes on this machine, on loopback; ports that nobody listens on now, and that no connection is given.

    Raises:
        OSError: There are not enough.
    """
    found: list[str] = []
    for port in _PORTS:
        if len(found) == count:
            return tuple(found)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(f"127.0.0.1:{port}")
    msg = f"no {count} free ports between {_PORTS.start} and {_PORTS.stop} on loopback"
    raise OSError(msg)


def assets_of(config: Config, links: tuple[str, ...]) -> set[str]:
    """Assets that have a tag on one of these links."""
    opcua = {tag.asset for link in config.opcua if link.name in links for tag in link.tags}
    lines = (line for line in config.modbus if line.name in links)
    return opcua | {tag.asset for line in lines for unit in line.all_units() for tag in unit.tags}
