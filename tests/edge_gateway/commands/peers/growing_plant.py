"""An OPC-UA server in a process of its own that grows: every line of its standard input is a path to add.

`Plant/pump-3/temperature` adds a Double of 20.0; `...=text` a string, `...=[]` an array. Answers a line with "OK" once
the node is there, and ends with its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

PLANT = "urn:test:growing"


class OneUser(UserManager):
    def get_user(self, iserver, username=None, password=None, certificate=None):  # type: ignore[no-untyped-def]
        return User(role=UserRole.User) if (username, password) == ("operator", "secret") else None


async def add(server: Server, index: int, line: str) -> None:
    path, _, kind = line.partition("=")
    *objects, name = path.split("/")
    parent = server.nodes.objects
    for depth, one in enumerate(objects, 1):
        node = server.get_node(ua.NodeId("/".join(objects[:depth]), index))
        if node not in await parent.get_children():
            await parent.add_object(node.nodeid, ua.QualifiedName(one, index))
        parent = node
    value = {"": 20.0, "text": "x", "[]": [1.0, 2.0]}[kind]
    await parent.add_variable(ua.NodeId(path, index), ua.QualifiedName(name, index), value)


async def serve(args: argparse.Namespace) -> None:
    server = Server(user_manager=OneUser())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{args.port}")
    await server.set_application_uri("urn:test:server")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(str(args.certificate))
    await server.load_private_key(str(args.key))
    index = await server.register_namespace(PLANT)
    async with server:
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            await add(server, index, line)
            print("OK", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    asyncio.run(serve(parser.parse_args()))
