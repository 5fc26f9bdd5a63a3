"""From a configuration file to a running process: the one place where errors at start become words and exit codes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import structlog
import typer

from cloud_sink.errors import CloudSinkError, OutboxTooNew
from connectors.errors import ConnectorError
from edge_gateway import logs
from edge_gateway.check import load_checked
from edge_gateway.claim import FolderRefused, claim
from edge_gateway.cluster import as_host, free_addresses, named, remember_host
from edge_gateway.config.config import Config
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected
from edge_gateway.layout import Layout
from edge_gateway.parent import end_with_parent
from edge_gateway.reload.follower import Follower
from edge_gateway.signals import ignore_hangup
from edge_gateway.spread import ONE, Spread
from edge_gateway.status import PAGE, ROLES
from models.errors import ModelError

log = structlog.get_logger(__name__)

CLUSTER_RESTART_S = 1.0  # at most, from the end of a flow to the next: those that wait for it have to start anew, too


def start(
    path: Path, only: str | None, *, drain: bool, spread: Spread = ONE, log_format: logs.Format | None = None
) -> int:
    """Run the gateway, or one of its processes, until it is told to stop.

    Args:
        path: Of gateway.toml.
        only: One of the processes.
        drain: With `deliver`: send everything that waits, then end.
        spread: Of the dataflow over processes and machines.
        log_format: auto, json or pretty; None = as configured.

    Returns:
        An `Exit` code.
    """
    end_with_parent()
    if only not in (None, *ROLES, PAGE) or (drain and only != "deliver"):
        typer.echo(f"--only takes one of {', '.join((*ROLES, PAGE))}, and --drain goes with --only deliver", err=True)
        return Exit.CONFIG
    ignore_hangup()
    try:
        follower = Follower() if only is None else Follower.of_supervisor()
        config = load_checked(path, host=spread.host) if follower.current is None else follower.current.config
    except ConfigRejected as rejected:
        typer.echo(str(rejected), err=True)
        return Exit.CONFIG
    except (OSError, ValueError) as error:  # the kept configuration, which the supervisor has just written
        typer.echo(str(error), err=True)
        return Exit.FAILED
    if refusal := spread.refusal(config):
        typer.echo(refusal, err=True)
        return Exit.CONFIG
    style: logs.Format = log_format or config.log.format
    logs.set_up(only or "supervisor", style, config.log.level)
    follower.on_accept = lambda now: logs.set_up(only or "supervisor", style, now.log.level)
    role = spread.share(config).role if only == "flow" else only
    try:
        with claim(config.gateway.data, role or "gateway"):
            if only is None:
                remember_host(config, spread.host)
            return _run(path, config, only, follower, drain=drain, spread=spread, style=style)
    except FlowRejected as rejected:
        typer.echo(str(rejected), err=True)
        return Exit.CONFIG
    except FolderRefused as refused:
        if only is None:
            typer.echo(str(refused), err=True)
            return Exit.CONFIG
        return _ended(refused)  # a process of a gateway that was killed may be about to end
    except OutboxTooNew as error:  # no restart helps
        typer.echo(str(error), err=True)
        return Exit.CONFIG
    except (ConnectorError, CloudSinkError, ModelError, OSError) as error:
        # The rooms' own errors, the disk's and the network's say what is wrong; all else is a bug and shows its trace.
        return _ended(error)


def _run(
    path: Path, config: Config, only: str | None, follower: Follower, *, drain: bool, spread: Spread, style: str
) -> int:
    """Each process imports what it runs."""
    if only is None:
        from edge_gateway.notify import Notifier  # noqa: PLC0415
        from edge_gateway.reload.keeper import Keeper  # noqa: PLC0415
        from edge_gateway.supervisor import Supervisor  # noqa: PLC0415

        further = tuple(f"flow-{number}" for number in range(1, spread.processes))
        roles = tuple(one for role in ROLES for one in ((role, *further) if role == "flow" else (role,)))
        addresses = free_addresses(spread.processes) if further else ()
        pages = (PAGE,) if config.page.enabled else ()
        clustered = bool(further or config.cluster.hosts)
        notifier = Notifier.take(os.environ)
        supervisor = Supervisor(
            path.resolve(),
            Layout(config.gateway.data).status,
            (*roles, *pages),
            lambda role: [*spread.arguments(role, addresses), "--log-format", style],
            {role: CLUSTER_RESTART_S for role in roles if clustered and role.startswith("flow")},
            notifier,
            Keeper(path.resolve(), config, notifier, spread.host, clustered=clustered, on_accept=follower.on_accept),
        )
        return asyncio.run(supervisor.run())
    if only == "flow":
        from edge_gateway.processes.flow import flow_process  # noqa: PLC0415

        return flow_process(named(config, spread.host), spread.share(config), follower)
    config = as_host(config, spread.host)
    if only == "acquire":
        from edge_gateway.processes.acquire import acquire_process  # noqa: PLC0415

        return asyncio.run(acquire_process(config, follower, spread.host))
    if only == PAGE:
        from edge_gateway.processes.page import page_process  # noqa: PLC0415

        return page_process(config)
    from edge_gateway.processes.deliver import deliver  # noqa: PLC0415

    return deliver(config, follower, drain=drain)


def _ended(error: Exception) -> int:
    log.error("process_ended", error=str(error), kind=type(error).__name__)
    return Exit.FAILED
