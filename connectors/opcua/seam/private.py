"""All that is used of asyncua beyond what it offers, and nothing else. Written against asyncua 2.1.0.

`tests/connectors/opcua/test_seam.py` fails when an upgrade moves a name that stands here, or one is used elsewhere.
"""

from __future__ import annotations

import asyncio
from typing import Any

from asyncua import Client, ua
from asyncua.client.ua_client import UASocketProtocol


def send(protocol: UASocketProtocol, request: Any) -> asyncio.Future[Any]:
    """Send a request that has no deadline, such as one to publish; the future's result is the body of the answer."""
    answer: asyncio.Future[Any] = protocol._send_request(request, 0)  # noqa: SLF001
    return answer


def set_buffer_sizes(protocol: UASocketProtocol, acknowledged: ua.Acknowledge) -> None:
    """As the server has them (OPC 10000-6, 7.1.2.4): 2.1.0 takes them the wrong way round."""
    limits = protocol._connection._limits  # noqa: SLF001
    limits.max_recv_buffer = acknowledged.SendBufferSize
    limits.max_send_buffer = acknowledged.ReceiveBufferSize


def session_secrets(client: Client) -> tuple[Any, Any]:
    """What a session needs, beside its token, to be activated on another channel: the server's nonce, user policies."""
    return client._server_nonce, client._policy_ids  # noqa: SLF001


def take_over(client: Client, nonce: Any, policies: Any) -> None:
    """Inverse of `session_secrets`, on the client of the other channel."""
    client._server_nonce, client._policy_ids = nonce, policies  # noqa: SLF001
