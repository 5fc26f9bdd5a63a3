"""The drivers of a configuration. A protocol's library is imported only when the configuration asks for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.driver import Driver
from connectors.tags import TagTable
from edge_gateway.config.config import Config
from edge_gateway.config.modbus import ModbusSection
from edge_gateway.config.modbus_unit import FullUnit, parsed
from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.identity import application_uri
from edge_gateway.layout import Layout

if TYPE_CHECKING:
    from connectors.modbus.settings import ModbusUnit
    from connectors.opcua.settings import OpcUaSettings


def make_drivers(config: Config, tables: Sequence[TagTable]) -> list[Driver]:
    """One driver per link.

    Raises:
        OSError: A secret or certificate cannot be read.
        ValueError: A secret that is not set, or settings that cannot be; `sluicegate check` tells them beforehand.
    """
    links: list[OpcUaSection | ModbusSection] = [*config.opcua, *config.modbus]
    return [make_driver(link, config, tables) for link in links]


def make_driver(link: OpcUaSection | ModbusSection, config: Config, tables: Sequence[TagTable]) -> Driver:
    """The driver of one link of the configuration.

    Raises:
        OSError, ValueError: As `make_drivers`.
    """
    if isinstance(link, OpcUaSection):
        return _opcua(link, config, [table for table in tables if any(tag.asset == table.asset for tag in link.tags)])
    return _modbus(link, tables)


def _opcua(link: OpcUaSection, config: Config, tables: Sequence[TagTable]) -> Driver:
    from connectors.opcua.driver import OpcUaDriver  # noqa: PLC0415 - slow imports, only when asked for

    return OpcUaDriver(opcua_settings(link, config), tables)


def opcua_settings(link: OpcUaSection, config: Config) -> OpcUaSettings:
    """What a link obeys. Our own certificate is made where there is none and none is named.

    Raises:
        OSError, ValueError: As `make_drivers`.
    """
    from connectors.opcua.certificates import (  # noqa: PLC0415 - slow imports, only when asked for
        CERTIFICATE_FILE,
        KEY_FILE,
        make_self_signed,
    )
    from connectors.opcua.settings import OpcUaSettings, OpcUaTag  # noqa: PLC0415

    uri, identity = application_uri(config.gateway.site, config.gateway.name), Layout(config.gateway.data).identity
    certificate, key = link.certificate, link.private_key
    if link.policy != "None" and certificate is None:
        certificate, key = identity / CERTIFICATE_FILE, identity / KEY_FILE
        if not (certificate.exists() and key.exists()):
            make_self_signed(identity, uri, [socket.gethostname()])
    return OpcUaSettings(
        name=link.name,
        endpoint=link.endpoint,
        application_uri=uri,
        policy=link.policy,
        mode=link.mode,
        certificate=certificate,
        private_key=key,
        server_certificate=link.server_certificate,
        trust_folder=link.trust_folder,
        user=link.user,
        password=_password(link),
        user_certificate=link.user_certificate,
        user_key=link.user_key,
        publishing_interval=link.publishing_interval,
        priority=link.priority,
        poll_interval=link.poll_interval,
        time_past=link.time_past,
        time_ahead=link.time_ahead,
        initial=link.initial,
        backfill=link.backfill,
        backfill_limit=link.backfill_limit,
        backfill_rate=link.backfill_rate,
        connect_timeout=link.connect_timeout,
        request_timeout=link.request_timeout,
        tags=tuple(
            OpcUaTag(
                asset=tag.asset,
                tag=tag.tag,
                node=tag.node,
                sampling_interval=tag.sampling_interval,
                queue_size=tag.queue_size,
                discard=tag.discard,
                publishing_interval=tag.publishing_interval,
                priority=tag.priority,
                poll_interval=tag.poll_interval,
                heartbeat=tag.heartbeat,
                deadband=tag.deadband,
                deadband_percent=tag.deadband_percent,
                trigger=tag.trigger,
            )
            for tag in link.tags
        ),
    )


def _modbus(line: ModbusSection, tables: Sequence[TagTable]) -> Driver:
    from connectors.modbus.driver import ModbusDriver  # noqa: PLC0415
    from connectors.modbus.settings import ModbusSettings  # noqa: PLC0415

    settings = ModbusSettings(
        name=line.name,
        endpoint=line.endpoint(),
        connect_timeout=line.connect_timeout,
        pause=line.pause,
        quarantine_max=line.quarantine,
        units=tuple(_unit(unit) for unit in line.all_units()),
    )
    return ModbusDriver(settings, tables)


def _unit(unit: FullUnit) -> ModbusUnit:
    from connectors.modbus.settings import ModbusTag, ModbusUnit  # noqa: PLC0415

    return ModbusUnit(
        unit_id=unit.unit_id,
        poll_interval=unit.poll_interval,
        timeout=unit.timeout,
        attempts=unit.attempts,
        max_registers=unit.max_registers,
        max_bits=unit.max_bits,
        merge_gap=unit.merge_gap,
        tags=tuple(ModbusTag(tag.asset, tag.tag, parsed(tag.address), tag.poll_interval) for tag in unit.tags),
    )


def _password(link: OpcUaSection) -> str | None:
    """From the file, without its last newline, or from the environment, as it is now."""
    if link.password_env is not None:
        if not (password := os.environ.get(link.password_env)):
            msg = f"opcua {link.name!r}: password_env = {link.password_env}: this environment variable is not set"
            raise ValueError(msg)
        return password
    return None if link.password_file is None else link.password_file.read_text(encoding="utf-8").removesuffix("\n")
