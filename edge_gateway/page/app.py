"""The page's routes. Whoever reaches the address may look; changing anything takes the token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from cloud_sink.errors import CloudSinkError
from connectors.commands.command import Command
from edge_gateway.page.hub import Hub
from edge_gateway.page.requests import MOST_BODY, is_token, read_command

_STATIC = Path(__file__).parent / "static"
_FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "draw.js": ("draw.js", "text/javascript; charset=utf-8"),
    "uplot.js": ("uplot/uPlot.iife.min.js", "text/javascript; charset=utf-8"),
    "uplot.css": ("uplot/uPlot.min.css", "text/css; charset=utf-8"),
}
"""All there is to be had: no path of a request ever names a file."""

# Nothing from anywhere else; the styles are uPlot's, which it sets on its elements.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_HERE = ["127.0.0.1", "localhost", "[::1]"]


def make_app(
    look: Callable[[], Mapping[str, Any]],
    rest: Callable[[], None],
    post: Callable[[Command], None],
    token: Callable[[], str],
    hosts: list[str],
    stop: Callable[[], bool] = lambda: False,
    probes: Sequence[Route] = (),
) -> Starlette:
    """The application.

    Args:
        look: See `Hub`.
        rest: See `Hub`.
        post: Puts a command where the gateway looks; called in a thread.
        token: What a request that changes something must bring; asked each time.
        hosts: Names under which the page may be called, beside this machine's own; others are refused, so that a name
            that an attacker points here (DNS rebinding) opens nothing. "*" = any.
        stop: See `Hub`.
        probes: See `probe_routes`.
    """
    hub = Hub(look, rest, stop)

    async def file(request: Request) -> Response:
        found = _FILES.get(request.path_params.get("name", ""))
        if found is None:
            return PlainTextResponse("no such page", 404)
        name, kind = found
        return Response(
            await run_in_threadpool((_STATIC / name).read_bytes), headers={**_HEADERS, "Content-Type": kind}
        )

    async def stream(_: Request) -> Response:
        if hub.full:
            return PlainTextResponse("too many pages are open", 503)
        return StreamingResponse(hub.events(), media_type="text/event-stream", headers=_HEADERS)

    async def ask(request: Request) -> Response:
        try:
            wanted = await run_in_threadpool(token)
        except (CloudSinkError, OSError) as error:
            return JSONResponse({"error": f"the token cannot be read here: {error}"}, 503, headers=_HEADERS)
        if not is_token(request.headers.get("Authorization", ""), wanted):
            return JSONResponse({"error": "the token is missing or wrong"}, 401, headers=_HEADERS)
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": f"at most {MOST_BODY} bytes"}, 413, headers=_HEADERS)
        try:
            command = read_command(body)
            await run_in_threadpool(post, command)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400, headers=_HEADERS)
        except OSError as error:
            return JSONResponse({"error": f"cannot be written: {error.strerror}"}, 507, headers=_HEADERS)
        return JSONResponse({"asked": command.action}, 202, headers=_HEADERS)

    routes = [
        Route("/", file),
        Route("/api/stream", stream),
        Route("/api/alarms", ask, methods=["POST"]),
        *probes,
        Route("/{name}", file),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[*_HERE, *hosts])])


async def _body(request: Request) -> bytes | None:
    """None = it is longer than any request there is."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)
