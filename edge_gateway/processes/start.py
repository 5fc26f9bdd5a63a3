"""From a configuration file to a running process: the one place where errors at start become words and exit codes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog
import typer

from cloud_sink.errors import CloudSinkError, OutboxTooNew
from connectors.errors import ConnectorError
from edge_gateway import logs
from edge_gateway.check import load_checked
from edge_gateway.claim import FolderRefused, claim
from edge_gateway.config.config import Config
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected
from edge_gateway.parent import end_with_parent
from edge_gateway.reload.follower import Follower
from edge_gateway.signals import ignore_hangup
from edge_gateway.status import PAGE, ROLES
from models.errors import ModelError

log = structlog.get_logger(__name__)


def start(path: Path, only: str | None, *, drain: bool) -> int:
    """Run the gateway, or one of its processes, until it is told to stop.

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
        config = load_checked(path) if follower.current is None else follower.current.config
    except ConfigRejected as rejected:
        typer.echo(str(rejected), err=True)
        return Exit.CONFIG
    except (OSError, ValueError) as error:  # the kept configuration, which the supervisor has just written
        typer.echo(str(error), err=True)
        return Exit.FAILED
    logs.set_up(only or "supervisor")
    try:
        with claim(config.gateway.data, only or "gateway"):
            return _run(path, config, only, follower, drain=drain)
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


def _run(path: Path, config: Config, only: str | None, follower: Follower, *, drain: bool) -> int:
    """Each process imports what it runs."""
    if only is None:
        from edge_gateway.reload.keeper import Keeper  # noqa: PLC0415
        from edge_gateway.supervisor import Supervisor  # noqa: PLC0415

        roles = (*ROLES, PAGE) if config.page.enabled else ROLES
        return asyncio.run(Supervisor(path.resolve(), roles, Keeper(path.resolve(), config)).run())
    if only == "acquire":
        from edge_gateway.processes.acquire import acquire_process  # noqa: PLC0415

        return asyncio.run(acquire_process(config, follower))
    if only == "flow":
        from edge_gateway.processes.flow import flow_process  # noqa: PLC0415

        return flow_process(config, follower)
    if only == PAGE:
        from edge_gateway.processes.page import page_process  # noqa: PLC0415

        return page_process(config)
    from edge_gateway.processes.deliver import deliver  # noqa: PLC0415

    return deliver(config, follower, drain=drain)


def _ended(error: Exception) -> int:
    log.error("process_ended", error=str(error), kind=type(error).__name__)
    return Exit.FAILED
