"""What machines ask of the page: health, readiness, metrics. Whoever reaches the address may read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge_gateway.metrics.exposition import expose
from edge_gateway.metrics.samples import Identity, samples
from edge_gateway.verdict import Now, Statuses, judge

_OK, _UNAVAILABLE = 200, 503
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def probe_routes(read: Callable[[], Statuses], identity: Identity, moment: Callable[[], Now] = Now.read) -> list[Route]:
    """`/healthz`, `/readyz` and `/metrics`.

    Args:
        read: The statuses as they are; called in a thread.
        identity: Of the gateway.
        moment: The time.
    """

    async def healthz(_: Request) -> Response:
        verdict = judge(await run_in_threadpool(read), moment())
        return _answer(verdict.healthy, {"healthy": verdict.healthy, "wedged": dict(verdict.wedged)}, verdict.notes)

    async def readyz(_: Request) -> Response:
        verdict = judge(await run_in_threadpool(read), moment())
        told = {"ready": verdict.ready, "wedged": dict(verdict.wedged), "unready": list(verdict.unready)}
        return _answer(verdict.ready, told, verdict.notes)

    async def metrics(request: Request) -> Response:
        def scrape() -> tuple[bytes, str]:
            return expose(lambda: samples(read(), moment(), identity), request.headers.get("accept", ""))

        body, content_type = await run_in_threadpool(scrape)
        return Response(body, headers={**_HEADERS, "Content-Type": content_type})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _answer(good: bool, told: Mapping[str, Any], notes: tuple[str, ...]) -> Response:  # noqa: FBT001 - private
    return JSONResponse({**told, "notes": list(notes)}, _OK if good else _UNAVAILABLE, headers=_HEADERS)
