"""The page process: looks at what the others have on disk, and serves it to browsers."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
import uvicorn

from cloud_sink.targets.secrets import SecretFile, one_line
from connectors.commands.post import post
from edge_gateway import __version__
from edge_gateway.config.config import Config
from edge_gateway.exit_codes import Exit
from edge_gateway.layout import Layout
from edge_gateway.metrics.samples import Identity
from edge_gateway.page.app import make_app
from edge_gateway.page.probes import probe_routes
from edge_gateway.page.requests import own_token
from edge_gateway.page.view import View
from edge_gateway.signals import StopFlag
from edge_gateway.status import EVERY_S, PAGE, StatusFile
from edge_gateway.verdict import read_statuses

log = structlog.get_logger(__name__)

_AGAIN_S = 30.0
_LAST_WAIT_S = 1


def page_process(config: Config) -> int:
    """Serve until told to stop. Where the port is taken, look again now and then: the gateway runs without it.

    Returns:
        `Exit.OK`.
    """
    section, layout = config.page, Layout(config.gateway.data)
    stop = StopFlag()
    status = StatusFile(layout.status, PAGE, dict)
    listener = _listen(section.host, section.port, stop.is_set, status.beat)
    if listener is None:
        return Exit.OK
    view = View(config)
    hosts = ["*"] if section.host in {"0.0.0.0", "::"} else [section.host]  # noqa: S104 - compared, not bound
    app = make_app(
        view.look,
        view.rest,
        lambda command: _discard(post(layout.commands, command)),
        _token(config),
        hosts,
        lambda: server.should_exit,
        probe_routes(
            lambda: read_statuses(layout.status), Identity(config.gateway.site, config.gateway.name, __version__)
        ),
    )
    # Its own handlers for signals end it.
    settings = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=_LAST_WAIT_S,
        lifespan="off",
    )
    server = uvicorn.Server(settings)
    log.info("page_started", url=f"http://{section.host}:{section.port}/")
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has ended
        asyncio.run(_serve(server, listener, status))
    log.info("page_stopped")
    return Exit.OK


async def _serve(server: uvicorn.Server, listener: socket.socket, status: StatusFile) -> None:
    async def beat() -> None:
        while True:
            status.beat()
            await asyncio.sleep(EVERY_S)

    beating = asyncio.create_task(beat())
    await server.serve([listener])
    beating.cancel()


def _listen(
    host: str, port: int, stopped: Callable[[], bool], beat: Callable[[], None] = lambda: None
) -> socket.socket | None:
    """A listening socket; None = told to stop before there was one."""
    told = False
    while not stopped():
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family)
        except OSError as error:
            if not told:
                fix = "Set another port under [page], or enabled = false."
                log.warning(
                    "page_not_served", host=host, port=port, error=errno.errorcode.get(error.errno or 0), fix=fix
                )
                told = True
        until = time.monotonic() + _AGAIN_S
        while not stopped() and time.monotonic() < until:
            beat()
            time.sleep(0.2)
    return None


def _token(config: Config) -> Callable[[], str]:
    if config.page.token_file is not None:
        return SecretFile(config.page.token_file, one_line).current
    file = config.gateway.data / "page-token"
    own_token(file)
    return lambda: own_token(file)


def _discard(_: object) -> None:
    """A command's file name is of no interest here."""
