"""The library still is as the seam was written: fails loudly, with the name that moved, when an upgrade changes it."""

from __future__ import annotations

import asyncio
import inspect
import logging
from importlib.metadata import version
from types import ModuleType

import asyncua
import pytest
from asyncua import Client, ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto import security_policies

from connectors.errors import EndpointUnreachable
from connectors.opcua.seam.channel import Channel
from connectors.opcua.seam.explain import code_name


def test_version_is_one_that_the_seam_was_written_against() -> None:
    assert version("asyncua").startswith("2.1."), "read connectors/opcua/seam/ against the new asyncua first"
    assert asyncua.__name__


def test_private_request_takes_request_and_time_out_and_returns_a_future() -> None:
    assert list(inspect.signature(UASocketProtocol._send_request).parameters)[:3] == ["self", "request", "timeout"]
    assert not inspect.iscoroutinefunction(UASocketProtocol._send_request)


def test_private_attributes_are_there() -> None:
    async def look() -> None:
        client = Client("opc.tcp://localhost:4840")
        assert hasattr(client, "_server_nonce")
        assert hasattr(client, "_policy_ids")
        assert client.uaclient.pre_request_hook is not None
        protocol = UASocketProtocol()
        assert isinstance(protocol._connection, SecureConnection)
        assert isinstance(protocol._connection._limits, TransportLimits)

    asyncio.run(look())


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
