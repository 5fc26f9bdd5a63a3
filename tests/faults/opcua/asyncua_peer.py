"""The asyncua server of the fault matrix, in a process of its own. README.md: options, commands, nodes."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.user_managers import UserManager

PERIOD_MS = 50
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
OVERFLOWED = 0x480  # this server never says so itself


class OneUser(UserManager):
    def get_user(self, iserver, username=None, password=None, certificate=None):  # type: ignore[no-untyped-def]
        return User(role=UserRole.User) if username is None or (username, password) == ("operator", "secret") else None


def variant(kind: str, value: Any) -> ua.Variant:
    if kind == "Null":
        return ua.Variant()
    convert: dict[str, Callable[[Any], Any]] = {
        "Int64": int,
        "UInt64": int,
        "Float": float,
        "Double": float,
        "DateTime": dt.datetime.fromisoformat,
        "ByteString": str.encode,
        "LocalizedText": ua.LocalizedText,
        "QualifiedName": ua.QualifiedName,
        "NodeId": ua.NodeId.from_string,
        "Guid": uuid.UUID,
        "ExtensionObject": lambda pair: ua.Range(*map(float, pair)),
    }
    one = convert.get(kind, lambda x: x)

    def deep(x: Any) -> Any:
        return [deep(part) for part in x] if isinstance(x, list) and kind != "ExtensionObject" else one(x)

    return ua.Variant(deep(value), ua.VariantType[kind])


class Peer:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.nodes: dict[str, ua.NodeId] = {}
        self.made: list[float] = []
        self.refusing = False
        self.silent = False
        self.offset_ms, self.offset_left = 0, 0
        self.override: dict[str, tuple[str, int]] = {}
        self.swallow, self.keep = 0, False
        self.own: set[int] = set()  # subscriptions of the server itself: its history is one of their readers
        self.latest = 0

    async def start(self) -> None:
        args = self.args
        self.server = server = Server(user_manager=OneUser())
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{args.port}")
        await server.set_application_uri("urn:test:server")
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        folder = args.pki / args.certificate
        await server.load_certificate(str(folder / "certificate.der"))
        await server.load_private_key(str(folder / "private_key.pem"))
        self.foreign = None
        if args.shift:
            other = await server.register_namespace("urn:test:other")
            self.foreign = await self._variable("tick", other, ua.Variant(-1.0))
        self.index = await server.register_namespace("urn:test:plant")
        self.latest = int(time.time() * 1000) // PERIOD_MS
        await self.add("tick", "Double", self.latest)
        await self.add("level", "Double", self.latest + 0.5)
        if args.without != "setpoint":
            await self.add("setpoint", "Int32", 42)
        await self.add("bursty", "Int32", 0)
        for one in json.loads((Path(__file__).parent / "types.json").read_text()):
            await self.add(one["name"], one["type"], one["value"])
        for i in range(args.items):
            await self.add(f"item{i}", "Double", i + 0.25)
        if args.history:
            for name in ("tick", "level"):
                await server.historize_node_data_change(server.get_node(ua.NodeId(name, self.index)), period=None)
            self.own = set(server.iserver.subscription_service.subscriptions)
        await self._limit(args.limit)
        self._spy()
        await server.start()

    async def _variable(self, name: str, index: int, value: ua.Variant) -> ua.NodeId:
        objects = self.server.nodes.objects
        kind = value.VariantType if value.VariantType != ua.VariantType.Null else ua.VariantType.Double
        node = await objects.add_variable(ua.NodeId(name, index), name, value, kind)
        return node.nodeid

    async def add(self, name: str, kind: str, value: Any) -> None:
        self.nodes[name] = await self._variable(name, self.index, variant(kind, value))

    async def _limit(self, limit: int) -> None:
        """This server tells no limits and keeps few: they are added. That of a subscription is not told."""
        args = self.args
        for number in (
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        ):
            value = ua.DataValue(ua.Variant(limit, ua.VariantType.UInt32))
            await self.server.write_attribute_value(ua.NodeId(number), value)
        service = self.server.iserver.subscription_service
        create_items, create = service.create_monitored_items, service.create_subscription
        too_many = ua.MonitoredItemCreateResult(StatusCode=ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems))

        async def limited(params: Any) -> Any:
            asked = params.ItemsToCreate
            if limit and len(asked) > limit:
                raise ServiceError(ua.StatusCodes.BadTooManyOperations)
            there = service.subscriptions[params.SubscriptionId].monitored_item_srv._monitored_items
            room = max(0, args.per_subscription - len(there)) if args.per_subscription else len(asked)
            params.ItemsToCreate = asked[:room]
            return [*await create_items(params), *[too_many] * (len(asked) - room)]

        async def slowed(params: Any, *rest: Any, **more: Any) -> Any:
            if args.subscriptions and len(service.subscriptions) >= args.subscriptions:
                raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)
            params.RequestedPublishingInterval = max(params.RequestedPublishingInterval, float(args.fastest))
            return await create(params, *rest, **more)

        service.create_monitored_items, service.create_subscription = limited, slowed

    def _spy(self) -> None:
        create = self.server.iserver.create_session

        def counted(*args: Any, **keywords: Any) -> Any:
            if keywords.get("external"):
                self.made.append(time.time() * 1000)
                sessions, most = len(self.server.iserver._external_sessions), self.args.sessions
                if self.refusing or 0 < most <= sessions:
                    raise ServiceError(ua.StatusCodes.BadTooManySessions)
            return create(*args, **keywords)

        self.server.iserver.create_session = counted
        pop = InternalSubscription._pop_publish_result
        peer = self

        def swallowing(subscription: InternalSubscription) -> Any:
            result = pop(subscription)
            if (
                peer.swallow
                and subscription.data.SubscriptionId not in peer.own
                and result.NotificationMessage.NotificationData
            ):
                peer.swallow -= 1
                if not peer.keep:
                    subscription._not_acknowledged_results.pop(result.NotificationMessage.SequenceNumber)
                return pop(subscription)
            return result

        InternalSubscription._pop_publish_result = swallowing

    async def write(self, node: ua.NodeId, value: ua.Variant | None, code: int, at_ms: float) -> None:
        at = EPOCH + dt.timedelta(milliseconds=at_ms)
        data = ua.DataValue(value, ua.StatusCode(code), SourceTimestamp=at, ServerTimestamp=dt.datetime.now(dt.UTC))
        await self.server.write_attribute_value(node, data)

    async def tick(self) -> None:
        self.latest = int(time.time() * 1000) // PERIOD_MS
        await self.burst(self.nodes["bursty"], 1)
        await self.produce(self.latest)  # so that no value stands there that the tick did not make
        print(f"READY {self.latest}", flush=True)
        while True:
            now = int(time.time() * 1000) // PERIOD_MS
            while self.latest < now:
                self.latest += 1
                if not self.silent:
                    await self.produce(self.latest)
            await asyncio.sleep((PERIOD_MS - time.time() * 1000 % PERIOD_MS) / 1000)

    async def produce(self, k: int) -> None:
        at_ms = k * PERIOD_MS + self.offset_ms
        if self.offset_left:
            self.offset_left -= 1
            self.offset_ms = self.offset_ms if self.offset_left else 0
        for name, value in (("tick", float(k)), ("level", k + 0.5)):
            kind, code = self.override.get(name, ("Double", 0))
            await self.write(self.nodes[name], None if kind == "Null" else ua.Variant(value), code, at_ms)
        if self.foreign is not None:
            await self.write(self.foreign, ua.Variant(-float(k)), 0, at_ms)

    async def burst(self, node: ua.NodeId, count: int) -> None:
        """Values of one moment, a millisecond apart."""
        end = int(time.time() * 1000)
        for at_ms in range(end - count + 1, end + 1):
            await self.write(
                node, variant("Int32", at_ms % 100_000), OVERFLOWED if count > 1 and at_ms == end else 0, at_ms
            )

    async def obey(self, word: str, *args: str) -> dict[str, Any]:
        service, sessions = self.server.iserver.subscription_service, self.server.iserver._external_sessions
        match word:
            case "silence":
                self.silent = args[0] == "on"
            case "status":
                self.override[args[0]] = (args[2] if len(args) > 2 else "Double", int(args[1], 0))
            case "clock":
                self.offset_ms, self.offset_left = int(args[0]), int(args[1])
            case "burst":
                await self.burst(self.nodes[args[0]], int(args[1]))
            case "refuse":
                self.refusing = args[0] == "on"
            case "add":
                await self.add(args[0], "Double", float(args[1]))
            case "swallow":
                self.swallow, self.keep = int(args[0]), args[1] == "keep"
            case "forget" if args[0] == "session":
                for session in list(sessions.values()):
                    await session.close_session(True)
            case "forget":
                await service.delete_subscriptions(list(service.subscriptions))
            case "stop":
                await self.server.stop()
            case "report":
                pass
            case _:
                raise ValueError(word)
        return {
            "sessions": len(sessions),
            "subscriptions": len(service.subscriptions),
            "made": self.made,
            "latest": self.latest,
        }

    async def listen(self) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            words = line.decode().split()
            try:
                print(f"OK {json.dumps(await self.obey(*words))}", flush=True)
            except Exception as error:  # noqa: BLE001  the test shall see it
                print(f"FAILED {error!r}", flush=True)
            if words[0] == "stop":
                break


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pki", type=Path, required=True)
    parser.add_argument("--shift", action="store_true")
    parser.add_argument("--without", default="")
    parser.add_argument("--history", action="store_true", help="tick and level keep one")
    parser.add_argument("--items", type=int, default=0)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--certificate", default="server")
    parser.add_argument("--per-subscription", type=int, default=0)
    parser.add_argument("--subscriptions", type=int, default=0)
    parser.add_argument("--sessions", type=int, default=0)
    parser.add_argument("--fastest", type=int, default=0)
    peer = Peer(parser.parse_args())
    await peer.start()
    ticking = asyncio.create_task(peer.tick())
    await peer.listen()
    ticking.cancel()


if __name__ == "__main__":
    asyncio.run(main())
