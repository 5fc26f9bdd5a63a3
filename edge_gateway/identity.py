"""Who a gateway is to an OPC-UA server."""

from __future__ import annotations


def application_uri(site: str, name: str) -> str:
    """The URI that must stand in the gateway's certificate."""
    return f"urn:sluicegate:{site}:{name}"
