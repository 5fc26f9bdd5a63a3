"""The library still is as the seam was written: fails loudly, with the name that moved, when an upgrade changes it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncua
import pytest
from asyncua import Client, ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto import security_policies

from connectors.errors import EndpointUnreachable
from connectors.opcua import seam
from connectors.opcua.seam.channel import Channel
from connectors.opcua.seam.explain import code_name


def test_version_is_one_that_the_seam_was_written_against() -> None:
    assert version("asyncua").startswith("2.1."), "read connectors/opcua/seam/ against the new asyncua first"
    assert asyncua.__name__


def test_private_request_takes_request_and_time_out_and_returns_a_future() -> None:
    assert list(inspect.signature(UASocketProtocol._send_request).parameters)[:3] == ["self", "request", "timeout"]
    assert not inspect.iscoroutinefunction(UASocketProtocol._send_request)


async def _look() -> None:
    client = Client("opc.tcp://localhost:4840")
    assert hasattr(client, "_server_nonce")
    assert hasattr(client, "_policy_ids")
    assert client.uaclient.pre_request_hook is not None
    protocol = UASocketProtocol()
    assert isinstance(protocol._connection, SecureConnection)
    assert isinstance(protocol._connection._limits, TransportLimits)


def test_private_attributes_are_there() -> None:
    asyncio.run(_look())


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Client, "_server_nonce"),
        (Client, "_policy_ids"),
        (UASocketProtocol, "_connection"),
        (SecureConnection, "_limits"),
    ],
)
def test_a_private_attribute_that_was_renamed_is_found_out(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    """The proof that the test above is one."""
    made = owner.__init__

    def renamed(self: Any, *args: Any, **keywords: Any) -> None:
        made(self, *args, **keywords)
        setattr(self, f"{name}_renamed", self.__dict__.pop(name))

    monkeypatch.setattr(owner, "__init__", renamed)
    with pytest.raises((AssertionError, AttributeError)):
        asyncio.run(_look())


def test_a_private_request_that_was_renamed_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(UASocketProtocol, "_send_request")
    with pytest.raises(AttributeError, match="_send_request"):
        test_private_request_takes_request_and_time_out_and_returns_a_future()


def test_the_seam_uses_no_private_name_that_is_not_looked_at_here() -> None:
    room = Path(seam.__file__).parents[2]
    found = [
        (source.name, line)
        for source in [*room.glob("opcua/**/*.py")]
        for line in source.read_text().splitlines()
        if "noqa: SLF001" in line
    ]
    assert {name for name, _ in found} == {"private.py"}
    lines = [line for _, line in found]
    used = {name for line in lines for name in re.findall(r"(?<!self)\.(_[a-z]\w*)", line)}
    assert used == {"_send_request", "_connection", "_limits", "_server_nonce", "_policy_ids"}
    assert seam.__doc__ is not None
    assert "2.1.0" in seam.__doc__
    assert all(name in seam.__doc__ for name in used)


def test_library_still_swaps_the_buffer_sizes() -> None:
    """Once this fails, the two lines of the seam that set them right can go."""
    limits = TransportLimits()
    limits.update_client_limits(ua.Acknowledge(ReceiveBufferSize=8192, SendBufferSize=16384))
    assert (limits.max_recv_buffer, limits.max_send_buffer) == (8192, 16384)


@pytest.mark.parametrize("name", ["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"])
def test_policies_have_the_names_of_the_settings(name: str) -> None:
    assert getattr(security_policies, f"SecurityPolicy{name}").URI.endswith(name.replace("Sha256Rsa", "_Sha256_Rsa"))


def test_nobody_there(rig: ModuleType) -> None:
    with pytest.raises(EndpointUnreachable, match="cannot be reached"):
        asyncio.run(Channel.open(rig.make_settings(rig.free_port())))
    assert logging.getLogger("asyncua").level == logging.WARNING


def test_code_name() -> None:
    assert code_name(0x80340000) == "BadNodeIdUnknown"
