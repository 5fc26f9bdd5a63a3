"""`sluicegate plan`: what a configuration costs, on its lines, on the disk, on the uplink and in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from connectors.modbus.address import Address
from connectors.modbus.bus_time import Cost, Line, SerialLine, TcpLine, cycle, share
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.plan import Limits, Request, groups, plan
from edge_gateway.commands.plan_rates import streams_of
from edge_gateway.commands.plan_show import FIGURES, SOURCES, figure_rows, sizes_json, source_rows
from edge_gateway.commands.plan_sizes import sizes
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.modbus_unit import parsed
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.config.units import duration_text
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected

BUSY = 0.8  # of a line's time; beyond it one repeated request makes the next poll late
HEAD = ("line", "unit", "every", "tags", "requests", "registers", "bytes", "time", "share")


@dataclass(frozen=True, slots=True)
class Assumptions:
    """About lines, where the configuration does not say; see `register.py`.

    Attributes:
        baud: Of the serial line, also behind a gateway; None = a network, on which the round trip is all.
        char_bits: Of the serial line.
        turnaround: What a serial device takes before it replies.
        round_trip: Of a network.
    """

    baud: int | None
    char_bits: int
    turnaround: timedelta
    round_trip: timedelta

    def line(self, pause: timedelta, serial: Endpoint | None = None) -> Line:
        """With the pause that is configured, and the rate where it is."""
        pause_s = pause.total_seconds()
        if serial is not None:
            return SerialLine(serial.baudrate, serial.bits_per_character, self.turnaround.total_seconds(), pause_s)
        if self.baud is None:
            return TcpLine(self.round_trip.total_seconds(), pause_s)
        return SerialLine(self.baud, self.char_bits, self.turnaround.total_seconds(), pause_s)


@dataclass(frozen=True, slots=True)
class Poll:
    """Tags of one unit that are polled at one interval: all that this command knows of a configuration.

    Attributes:
        line: What its requests share with those of others.
        name: Of the unit.
        unit_id: Behind the line.
        interval: Between two polls.
        addresses: At least one.
        limits: Of the device.
        pause: After every exchange.
        serial: A serial line, whose rate is known; None = what is assumed.
    """

    line: str
    name: str
    unit_id: int
    interval: timedelta
    addresses: tuple[Address, ...]
    limits: Limits
    pause: timedelta
    serial: Endpoint | None = None


def polls_of(config: Config) -> Iterator[Poll]:
    """The polls of a configuration; the one place that knows its sections."""
    for line in config.modbus:
        endpoint = line.endpoint()
        serial = endpoint if endpoint.transport == "rtu" else None
        for unit in line.all_units():
            limits = Limits(unit.max_registers, unit.max_bits, unit.merge_gap)
            for interval, members in groups([tag.poll_interval or unit.poll_interval for tag in unit.tags]):
                chosen = tuple(parsed(unit.tags[i].address) for i in members)
                yield Poll(str(endpoint), line.name, unit.unit_id, interval, chosen, limits, line.pause, serial)


@dataclass(frozen=True, slots=True)
class PollCost:
    """What one poll takes of its line."""

    poll: Poll
    requests: tuple[Request, ...]
    cost: Cost
    share: float

    @property
    def registers(self) -> int:
        """Registers and bits read, wanted or not."""
        return sum(request.count for request in self.requests)


def costs(polls: Sequence[Poll], assumed: Assumptions) -> list[PollCost]:
    """Plan every poll and add up. Pure."""
    found = []
    for poll in polls:
        requests = plan(poll.addresses, poll.limits)
        cost = cycle(requests, assumed.line(poll.pause, poll.serial))
        found.append(PollCost(poll, requests, cost, share(cost, poll.interval)))
    return found


def line_shares(found: Sequence[PollCost]) -> dict[str, float]:
    """Part of each line's time that all its polls take together."""
    total: dict[str, float] = {}
    for item in found:
        total[item.poll.line] = total.get(item.poll.line, 0.0) + item.share
    return total


def warnings(found: Sequence[PollCost]) -> Iterator[str]:
    """What cannot be kept, and what to do."""
    for item in found:
        if item.share > 1:
            poll = item.poll
            yield (
                f"{poll.name}: {item.cost.requests} requests take {_ms(item.cost.seconds)}, more than the "
                f"{duration_text(poll.interval)} between two polls. Poll less often, or raise merge_gap."
            )
    for line, total in line_shares(found).items():
        if total > BUSY:
            rule = "polls will be skipped" if total > 1 else "one repeated request makes a poll late"
            yield f"line {line}: {total:.0%} of its time is taken: {rule}. Stay below {BUSY:.0%}."


def plan_command(path: Path, assumed: Assumptions, *, as_json: bool) -> int:
    """Print the plan of a configuration.

    Returns:
        An `Exit` code: OK also where there are warnings.
    """
    try:
        config = load(path)
        streams = streams_of(config)
        expected = sizes(config, streams)
    except (ConfigRejected, FlowRejected) as rejected:
        typer.echo(str(rejected), err=True)
        return Exit.CONFIG
    found = costs(list(polls_of(config)), assumed)
    if as_json:
        typer.echo(json.dumps(_json(found) | sizes_json(streams, expected), indent=2))
        return Exit.OK
    if found:
        totals = [(line, "all", *[""] * 6, f"{total:.1%}") for line, total in line_shares(found).items()]
        _print("polls of Modbus lines", HEAD, [*(_row(item) for item in found), *totals])
    _print("sources", SOURCES, source_rows(streams))
    _print("to be expected", FIGURES, list(figure_rows(expected)))
    for warning in warnings(found):
        typer.echo(f"warning: {warning}", err=True)
    return Exit.OK


def _print(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not (console := Console()).is_terminal:
        for row in (head, *rows, ()):
            typer.echo("\t".join(row))
        return
    table = Table(*head, title=title, title_justify="left", box=box.SIMPLE)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _row(item: PollCost) -> tuple[str, ...]:
    poll, cost = item.poll, item.cost
    return (
        poll.line,
        f"{poll.name} ({poll.unit_id})",
        duration_text(poll.interval),
        str(len(poll.addresses)),
        str(cost.requests),
        str(item.registers),
        str(cost.sent + cost.received),
        _ms(cost.seconds),
        f"{item.share:.1%}",
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def _json(found: Sequence[PollCost]) -> dict[str, Any]:
    return {
        "polls": [
            {
                "line": item.poll.line,
                "unit": item.poll.name,
                "unit_id": item.poll.unit_id,
                "interval_s": item.poll.interval.total_seconds(),
                "tags": len(item.poll.addresses),
                "requests": [str(request) for request in item.requests],
                "registers": item.registers,
                "bytes_sent": item.cost.sent,
                "bytes_received": item.cost.received,
                "seconds": item.cost.seconds,
                "share": item.share,
            }
            for item in found
        ],
        "lines": [{"line": line, "share": total} for line, total in line_shares(found).items()],
        "warnings": list(warnings(found)),
    }
