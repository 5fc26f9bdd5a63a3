"""How often each tag should speak, by the configuration. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from edge_gateway.config.config import Config


@dataclass(frozen=True, slots=True)
class Expectation:
    """Of one tag.

    Attributes:
        interval_s: Between two samples.
        is_least: Whether it must speak so often; else it is told when it changes, so often at most.
        silent_s: After which a tag that must speak is taken for silent.
    """

    interval_s: float
    is_least: bool
    silent_s: float


_PATIENCE_S = 5.0  # publishing, a poll that is repeated, the journal: no tag is silent before
_MISSED = 3  # samples


def expectations(config: Config) -> dict[tuple[str, str], Expectation]:
    """By asset and tag, in the order of the file."""
    found: dict[tuple[str, str], Expectation] = {}
    for link in config.opcua:
        for tag in link.tags:
            poll = tag.poll_interval or link.poll_interval
            publishing = tag.publishing_interval or link.publishing_interval
            surely = tag.expect_every or poll
            if tag.waveform_rate > 0:
                one = Expectation(1 / tag.waveform_rate, is_least=True, silent_s=_MISSED * _PATIENCE_S)
            elif surely:
                one = _surely(surely)
            elif tag.heartbeat:
                one = Expectation(tag.heartbeat.total_seconds(), is_least=True, silent_s=_silent(tag.heartbeat, 1))
            else:
                sampling = publishing / 2 if tag.sampling_interval is None else tag.sampling_interval
                one = Expectation(sampling.total_seconds(), is_least=False, silent_s=float("inf"))
            found[tag.asset, tag.tag] = one
    for unit in (unit for line in config.modbus for unit in line.all_units()):
        for register in unit.tags:
            found[register.asset, register.tag] = _surely(register.poll_interval or unit.poll_interval)
    return found


def _surely(interval: timedelta) -> Expectation:
    return Expectation(interval.total_seconds(), is_least=True, silent_s=_silent(interval, _MISSED))


def _silent(interval: timedelta, missed: int) -> float:
    return max(_PATIENCE_S, missed * interval.total_seconds())
