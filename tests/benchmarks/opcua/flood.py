"""An OPC-UA server that answers publish requests, at once or at a rate, with a value of every item. Ends with stdin.

asyncua's server does channel, session, cryptography, subscription and items. Only what would make it the bottleneck
is replaced: instead of encoding values anew, the notification of a subscription is encoded once, by asyncua, and sent
again and again with another sequence number; the channel encrypts and signs it each time. So the values repeat; no
client of this benchmark looks whether they do. The nodes are `alike/0 ...`, all Double, and `mixed/0 ...`, whose types
alternate at random.

On stdin: "newest" has the id of the newest subscription printed, "N" floods subscription N and no other, "0" none.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import random
import struct
import sys
from itertools import count
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.ua.ua_binary import struct_to_binary

NAMESPACE = "urn:bench:plant"
# What a plant sends, roughly: mostly analogue values.
TYPES = {
    ua.VariantType.Float: 5,
    ua.VariantType.Double: 2,
    ua.VariantType.Int16: 2,
    ua.VariantType.Int32: 2,
    ua.VariantType.UInt16: 1,
    ua.VariantType.Boolean: 3,
}
HANDLE_AT = 12  # of the response header: behind type id (4) and timestamp (8)
SEQUENCE, MARK = struct.Struct("<I"), 0xFEEDBEEF


class Flood:
    """Floods the subscription that was chosen, one message for each publish request."""

    def __init__(self, server: Server, rate: float | None) -> None:
        self._subscriptions = server.iserver.subscription_service.subscriptions
        self._rate = rate
        self._chosen = 0
        self._messages: dict[int, tuple[bytearray, int, count[int]]] = {}
        self._paced: asyncio.Task[None] | None = None

    def newest(self) -> int:
        """Id of the subscription that was created last."""
        return max(self._subscriptions)

    async def choose(self, number: int) -> None:
        """Flood this one; without a publish request at hand, it begins with the next one."""
        self._chosen = number
        if number and number not in self._messages:
            self._take_over(self._subscriptions[number])
        if number and self._rate is not None:
            self._paced = asyncio.create_task(self._pace(number, self._rate))
        elif number:
            await self._subscriptions[number].publish_results()

    def _take_over(self, subscription: InternalSubscription) -> None:
        number = subscription.data.SubscriptionId
        processor = subscription.pub_request_callback.__self__
        message, at = encoded(number, list(subscription.monitored_item_srv._monitored_items.values()))
        self._messages[number] = (message, at, count(subscription._notification_seq))

        async def publish_results(request: Any = None) -> bool:
            if self._chosen != number or self._rate is not None:
                return False
            consumed = request is not None
            while True:
                request = request or processor.get_publish_request(number)
                if request is None:  # asyncua calls again when one has come
                    return consumed
                self._answer(processor, number, request)
                request = None

        subscription.publish_results = publish_results

    async def _pace(self, number: int, rate: float) -> None:
        processor = self._subscriptions[number].pub_request_callback.__self__
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._chosen == number:
            request = processor.get_publish_request(number)
            if request is not None:
                self._answer(processor, number, request)
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _answer(self, processor: Any, number: int, request: Any) -> None:
        message, at, sequence = self._messages[number]
        SEQUENCE.pack_into(message, HANDLE_AT, request.requesthdr.RequestHandle)
        SEQUENCE.pack_into(message, at, next(sequence))
        data = processor._connection.message_to_binary(bytes(message), request_id=request.seqhdr.RequestId)
        processor._transport.write(data)


def encoded(subscription: int, items: list[Any]) -> tuple[bytearray, int]:
    """A publish response with a value for each item, and where its sequence number stands."""
    now = dt.datetime.now(dt.UTC)
    notification = ua.DataChangeNotification()
    for item in items:
        value = item.mvalue.current_dvalue
        stamped = ua.DataValue(value.Value, None, SourceTimestamp=now, ServerTimestamp=now)
        notification.MonitoredItems.append(ua.MonitoredItemNotification(item.client_handle, stamped))
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = subscription
    response.Parameters.NotificationMessage.SequenceNumber = MARK
    response.Parameters.NotificationMessage.NotificationData = [notification]
    message = bytearray(struct_to_binary(response))
    return message, message.index(SEQUENCE.pack(MARK))


async def serve(args: argparse.Namespace) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{args.port}")
    await server.set_application_uri("urn:bench:server")
    kinds = ua.SecurityPolicyType
    server.set_security_policy([kinds.NoSecurity, kinds.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(str(args.certificate))
    await server.load_private_key(str(args.key))
    index = await server.register_namespace(NAMESPACE)
    rng = random.Random(1)
    for number in range(args.nodes):
        if number % 100 == 0:  # a folder's references are searched for every node that is added
            folder = await server.nodes.objects.add_folder(index, f"folder {number}")
        mixed = rng.choices(list(TYPES), list(TYPES.values()))[0]
        for name, kind in (("alike", ua.VariantType.Double), ("mixed", mixed)):
            value = number % 2 == 0 if kind is ua.VariantType.Boolean else float(number)
            value = value if kind in (ua.VariantType.Float, ua.VariantType.Double, ua.VariantType.Boolean) else number
            node = ua.NodeId(f"{name}/{number}", index)
            await folder.add_variable(node, str(node.Identifier), value, kind)
    async with server:
        flood = Flood(server, args.rate)
        stdin = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
        print("READY", flush=True)
        while line := await stdin.readline():
            if line == b"newest\n":
                print(flood.newest(), flush=True)
            else:
                await flood.choose(int(line))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--nodes", type=int, required=True, help="of each kind")
    parser.add_argument("--rate", type=float, help="messages per second; without it as fast as the client asks")
    asyncio.run(serve(parser.parse_args()))
