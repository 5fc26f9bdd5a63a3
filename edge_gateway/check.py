"""Checks that look beyond the configuration file: what it names must be there and fit together. No device is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cloud_sink.uplink.store import parse_store
from edge_gateway.check_cluster import cluster_problems
from edge_gateway.check_models import model_problems, scored_by, unsigned
from edge_gateway.cluster import as_host
from edge_gateway.cold_starts import may_start_cold
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.config.opcua_tag import FoundTag
from edge_gateway.config.problems import Problem
from edge_gateway.config.targets import PyarrowTargetSection, S3TargetSection
from edge_gateway.config.units import duration_text
from edge_gateway.config.written import rejected
from edge_gateway.influx_series import unfit
from edge_gateway.rooms import foreign_owners
from edge_gateway.rule_sets import in_words, rule_sets
from edge_gateway.tables import tag_tables
from edge_gateway.targets import GOOGLE, describe_targets
from flows.window_settings import WindowSettings


def load_checked(path: Path, *, deep: bool = False, host: str | None = None) -> Config:
    """A configuration that can run.

    Args:
        path: Of the file.
        deep: Also verify all of a bundle and import the dataflow; `check` does, a starting process finds out by itself.
        host: Of a cluster: files and secrets of links that other hosts read need not be here.

    Raises:
        ConfigRejected: With all problems.
    """
    config = load(path)
    known = any(one.name == host for one in config.cluster.hosts)
    problems = [
        *missing(as_host(config, host if known else None)),
        *unfit(config),
        *cluster_problems(config),
        *model_problems(config, deep=deep),
        *(_deep(config) if deep else ()),
    ]
    if problems:
        raise rejected(path, problems)
    return config


def missing(config: Config) -> Iterator[Problem]:
    """Files and secrets that the links name and that are not there."""
    yield from _missing_files(config)
    yield from _missing_secrets(config)


def _missing_files(config: Config) -> Iterator[Problem]:
    opcua = ("certificate", "private_key", "server_certificate", "trust_folder", "password_file")
    modbus = ("ca_file", "server_certificate", "certificate", "private_key")
    for kind, keys in (("opcua", opcua), ("modbus", modbus)):
        for number, link in enumerate(getattr(config, kind)):
            for key in keys:
                file: Path | None = getattr(link, key)
                if file is not None and not file.exists():
                    where = f'{kind}[{number}] "{link.name}".{key}'
                    yield Problem(where, f'"{file}"', "is not there", "Put it there.")
    for number, target in enumerate(config.target):
        for key in (
            "credentials_file",
            "key_file",
            "token_file",
            "password_file",
            "ca_file",
            "certificate",
            "private_key",
        ):
            file = getattr(target, key, None)
            if file is not None and not file.exists():
                yield Problem(
                    f'target[{number}] "{target.label()}".{key}', f'"{file}"', "is not there", "Put it there."
                )
    for number, influx in enumerate(config.influx):
        for key, file in (("secret_file", influx.secret_file), ("ca_file", influx.ca_file)):
            if file is not None and not file.exists():
                yield Problem(f"influx[{number}].{key}", f'"{file}"', "is not there", "Put it there.")


def _missing_secrets(config: Config) -> Iterator[Problem]:
    for number, link in enumerate(config.opcua):
        if link.password_env is not None and not os.environ.get(link.password_env):
            yield Problem(
                f'opcua[{number}] "{link.name}".password_env',
                f'"{link.password_env}"',
                "is the name of an environment variable that is not set here, or empty",
                "Set it for the gateway (systemd: EnvironmentFile=, Docker: --env-file), or use password_file.",
            )
    for number, target in enumerate(config.target):
        if isinstance(target, S3TargetSection) and target.credentials_file is None:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                if not os.environ.get(name):
                    where = f'target[{number}] "{target.label()}".credentials_file'
                    rule = f"is left out, and the environment variable {name} is not set here"
                    yield Problem(where, None, rule, "Name the file, or set the variable.")
        google = isinstance(target, PyarrowTargetSection) and parse_store(target.uri).scheme == "gs"
        if google and not Path(os.environ.get(GOOGLE) or "/nowhere").is_file():
            where = f'target[{number}] "{target.label()}".uri'
            rule = f"needs credentials, and the environment variable {GOOGLE} does not name a file here"
            yield Problem(where, None, rule, "Set it to the key file of a service account.")


def _deep(config: Config) -> Iterator[Problem]:
    from edge_gateway.flow_file import FlowRejected, load_build, load_features  # noqa: PLC0415 - imports Bytewax

    for room, owners in foreign_owners().items():
        fix = "Install Sluicegate in an environment of its own."
        yield Problem("environment", None, f"package {room!r} also belongs to {', '.join(owners)}", fix)
    for work in (lambda: load_build(config.gateway.flow), lambda: load_features(config.features)):
        try:
            work()
        except FlowRejected as rejected:
            yield Problem(rejected.key, f'"{rejected.name}"', rejected.rule, rejected.fix)


def describe(config: Config, path: Path) -> RenderableType:
    """What the configuration means, for people."""
    links = Table(title="links", title_justify="left", box=box.SIMPLE)
    for name in ("name", "protocol", "where", "tags", "every"):
        links.add_column(name)
    for link in config.opcua:
        where = f"{link.endpoint} ({link.policy}, {link.mode})"
        links.add_row(link.name, "OPC-UA", where, _count(link), duration_text(link.publishing_interval))
    for line in config.modbus:
        for unit in line.all_units():
            where = f"{line.endpoint()} unit {unit.unit_id}"
            every = sorted({tag.poll_interval or unit.poll_interval for tag in unit.tags})
            links.add_row(line.name, "Modbus", where, str(len(unit.tags)), ", ".join(map(duration_text, every)))
    scored = scored_by(config)
    assets = Table(title="assets", title_justify="left", box=box.SIMPLE)
    for name in ("asset", "tags", "models"):
        assets.add_column(name)
    without = "none yet: cold start" if may_start_cold(config) else "none: summarized only"
    for table in tag_tables(config):
        assets.add_row(table.asset, ", ".join(table.names), scored.get(table.asset, without))
    rules = [_rules(config)] if config.rules else []
    summary = Text.assemble(
        (f"{path}: ok\n", "bold"),
        f"flow {config.gateway.flow}, {config.windows.told()}, features {config.features.set}",
        *(f"\n{line}" for line in _drift(config)),
        *(f"\ntarget {line}" for line in describe_targets(config)),
        *(
            f"\nmodel {one.model} follows the channel {one.channel} in {one.target}, asked every "
            f"{duration_text(one.every)}"
            for one in config.models.channels
        ),
        *(f"\nhost {one.name} at {one.address} reads {', '.join(one.links)}" for one in config.cluster.hosts),
    )
    return Group(summary, links, assets, *rules, *unsigned(config))


def _drift(config: Config) -> Iterator[str]:
    """How long it takes until drift can be told, which follows from three sections."""
    windows = config.windows.settings()
    if config.model and isinstance(windows, WindowSettings):
        lasts = timedelta(microseconds=config.drift.settings().lasts_ns(windows.every_ns) // 1000)
        rate = config.drift.false_alarms_a_year
        yield f"drift of models is judged over {duration_text(lasts)}, {rate:g} false alarms a year and asset at most"


def _count(link: OpcUaSection) -> str:
    """For example "12 (10 by globs)"."""
    found = sum(isinstance(tag, FoundTag) for tag in link.tags)
    return f"{len(link.tags)} ({found} by globs)" if link.globs else str(len(link.tags))


def _rules(config: Config) -> Table:
    table = Table(title="rules", title_justify="left", box=box.SIMPLE)
    for name in ("asset", "alarm", "severity", "when"):
        table.add_column(name)
    for asset, found in rule_sets(config).items():
        units = {tag.name: tag.unit for one in tag_tables(config) if one.asset == asset for tag in one.tags}
        for rule in found.rules:
            table.add_row(asset, rule.name, found.alarms[rule.name].severity, in_words(rule, units))
    return table
