"""`check --connect` for a Modbus line: one read of each planned request, and the values that came with it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connectors.errors import ConnectorError, DeviceException, EndpointUnreachable, LinkDown, NoReply
from connectors.modbus.blocks import Block, Blocks
from connectors.modbus.outcome import ILLEGAL
from connectors.modbus.plan import Limits, groups
from edge_gateway.commands.check_certificate import OURS, THEIRS, check_file
from edge_gateway.commands.check_found import LinkFound
from edge_gateway.commands.modbus_access import Line, explained
from edge_gateway.commands.modbus_url import Place
from edge_gateway.commands.show import status_text
from edge_gateway.config.modbus import ModbusSection
from edge_gateway.config.modbus_unit import FullUnit, ModbusTagSection, parsed


async def check_modbus(section: ModbusSection) -> LinkFound:
    """Ask every unit of a line once for everything that the gateway will poll. Reads only."""
    endpoint = section.endpoint()
    found = LinkFound(section.name, "Modbus", str(endpoint))
    units = list(section.all_units())
    timeout = max((unit.timeout for unit in units), default=timedelta(seconds=1))
    line = Line(Place(endpoint, None), section.pause, timeout)
    now = dt.datetime.now(dt.UTC)
    try:
        for whose, path in ((OURS, section.certificate), (THEIRS, section.server_certificate)):
            if path is not None:  # over TLS
                check_file(found, whose, path, now)
        for unit in units:
            await _unit(found, line, unit)
            if found.findings and found.findings[-1].what == "endpoint":
                break  # nobody is there: the other units are not, either
    except OSError as error:  # a certificate that cannot be read
        found.add("endpoint", found.where, "not tried", f"{error.filename or 'file'}: {error.strerror}.")
    finally:
        line.drop()
    return found


async def _unit(found: LinkFound, line: Line, unit: FullUnit) -> None:
    limits = Limits(unit.max_registers, unit.max_bits, unit.merge_gap)
    for _, members in groups([tag.poll_interval or unit.poll_interval for tag in unit.tags]):
        tags = [unit.tags[i] for i in members]
        blocks = Blocks([parsed(tag.address) for tag in tags], limits)
        for block in blocks.all:
            try:
                await _read(found, line, unit, tags, blocks, block)
            except EndpointUnreachable as error:
                found.add("endpoint", found.where, "not reached", f"{error}.", error=type(error).__name__)
                return
            except (NoReply, LinkDown) as error:
                name = f"unit {unit.unit_id} {block.request}"
                fix = (
                    f"{explained(error, line.place.endpoint)}. Who answers: sluicegate scan. Its other tags were left."
                )
                found.add("request", name, "no reply", fix, unit=unit.unit_id, tags=_names(tags))
                return


async def _read(
    found: LinkFound, line: Line, unit: FullUnit, tags: Sequence[ModbusTagSection], blocks: Blocks, block: Block
) -> None:
    """One request, or its halves where the device refuses the whole, as the driver does it."""
    name = f"unit {unit.unit_id} {block.request}"
    mine = [tags[row] for row in block.rows]
    facts: dict[str, Any] = {"unit": unit.unit_id, "request": str(block.request), "tags": _names(mine)}
    try:
        reply = await line.read(unit.unit_id, block.request.table, block.request.start, block.request.count)
    except DeviceException as error:
        halves = blocks.halves(block) if error.code in ILLEGAL else None
        if halves is not None:
            found.add("request", name, f"{error}: is read in parts", **facts)
            for half in halves[:2]:
                await _read(found, line, unit, tags, blocks, half)
            return
        fix = f"{explained(error, line.place.endpoint)}. It is of {', '.join(_names(mine))}: correct the address."
        found.add("request", name, str(error), fix, **facts)
    except (NoReply, LinkDown, EndpointUnreachable):
        raise
    except ConnectorError as error:  # a reply that is none
        found.add("request", name, str(error), f"{explained(error, line.place.endpoint)}.", **facts)
    else:
        found.add("request", name, f"answered in {(reply.received - reply.sent) / 1e6:.0f} ms", **facts)
        values, codes = block.decoder.decode_with_status(reply.payload)
        for tag, value, code in zip(mine, values.tolist(), codes.tolist(), strict=True):
            _value(found, tag, value, code)


def _value(found: LinkFound, tag: ModbusTagSection, value: float, code: int) -> None:
    told = {"value": value if math.isfinite(value) else None, "status": status_text(code), "address": str(tag.address)}
    unit = f" {tag.unit}" if tag.unit else ""
    fix = "It is what the device says; look at its kind, order and rules: sluicegate peek." if code >> 31 else ""
    found.add("tag", f"{tag.asset}/{tag.tag}", f"{value:.7g}{unit}, {status_text(code)}, now", fix, **told)


def _names(tags: Sequence[ModbusTagSection]) -> list[str]:
    return [f"{tag.asset}/{tag.tag}" for tag in tags]
