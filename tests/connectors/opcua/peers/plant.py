"""A small OPC-UA server in a process of its own. Ends by itself when its parent is gone.

Nodes in namespace urn:test:plant: `tick` (Double, counts up every 50 ms), `setpoint` (Int32, never changes), `wave`
(Float array of 8, its first element is the tick), `bad` (its status is BadSensorFailure), `text` (a string).
With `--shift` another namespace takes its index; the `tick` of that one counts down from -1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import os
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

PLANT = "urn:test:plant"
PERIOD_S = 0.05
LATE_AFTER = 20  # ticks


class OneUser(UserManager):
    def get_user(self, iserver, username=None, password=None, certificate=None):  # type: ignore[no-untyped-def]
        return User(role=UserRole.User) if username is None or (username, password) == ("operator", "secret") else None


async def serve(args: argparse.Namespace) -> None:
    parent = os.getppid()
    server = Server(user_manager=OneUser())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{args.port}")
    await server.set_application_uri("urn:test:server")
    if args.certificate:
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        await server.load_certificate(str(args.certificate))
        await server.load_private_key(str(args.key))
    else:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    foreign = None
    if args.shift:  # another namespace takes the index, with a node of the same name that is as lively
        other = await server.register_namespace("urn:test:other")
        foreign = await server.nodes.objects.add_variable(ua.NodeId("tick", other), "tick", -1.0, ua.VariantType.Double)
    index = await server.register_namespace(PLANT)

    async def variable(name: str, value: object, kind: ua.VariantType) -> object:
        return await server.nodes.objects.add_variable(ua.NodeId(name, index), name, value, kind)

    tick = await variable("tick", 0.0, ua.VariantType.Double)
    wave = await variable("wave", [0.0] * 8, ua.VariantType.Float)
    bad = await variable("bad", 1.0, ua.VariantType.Double)
    await variable("text", "hello", ua.VariantType.String)
    if not args.without_setpoint:
        await variable("setpoint", 42, ua.VariantType.Int32)
    async with server:
        await server.write_attribute_value(
            bad.nodeid, ua.DataValue(ua.Variant(1.0), ua.StatusCode(ua.StatusCodes.BadSensorFailure))
        )
        if args.history:
            for node in (tick, wave):
                await server.historize_node_data_change(node, period=None)
        print("READY", flush=True)
        count = 0
        while os.getppid() == parent:
            await asyncio.sleep(PERIOD_S)
            count += 1
            if args.late and count == LATE_AFTER:
                await variable("absent", 7.0, ua.VariantType.Double)
            now = dt.datetime.now(dt.UTC)
            updates = [
                (tick, ua.Variant(float(count), ua.VariantType.Double)),
                (wave, ua.Variant([float(count)] + [0.0] * 7, ua.VariantType.Float)),
            ]
            if foreign is not None:
                updates.append((foreign, ua.Variant(-1.0 - count, ua.VariantType.Double)))
            for node, variant in updates:
                await server.write_attribute_value(
                    node.nodeid, ua.DataValue(variant, SourceTimestamp=now, ServerTimestamp=now)
                )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--shift", action="store_true")
    parser.add_argument("--without-setpoint", action="store_true")
    parser.add_argument("--history", action="store_true", help="tick and wave keep a history")
    parser.add_argument("--late", action="store_true", help="the node `absent` appears after 1 s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
