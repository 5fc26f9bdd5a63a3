"""A whole telegraf.conf as a gateway.toml. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from edge_gateway.config.toml_spots import Spot, Steps
from edge_gateway.config.toml_text import toml_text
from edge_gateway.telegraf.durations import duration
from edge_gateway.telegraf.modbus import modbus_line
from edge_gateway.telegraf.notes import Fate, Note, Notes
from edge_gateway.telegraf.opcua import opcua_link
from edge_gateway.telegraf.sieve import count_of
from edge_gateway.telegraf.values import Given, tables

_AGENT = timedelta(seconds=10)  # Telegraf's interval where none is told
_REASONS = {
    "outputs": "where records go is another matter: see [[target]] and [[influx]] in sample.toml",
    "inputs": "the gateway reads OPC-UA and Modbus only",
    "processors": "what happens to data is a dataflow: see flows/README.md",
    "aggregators": "windows and features take their place: see [windows] and [features] in sample.toml",
    "secretstores": "secrets are files: see edge_gateway/config/README.md",
    "global_tags": "tags of InfluxDB have no like here: site and name say where records come from",
}


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of it.

    Attributes:
        text: Of gateway.toml.
        notes: What became of each part, in the order of the lines.
        passwords: Files to be written beside it, relative path -> content.
        tags: How many there are.
        by_index: Links that name nodes by the index of their namespace, which `resolve` must look up.
        needs_trust: A link takes its servers from the folder `trusted`.
    """

    text: str
    notes: Sequence[Note]
    passwords: Mapping[str, str]
    tags: int
    by_index: Sequence[str]
    needs_trust: bool


def convert(data: Mapping[str, Any], spots: Mapping[Steps, Spot], site: str, name: str, source: str) -> Converted:
    """Do it.

    Args:
        data: The parsed telegraf.conf.
        spots: Its lines.
        site: Of the gateway.
        name: Of the gateway.
        source: Of telegraf.conf, told in the head.
    """
    notes = Notes(spots)
    agent = data.get("agent")
    interval = (duration(agent.get("interval")) if isinstance(agent, dict) else None) or _AGENT
    links, assets = Given(), Given()
    opcua, modbus, passwords = [], [], {}
    inputs = data.get("inputs")
    inputs = inputs if isinstance(inputs, dict) else {}
    for kind in ("opcua", "opcua_listener"):
        for number, table in enumerate(tables(inputs.get(kind))):
            link = opcua_link(("inputs", kind, number), table, interval, links, assets, notes)
            if link is not None:
                opcua.append(link.table)
                if link.password is not None:
                    passwords[link.table["password_file"]] = link.password
    for number, table in enumerate(tables(inputs.get("modbus"))):
        line = modbus_line(("inputs", "modbus", number), table, interval, links, assets, notes)
        if line is not None:
            modbus.append(line)
    _others(data, inputs, notes)
    text = "".join(_document(site, name, source, opcua, modbus))
    tags = sum(count_of(link) for link in (*opcua, *modbus))
    by_index = [link["name"] for link in opcua if any(tag["node"].startswith("ns=") for tag in link["tags"])]
    trust = any("trust_folder" in link for link in opcua)
    told = sorted(notes.notes, key=lambda note: (note.line, note.fate is not Fate.TAKEN))
    return Converted(text, told, passwords, tags, by_index, trust)


def _others(data: Mapping[str, Any], inputs: Mapping[str, Any], notes: Notes) -> None:
    """Every other plugin, once each."""
    for key, value in data.items():
        if key == "agent" and isinstance(value, dict):
            for option in value:
                if option != "interval":
                    notes.add((key, option), Fate.LEFT, "it is how Telegraf works itself")
        elif key in ("outputs", "processors", "aggregators", "secretstores") and isinstance(value, dict):
            for plugin in value:
                notes.add((key, plugin), Fate.LEFT, _REASONS[key])
        elif key != "inputs":
            notes.add((key,), Fate.LEFT, _REASONS.get(key, "this import does not know the table"))
    for plugin in inputs:
        if plugin not in ("opcua", "opcua_listener", "modbus"):
            notes.add(("inputs", plugin), Fate.LEFT, _REASONS["inputs"])


def _document(
    site: str, name: str, source: str, opcua: Sequence[Mapping[str, Any]], modbus: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    yield f"#:schema ./gateway.schema.json\n# From {toml_text(source)}, by `sluicegate import`.\n"
    yield f'\n[gateway]\nsite = {toml_text(site)}\nname = {toml_text(name)}\ndata = "data"\n'
    for link in opcua:
        yield from _table("opcua", link)
    for line in modbus:
        yield from _table("modbus", line)
    yield "\n# Where records go; see sample.toml for buckets, web servers, brokers.\n"
    yield '[[target]]\nkind = "file"\npath = "cloud"\n'


def _table(path: str, table: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n[[{path}]]\n"
    for key, value in table.items():
        if key == "tags":
            yield "tags = [\n" + "".join(f"  {{ {_pairs(tag)} }},\n" for tag in value) + "]\n"
        elif key != "units":
            yield f"{key} = {_value(value)}\n"
    for unit in table.get("units", ()):
        yield from _table(f"{path}.units", unit)


def _pairs(tag: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {_value(value)}" for key, value in tag.items())


def _value(value: Any) -> str:
    return toml_text(value) if isinstance(value, str) else str(value)
