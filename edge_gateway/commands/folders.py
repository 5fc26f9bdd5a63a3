"""Who we are to a server and whom we trust: which folders a command uses."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.unfinished import read_unfinished
from edge_gateway.identity import application_uri
from edge_gateway.layout import Layout


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a command looks.

    Attributes:
        identity: Our certificate and key.
        trusted: Trusted certificates, and `rejected/` below it.
        uri: Application URI of a new certificate.
        identity_options: What to add to `sluicegate cert init` and `show` to mean the same folders; "" or " --...".
        trust_options: What to add to `sluicegate cert trust` and `list`.
    """

    identity: Path
    trusted: Path
    uri: str
    identity_options: str
    trust_options: str


def find_folders(folder: Path | None, gateway: Path | None, trust: Path | None) -> Folders:
    """The folders that the options mean.

    Raises:
        Refusal: Options that contradict one another, a configuration that does not say who the gateway is, or no home.
    """
    if folder is not None and gateway is not None:
        raise Refusal("--folder", str(folder), "stands beside --gateway", "Give one of them.")
    if gateway is not None:
        return _of_gateway(gateway, trust)
    root = folder or _own_folder()
    options = "" if folder is None else f" --folder {quote(str(folder))}"
    layout = Layout(root)
    uri = f"urn:{socket.gethostname()}:sluicegate"
    return Folders(layout.identity, trust or layout.trusted, uri, options, _trust_options(trust, options))


def _trust_options(trust: Path | None, otherwise: str) -> str:
    return otherwise if trust is None else f" --trust {quote(str(trust))}"


def _own_folder() -> Path:
    """XDG Base Directory Specification: configuration of a user."""
    try:
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    except RuntimeError as error:
        raise Refusal("--folder", None, "is needed, for this user has no home folder", "Name one.") from error
    return Path(base) / "sluicegate"


def _of_gateway(path: Path, trust: Path | None) -> Folders:
    """From a configuration that need not be finished: its tags may be what is looked for."""
    data, gateway = read_unfinished(path)
    base = path.resolve().parent
    layout = Layout(base / gateway.data)
    told = {folder for link in _tables(data.get("opcua")) if isinstance(folder := link.get("trust_folder"), str)}
    if trust is None and len(told) > 1:
        rule = f"is needed, for links of {path} name several trust folders: {', '.join(sorted(told))}"
        raise Refusal("--trust", None, rule, "Name one of them.")
    options = f" --gateway {quote(str(path))}"
    trusted = trust or (base / Path(told.pop()).expanduser() if told else layout.trusted)
    trust_options = options if trust is None else options + _trust_options(trust, "")
    return Folders(layout.identity, trusted, application_uri(gateway.site, gateway.name), options, trust_options)


def _tables(value: Any) -> list[dict[str, Any]]:
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []
