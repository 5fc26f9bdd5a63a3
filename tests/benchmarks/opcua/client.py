"""A client of `flood.py` that measures itself: our driver, or asyncua's subscription handler. Ends with its stdin.

Prints READY when it has all items. Each line on stdin asks for one measurement, CPU time between the first values of
two messages, which is printed as a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from connectors.opcua.driver import OpcUaDriver
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.tag import OpcUaTag
from connectors.samples import Item, SampleBatch
from connectors.tags import Tag, TagTable

NAMESPACE = "urn:bench:plant"
TAGS_PER_ASSET = 100
CALM_MS = 1000  # publishing interval; the flood does not keep to it
QUIET = timedelta(minutes=5)  # keep-alive: while the other one is measured, nothing comes
WARM_UP_MESSAGES = 2


class Meter:
    """Counts values. Both sides tell it the same way, ours a block at a time."""

    def __init__(self, items: int, seconds: float) -> None:
        self._items = items
        self._seconds = seconds
        self._seen = 0
        self._next = sys.maxsize
        self._begun: tuple[int, float, float] | None = None
        self._result: asyncio.Future[dict[str, float]] | None = None

    def passed(self, count: int) -> None:
        self._seen += count
        if self._seen >= self._next:
            self._next += self._items
            self._at_message()

    async def measure(self) -> dict[str, float]:
        self._result = asyncio.get_running_loop().create_future()
        self._next = self._seen + WARM_UP_MESSAGES * self._items + 1
        return await self._result

    def _at_message(self) -> None:
        wall = time.perf_counter()  # the clock of CPU time can cost 0.4 ms: read at both ends only
        if self._begun is None:
            self._begun = (self._seen, time.process_time(), wall)
        elif wall - self._begun[2] >= self._seconds and self._result is not None:
            values, cpu = self._seen - self._begun[0], time.process_time() - self._begun[1]
            self._result.set_result({"values": values, "cpu": cpu, "wall": wall - self._begun[2]})
            self._result, self._begun, self._next = None, None, sys.maxsize


async def answer(meter: Meter, rss_before: float) -> None:
    """Measure as often as asked."""
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    print("READY", flush=True)
    while await stdin.readline():
        result = await meter.measure()
        print(json.dumps({**result, "rss_growth_mb": rss_mb() - rss_before}), flush=True)


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def ours(args: argparse.Namespace) -> None:
    """The driver as it is: link, decoding, blocks of samples by asset."""
    before = rss_mb()
    tags = [
        OpcUaTag(f"asset{number // TAGS_PER_ASSET}", f"tag{number}", f"nsu={NAMESPACE};s={args.kind}/{number}")
        for number in range(args.items)
    ]
    assets: dict[str, list[Tag]] = {}
    for tag in tags:
        assets.setdefault(tag.asset, []).append(Tag(tag.tag))
    security: dict[str, Any] = {"policy": "None", "mode": "None"}
    if args.certificate:
        security = {"certificate": args.certificate, "private_key": args.key, "server_certificate": args.trusted}
    settings = OpcUaSettings(
        name="bench",
        endpoint=f"opc.tcp://127.0.0.1:{args.port}",
        application_uri="urn:bench:gateway",
        publishing_interval=timedelta(milliseconds=CALM_MS),
        keepalive=QUIET,
        request_timeout=timedelta(seconds=60),
        tags=tuple(tags),
        **security,
    )
    meter = Meter(args.items, args.seconds)

    def emit(item: Item) -> None:
        assert isinstance(item, SampleBatch)
        meter.passed(len(item))

    driver = OpcUaDriver(settings, [TagTable(asset, tuple(of_asset)) for asset, of_asset in assets.items()])
    running = asyncio.create_task(driver.run(emit))
    while driver.counters()["sessions_created"] == 0:
        await asyncio.sleep(0.01)
        if running.done() or driver.trouble:
            sys.exit(driver.trouble)
    await answer(meter, before)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def theirs(args: argparse.Namespace) -> None:
    """asyncua in the ordinary way: a subscription with a handler that is called for every value."""
    before = rss_mb()
    meter = Meter(args.items, args.seconds)

    class Handler:
        def datachange_notification(self, node: Any, val: Any, data: Any) -> None:
            meter.passed(1)

    client = Client(f"opc.tcp://127.0.0.1:{args.port}", timeout=60, watchdog_intervall=QUIET.total_seconds())
    client.application_uri = "urn:bench:gateway"
    if args.certificate:
        mode = ua.MessageSecurityMode.SignAndEncrypt
        await client.set_security(SecurityPolicyBasic256Sha256, args.certificate, args.key, None, args.trusted, mode)
    async with client:
        index = await client.get_namespace_index(NAMESPACE)
        subscription = await client.create_subscription(CALM_MS, Handler())
        nodes = [client.get_node(ua.NodeId(f"{args.kind}/{number}", index)) for number in range(args.items)]
        for start in range(0, len(nodes), 500):
            await subscription.subscribe_data_change(nodes[start : start + 500])
        await answer(meter, before)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("ours", "theirs"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--kind", choices=("alike", "mixed"), required=True)
    parser.add_argument("--seconds", type=float, default=0.6, help="of one measurement")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--trusted", type=Path, help="certificate of the server")
    arguments = parser.parse_args()
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for the answers
    asyncio.run({"ours": ours, "theirs": theirs}[arguments.side](arguments))
