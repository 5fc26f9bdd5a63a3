"""A node of Telegraf's OPC-UA inputs: its address, and how it is sampled. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.opcua.address import parse_node
from edge_gateway.config.section import day
from edge_gateway.config.toml_spots import Steps
from edge_gateway.telegraf.durations import duration_in
from edge_gateway.telegraf.notes import Fate, Notes

STANDARD = "http://opcfoundation.org/UA/"
_TRIGGERS = {"Status": "status", "StatusValue": "status_value", "StatusValueTimestamp": "status_value_timestamp"}
_DEADBANDS = {"Absolute": "deadband", "Percent": "deadband_percent"}


class NodeRefused(ValueError):  # noqa: N818 - reads as a sentence where it is caught
    """A node that cannot be taken; the text says why."""


def node_text(node: Mapping[str, Any], group: Mapping[str, Any]) -> str:
    """Its address: with the URI of its namespace where that is told, else with the index, for `resolve` to look up.

    Raises:
        NodeRefused: It is none.
    """
    own = {key: value for key, value in node.items() if value != ""}
    if "namespace" in own or "namespace_uri" in own:
        group = {key: value for key, value in group.items() if not key.startswith("namespace")}
    text = str(own.get("id", "")) or _of_parts({**group, **own})
    text = text.removeprefix("ns=0;")
    if text.startswith("ns="):
        index, _, rest = text.removeprefix("ns=").partition(";")
        if not index.isdigit():
            msg = f"namespace {index!r} is no number"
            raise NodeRefused(msg)
        _parse(rest)
        return text
    _parse(text)
    return text


def _of_parts(node: Mapping[str, Any]) -> str:
    kind, identifier = node.get("identifier_type"), node.get("identifier")
    if kind not in ("i", "s", "g", "b") or identifier in (None, ""):
        msg = "it needs identifier_type (i, s, g or b) and identifier"
        raise NodeRefused(msg)
    if node.get("namespace_uri") == STANDARD:
        return f"{kind}={identifier}"
    if node.get("namespace_uri"):
        return f"nsu={node['namespace_uri']};{kind}={identifier}"
    if node.get("namespace") in (None, ""):
        msg = "it has no namespace"
        raise NodeRefused(msg)
    return f"ns={node['namespace']};{kind}={identifier}"


def _parse(text: str) -> None:
    try:
        parse_node(text)
    except ValueError as error:
        raise NodeRefused(str(error)) from error


def monitoring(at: Steps, node: Mapping[str, Any], group: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """The options of a monitored item, as far as they are given."""
    given = node.get("monitoring_params")
    given = given if isinstance(given, dict) else {}
    found: dict[str, Any] = {}
    interval = given.get("sampling_interval", group.get("sampling_interval"))
    if (text := duration_in(interval, timedelta(0), day)) is not None:
        found["sampling_interval"] = text
    elif interval is not None:
        notes.add((*at, "monitoring_params", "sampling_interval"), Fate.LEFT, "is no duration")
    if isinstance(size := given.get("queue_size"), int) and 1 <= size <= 1_000_000:
        found["queue_size"] = size
    if given.get("discard_oldest") is False:
        found["discard"] = "newest"
    change = given.get("data_change_filter")
    if isinstance(change, dict):
        found |= _change(change)
    at_params = (*at, "monitoring_params")
    notes.rest(at_params, given, {"sampling_interval", "queue_size", "discard_oldest", "data_change_filter"}, {})
    return found


def _change(change: Mapping[str, Any]) -> dict[str, Any]:
    trigger = _TRIGGERS.get(str(change.get("trigger", "Status")), "status")  # Telegraf's default, unlike the standard's
    found: dict[str, Any] = {} if trigger == "status_value" else {"trigger": trigger}
    key, value = _DEADBANDS.get(str(change.get("deadband_type"))), change.get("deadband_value")
    if key and trigger != "status" and isinstance(value, int | float) and value > 0:
        found[key] = float(value)
    return found
