"""Sections of the tags of OPC-UA servers."""

from __future__ import annotations

from pydantic import field_validator

from connectors.opcua.path import parse_address
from edge_gateway.config.opcua_item import OpcUaItemSection
from edge_gateway.config.section import NAME_FIX, Name, Section, option


class _Place(Section):
    """What is acquired, and what it is called."""

    asset: Name = option(description="Machine the tag belongs to.", fix=NAME_FIX, example="pump-1")
    tag: Name = option(description="Name of the tag, unique within its asset.", fix=NAME_FIX, example="flow")
    node: str = option(
        description="Node id with the namespace URI, never its index: an index changes when the server is updated. "
        "Or a browse path, for example path=/0:Objects/nsu=urn:example:plant;Pump-1/Flow. Or ns=2;s=..., of which "
        "`sluicegate resolve` looks up once what the index means.",
        fix="Write 'nsu=<namespace uri>;s=<identifier>' (or ;i=, ;g=, ;b=), or 'i=<number>' for namespace 0, "
        "or 'path=/0:Objects/nsu=<namespace uri>;<name>/<name>'.",
        example="nsu=urn:example:plant;s=pump-1.flow",
    )
    unit: str = option("", description="Engineering unit of the value.")

    @field_validator("node")
    @classmethod
    def _node(cls, value: str) -> str:
        parse_address(value)
        return value


class OpcUaTagSection(OpcUaItemSection, _Place):  # fields of the last base come first
    """One monitored item."""


class FoundTag(OpcUaTagSection):
    """One that a glob found; with the options of the glob."""
