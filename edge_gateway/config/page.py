"""The section of the gateway's own page."""

from __future__ import annotations

from edge_gateway.config.section import Flag, Section, Whole, option
from edge_gateway.config.units import FilePath


class PageSection(Section):
    """A page for whoever stands beside the machine. It shows without asking, and changes nothing without the token."""

    enabled: Flag = option(default=True, description="Whether the gateway serves it.", fix="true or false.")
    host: str = option(
        "127.0.0.1",
        description="Address it listens on. Beyond this machine, whoever can reach it sees live values, unencrypted.",
        fix="127.0.0.1 for this machine only, 0.0.0.0 for a closed network.",
        min_length=1,
    )
    port: Whole = option(
        8686, description="Port it listens on. 1 to 65535.", fix="One that nobody else uses.", ge=1, le=65_535
    )
    token_file: FilePath | None = option(
        None,
        description="File that holds the token for acknowledging and shelving; left out = page-token in the data "
        "folder, made at the first start.",
        example="/run/secrets/page-token",
    )
