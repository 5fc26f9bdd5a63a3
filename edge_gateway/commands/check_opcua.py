"""`check --connect` for an OPC-UA link: endpoint, certificates, clock, limits, and one value of each tag."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from cryptography import x509

from connectors.errors import ConnectorError, EndpointUnreachable
from connectors.opcua.browse import read_many
from connectors.opcua.nodes import Attribute, Reading
from connectors.opcua.resolve import resolve
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.terms import ServerFacts
from connectors.opcua.trust import leaf
from edge_gateway.commands.access import Session, opened
from edge_gateway.commands.check_certificate import OURS, THEIRS, USERS, check_file, check_period
from edge_gateway.commands.check_found import LinkFound
from edge_gateway.commands.resolve_links import told
from edge_gateway.commands.show import reading_json, status_text, value_text
from edge_gateway.config.config import Config
from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.config.opcua_item import OpcUaItemSection
from edge_gateway.drivers import opcua_settings

_LIMITS = {
    "max_read": "MaxNodesPerRead",
    "max_items": "MaxMonitoredItemsPerCall",
    "max_per_subscription": "MaxMonitoredItemsPerSubscription",
    "max_translate": "MaxNodesPerTranslateBrowsePathsToNodeIds",
    "max_register": "MaxNodesPerRegisterNodes",
    "max_history": "MaxNodesPerHistoryReadData",
}  # OPC 10000-5, 6.3.11


async def check_opcua(link: OpcUaSection, config: Config, path: Path) -> LinkFound:
    """Ask one server for everything that the gateway will need of it. Writes nothing to it."""
    found = LinkFound(link.name, "OPC-UA", link.endpoint)
    now = dt.datetime.now(dt.UTC)
    try:
        settings = opcua_settings(link, config)
        if settings.certificate is not None:
            check_file(found, OURS, settings.certificate, now)
        if settings.user_certificate is not None:
            check_file(found, USERS, settings.user_certificate, now)
        async with opened(settings) as session:
            await _within(found, session, link, path, now)
    except ConnectorError as error:
        text = "not reached" if isinstance(error, EndpointUnreachable) else "refused"
        found.add("endpoint", link.endpoint, text, told(error, link, path), error=type(error).__name__)
    except (OSError, ValueError) as error:  # a certificate or secret that cannot be used
        found.add("endpoint", link.endpoint, "not tried", str(error))
    return found


async def _within(found: LinkFound, session: Session, link: OpcUaSection, path: Path, now: dt.datetime) -> None:
    settings, facts = session.settings, session.facts
    found.add(
        "endpoint",
        link.endpoint,
        f"reached, {settings.policy}, {settings.mode}",
        policy=settings.policy,
        mode=settings.mode,
        namespaces=list(facts.namespaces),
    )
    shown = session.channel.held_session().peer_certificate
    if shown and settings.policy != "None":
        check_period(found, THEIRS, x509.load_der_x509_certificate(leaf(shown)), now)  # trusted, or we were not here
    _clock(found, facts, settings, now)
    limits = {name: getattr(facts, key) for key, name in _LIMITS.items() if getattr(facts, key)}
    text = ", ".join(f"{name} {value}" for name, value in limits.items()) or "none told"
    found.add("limits", "OperationLimits", text, **limits)
    await _tags(found, session, link, path)


def _clock(found: LinkFound, facts: ServerFacts, settings: OpcUaSettings, now: dt.datetime) -> None:
    if facts.time is None:
        return
    ahead = facts.time / 1e9 - now.timestamp()
    late = ahead > settings.time_ahead.total_seconds() or -ahead > settings.time_past.total_seconds()
    fix = "Set the clocks (NTP): its source times would not be believed." if late else ""
    found.add("clock", "server - gateway", f"{ahead:+.1f} s", fix, seconds=round(ahead, 3))


async def _tags(found: LinkFound, session: Session, link: OpcUaSection, path: Path) -> None:
    settings, facts = session.settings, session.facts
    nodes, refusals = await resolve(session.channel, settings, facts, range(len(settings.tags)))
    handles = list(nodes)
    wanted = [(nodes[handle], Attribute.VALUE) for handle in handles]
    readings = dict(zip(handles, await read_many(session.channel, wanted, facts.max_read), strict=True))
    at = dt.datetime.now(dt.UTC)
    browse = f"See what there is: sluicegate browse {link.endpoint} --gateway {quote(str(path))}"
    for handle, tag in enumerate(link.tags):
        name = f"{tag.asset}/{tag.tag}"
        if handle in refusals:
            missing = status_text(refusals[handle])
            have = "" if _knows(tag.node, facts.namespaces) else f" Its namespaces: {', '.join(facts.namespaces)}."
            found.add("tag", name, f"{missing}: {tag.node}", f"{browse}.{have}", node=tag.node)
            continue
        reading = readings[handle]
        unit = f" {tag.unit}" if tag.unit else ""
        text = f"{value_text(reading.value)}{unit}, {status_text(reading.code)}, {_age(reading, at)}"
        fix = _wrong(reading, tag, browse)
        found.add("tag", name, text, fix, node=tag.node, age_s=_age_s(reading, at), **reading_json(reading))


def _knows(node: str, namespaces: Sequence[str]) -> bool:
    return "nsu=" not in node or any(f"nsu={uri};" in node for uri in namespaces)


def _wrong(reading: Reading, tag: OpcUaItemSection, browse: str) -> str:
    value = reading.value
    if reading.is_bad:
        return f"The device has no value for it now. {browse}"
    waveform = tag.waveform_rate > 0
    if waveform and not isinstance(value, list):
        return "waveform_rate is for a node that holds an array: remove it, or name another node."
    if not waveform and isinstance(value, list):
        return "The node holds an array: give its waveform_rate, or name another node."
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, (bool, int, float, dt.datetime, list)):
        return "The node holds no number. Name another one."
    return ""


def _age_s(reading: Reading, at: dt.datetime) -> float | None:
    return None if reading.source_time is None else round((at - reading.source_time).total_seconds(), 3)


def _age(reading: Reading, at: dt.datetime) -> str:
    seconds = _age_s(reading, at)
    return "no source time" if seconds is None else f"{seconds:.1f} s old"
