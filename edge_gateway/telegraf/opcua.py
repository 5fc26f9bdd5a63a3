"""`[[inputs.opcua]]` and `[[inputs.opcua_listener]]` of a telegraf.conf as `[[opcua]]` of ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.config.section import day, minute, ms
from edge_gateway.config.toml_spots import Steps
from edge_gateway.telegraf.durations import Wanted, durations_in
from edge_gateway.telegraf.notes import Fate, Notes
from edge_gateway.telegraf.opcua_node import NodeRefused, monitoring, node_text
from edge_gateway.telegraf.sieve import count_of, sieved
from edge_gateway.telegraf.values import Given, tables

_REASONS = {
    "session_timeout": "the gateway keeps its sessions alive",
    "locales": "values are numbers",
    **dict.fromkeys(
        ("read_retry_timeout", "read_retry_count"), "a failed read is a bad sample, and the next poll follows"
    ),
    **dict.fromkeys(("reconnect_error_threshold", "connect_fail_behavior"), "the gateway reconnects until it succeeds"),
    "timestamp_format": "values that are times are numbers",
    "client_trace": "`sluicegate browse` and `read` show what the server has",
    "optional_fields": "the status of every value is kept",
    "workarounds": "the status of every value is kept; rules and models ask for good ones",
    "request_workarounds": "nodes are not registered",
    **dict.fromkeys(("default_tags", "tags"), "tags of InfluxDB have no like here: assets and tags are names"),
    **dict.fromkeys(("data_type", "description"), "Telegraf does not use it"),
}
_SECURITY = {"security_policy", "security_mode", "certificate", "private_key", "remote_certificate"}
_LOGIN = {"auth_method", "username", "password"}
_TAKEN = {"name", "endpoint", "interval", "subscription_interval", "timestamp", "nodes", "group"} | _SECURITY | _LOGIN
_POLICIES = ("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")


@dataclass(frozen=True, slots=True)
class Link:
    """One `[[opcua]]`.

    Attributes:
        table: As gateway.toml has it.
        password: To be written into the file that `password_file` names; None = there is none, or it is not told here.
    """

    table: dict[str, Any]
    password: str | None


def opcua_link(
    steps: Steps, table: Mapping[str, Any], interval: timedelta, links: Given, assets: Given, notes: Notes
) -> Link | None:
    """One link, None = nothing of it can be taken. Arguments as of `modbus_line`."""
    endpoint = str(table.get("endpoint", ""))
    host = re.fullmatch(r"opc\.tcp://(\[[^]]+\]|\$\{[^}]*\}|[^\s/:]+)[^\s]*", endpoint)
    if host is None:
        notes.add((*steps, "endpoint"), Fate.LEFT, "is no opc.tcp:// address; all of the input is left out")
        return None
    name = links.name(str(table.get("name") or host[1]), host[1])
    seen, tags = 0, []
    given: dict[str, Given] = {}
    named: dict[str, str] = {}
    for at, node, group in _nodes(steps, table, notes):
        seen += 1
        owner = str(group.get("name") or table.get("name") or host[1])
        asset = named.get(owner) or named.setdefault(owner, assets.name(owner))
        tag = _tag(at, node, group, asset, given.setdefault(asset, Given()), notes)
        if tag is not None:
            tags.append(tag)
    login, password = _login(steps, table, name, notes)
    link = {"name": name, "endpoint": endpoint, **_security(steps, table, bool(login), notes), **login}
    link |= _timing(steps, table, interval, notes)
    if table.get("timestamp", "gather") != "source":
        notes.add((*steps, "timestamp"), Fate.CHANGED, "samples have the source time of the server")
    notes.rest(steps, table, {*_TAKEN, "connect_timeout", "request_timeout"}, _REASONS)
    made = sieved(OpcUaSection, {**link, "tags": tags}, steps, notes)
    taken = count_of(made)
    notes.add(steps, Fate.TAKEN if taken else Fate.LEFT, f"{taken} of {seen} nodes as tags", str(table.get("name", "")))
    return Link(made, password) if made is not None else None


def _nodes(
    steps: Steps, table: Mapping[str, Any], notes: Notes
) -> Iterator[tuple[Steps, Mapping[str, Any], Mapping[str, Any]]]:
    """Path and table of every node, and its group."""
    for number, node in enumerate(tables(table.get("nodes"))):
        yield (*steps, "nodes", number), node, {}
    for number, group in enumerate(tables(table.get("group"))):
        at = (*steps, "group", number)
        taken = {"name", "nodes", "namespace", "namespace_uri", "identifier_type", "sampling_interval"}
        notes.rest(at, group, taken, _REASONS)
        for place, node in enumerate(tables(group.get("nodes"))):
            yield (*at, "nodes", place), node, group


def _tag(
    at: Steps, node: Mapping[str, Any], group: Mapping[str, Any], asset: str, given: Given, notes: Notes
) -> dict[str, Any] | None:
    name = str(node.get("name", ""))
    try:
        text = node_text(node, group)
    except NodeRefused as refused:
        notes.add(at, Fate.LEFT, str(refused), name)
        return None
    tag = given.name(name or "node")
    if tag != name:
        notes.add(at, Fate.CHANGED, f"tag {tag!r}: the name was taken, or is none of ours", name)
    known = {"name", "id", "namespace", "namespace_uri", "identifier_type", "identifier", "monitoring_params"}
    notes.rest(at, node, known, _REASONS)
    return {"asset": asset, "tag": tag, "node": text, **monitoring(at, node, group, notes)}


def _timing(steps: Steps, table: Mapping[str, Any], interval: timedelta, notes: Notes) -> dict[str, Any]:
    listens = "opcua_listener" in steps
    every = table.get("interval", interval.total_seconds())
    wanted = {key: Wanted(key, table.get(key), 100 * ms, minute) for key in ("connect_timeout", "request_timeout")}
    if listens:  # what it documents as the interval where none is told
        rate = table.get("subscription_interval", "100ms")
        wanted["subscription_interval"] = Wanted("publishing_interval", rate, 10 * ms, minute)
    else:
        wanted["interval"] = Wanted("poll_interval", every, 10 * ms, day)
    return durations_in(steps, wanted, notes)


def _security(steps: Steps, table: Mapping[str, Any], has_login: bool, notes: Notes) -> dict[str, Any]:  # noqa: FBT001
    policy, mode = str(table.get("security_policy") or "auto"), str(table.get("security_mode") or "auto")
    if "None" in (policy, mode) and not has_login:
        return {"policy": "None", "mode": "None"}
    if "None" in (policy, mode):
        notes.add((*steps, "security_policy"), Fate.CHANGED, "best: a password must not cross the network readable")
        policy, mode = "best", "SignAndEncrypt"
    found: dict[str, Any] = {"policy": policy if policy in _POLICIES else "best"}
    if policy not in (*_POLICIES, "auto", "best"):
        notes.add((*steps, "security_policy"), Fate.CHANGED, "best: this policy is broken, and not spoken")
    elif policy == "auto":
        notes.add((*steps, "security_policy"), Fate.CHANGED, "best: the strongest that the server has, but never none")
    found["mode"] = mode if mode in ("Sign", "SignAndEncrypt") else "SignAndEncrypt"
    if table.get("certificate") and table.get("private_key"):
        found |= {"certificate": table["certificate"], "private_key": table["private_key"]}
    if table.get("remote_certificate"):
        found["server_certificate"] = table["remote_certificate"]
    else:
        found["trust_folder"] = "trusted"
        why = "servers are trusted by name: `sluicegate cert trust` puts their certificates into the folder 'trusted'"
        notes.add((*steps, "remote_certificate"), Fate.CHANGED, why)
    return found


def _login(steps: Steps, table: Mapping[str, Any], link: str, notes: Notes) -> tuple[dict[str, Any], str | None]:
    method, password = str(table.get("auth_method") or "Anonymous"), table.get("password")
    if method == "UserName" and table.get("username"):
        file = f"secrets/{link}-password"
        if isinstance(password, str) and password and not password.startswith("@{") and "${" not in password:
            notes.add((*steps, "password"), Fate.CHANGED, f"into the file {file}, which only its owner may read")
            return {"user": table["username"], "password_file": file}, password
        if isinstance(password, str) and (variable := re.fullmatch(r"\$\{?([A-Za-z_]\w*)\}?", password)):
            return {"user": table["username"], "password_env": variable[1]}, None
        notes.add((*steps, "password"), Fate.LEFT, f"Telegraf takes it from elsewhere; write it into the file {file}")
        return {"user": table["username"], "password_file": file}, None
    if method == "Certificate" and table.get("certificate") and table.get("private_key"):
        return {"user_certificate": table["certificate"], "user_key": table["private_key"]}, None
    return {}, None
