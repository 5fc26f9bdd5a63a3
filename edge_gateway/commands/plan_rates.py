"""How many samples a second a configuration can bring at most, and in how many blocks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from edge_gateway.config.config import Config
from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.config.opcua_tag import OpcUaTagSection

_UNTOLD = timedelta(seconds=1)  # of a tag of which nothing says how often it comes


@dataclass(frozen=True, slots=True)
class Stream:
    """Tags of one link and asset that come at one interval.

    Attributes:
        link: Name of the link.
        protocol: "OPC-UA" or "Modbus".
        asset: Whose they are.
        how: "subscribed", "polled" or "waveform".
        interval: Sampling or poll interval; of a waveform 0.
        handed: How often what came is handed over as one block: publishing or poll interval.
        tags: How many.
        samples_s: Samples a second, at most: a server that reports by exception sends fewer.
    """

    link: str
    protocol: str
    asset: str
    how: str
    interval: timedelta
    handed: timedelta
    tags: int
    samples_s: float


def streams_of(config: Config) -> list[Stream]:
    """Everything that a configuration acquires."""
    return _added(
        [
            *(_opcua(link, tag) for link in config.opcua for tag in link.tags),
            *(
                Stream(line.name, "Modbus", tag.asset, "polled", every, every, 1, 1 / every.total_seconds())
                for line in config.modbus
                for unit in line.all_units()
                for tag in unit.tags
                for every in (tag.poll_interval or unit.poll_interval,)
            ),
        ]
    )


def _opcua(link: OpcUaSection, tag: OpcUaTagSection) -> Stream:
    publishing = tag.publishing_interval or link.publishing_interval
    if tag.waveform_rate > 0:
        zero = timedelta(0)
        return Stream(link.name, "OPC-UA", tag.asset, "waveform", zero, publishing, 1, tag.waveform_rate)
    if poll := tag.poll_interval or link.poll_interval:
        return Stream(link.name, "OPC-UA", tag.asset, "polled", poll, poll, 1, 1 / poll.total_seconds())
    sampling = publishing / 2 if tag.sampling_interval is None else tag.sampling_interval
    often = max(sampling, tag.expect_every) or min(_UNTOLD, publishing)  # 0 = whenever it changes
    return Stream(link.name, "OPC-UA", tag.asset, "subscribed", sampling, publishing, 1, 1 / often.total_seconds())


def _added(single: Iterable[Stream]) -> list[Stream]:
    """Those that differ in nothing but their tags as one."""
    sums: dict[tuple[str, str, str, str, timedelta, timedelta], tuple[int, float]] = {}
    for one in single:
        key = one.link, one.protocol, one.asset, one.how, one.interval, one.handed
        tags, rate = sums.get(key, (0, 0.0))
        sums[key] = tags + one.tags, rate + one.samples_s
    return [Stream(*key, *summed) for key, summed in sums.items()]


def blocks_s(streams: Iterable[Stream]) -> Iterator[tuple[float, float]]:
    """Blocks a second and samples in each: what an asset has of a link at one moment is one block."""
    together: dict[tuple[str, str, timedelta], float] = {}
    for one in streams:
        key = one.link, one.asset, one.handed
        together[key] = together.get(key, 0.0) + one.samples_s
    for (_, _, handed), rate in together.items():
        often = min(rate, 1 / handed.total_seconds())  # no value, no block
        if often > 0:
            yield often, rate / often
