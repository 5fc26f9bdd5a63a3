"""Sections of the globs of OPC-UA servers."""

from __future__ import annotations

from pydantic import field_validator

from connectors.opcua.address import parse_node
from edge_gateway.config.opcua_item import OpcUaItemSection
from edge_gateway.config.section import NAME_FIX, Name, Section, option


class _Pattern(Section):
    """Which variables are acquired, and what they are called."""

    glob: str = option(
        description="Variables by path below `start`, 'Plant/*/flow', ** = any levels, or by name alone, 'flow*'. "
        "Found and pinned by `sluicegate resolve`; nothing is added by itself later.",
        fix="Try it with `sluicegate browse ENDPOINT --glob`.",
        example="Plant/*/temperature",
        min_length=1,
    )
    start: str = option(
        "i=85",
        description="Node to begin at; i=85 = Objects.",
        fix="Write 'nsu=<namespace uri>;s=<identifier>' (or ;i=, ;g=, ;b=), or 'i=<number>' for namespace 0.",
    )
    asset: Name | None = option(
        None,
        description="Machine that all of them belong to. Left out = the nearest object above each, by its name.",
        fix=NAME_FIX,
        example="pump-1",
    )

    @field_validator("start")
    @classmethod
    def _start(cls, value: str) -> str:
        parse_node(value)
        return value


class OpcUaGlobSection(OpcUaItemSection, _Pattern):  # fields of the last base come first
    """Many monitored items that share their options."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it another glob when it is changed; a change of an option needs no new look at the server."""
        return self.glob, self.start, self.asset or ""
