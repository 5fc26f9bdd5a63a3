"""Which server is believed, what is asked of the transport, and that no password goes out readable. No server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.connection import TransportLimits
from asyncua.crypto import security_policies
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.errors import (
    CertificateNotTrusted,
    EndpointNotOffered,
    EndpointUnreachable,
    GatewayNotTrusted,
    LinkDown,
    PlaintextPassword,
)
from connectors.opcua.seam import connect
from connectors.opcua.seam.channel import Channel
from connectors.opcua.seam.explain import explained


class Client:
    """What of the library's client is used before there is a session, and to activate one."""

    def __init__(self, token_policy: str | None = None) -> None:
        self.limits = TransportLimits(65535, 65535, 0, 0)
        self.aborted = False
        self.sent: list[str | None] = []
        self.token_policy = token_policy
        protocol = SimpleNamespace(_connection=SimpleNamespace(_limits=self.limits), transport=self)
        self.uaclient = SimpleNamespace(protocol=protocol, send_hello=self.send_hello)
        self.opening: Exception | None = None
        self.certificate: Any = None
        self.user_private_key: Any = None

    async def connect_socket(self) -> None: ...

    async def send_hello(self, _endpoint: str) -> Any:
        return ua.Acknowledge(ReceiveBufferSize=8192, SendBufferSize=16384)

    async def open_secure_channel(self) -> None:
        if self.opening is not None:
            raise self.opening

    def abort(self) -> None:
        self.aborted = True

    async def create_session(self) -> None: ...

    def server_policy(self, _kind: Any) -> Any:
        return SimpleNamespace(SecurityPolicyUri=self.token_policy)

    async def activate_session(self, username: str | None, password: str | None, certificate: Any) -> None:
        self.sent.append(password)
        self.certificate = certificate


def test_the_servers_buffer_sizes_are_taken_from_its_own_point_of_view(
    rig: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    monkeypatch.setattr(connect, "new_client", lambda _settings: client)
    assert asyncio.run(connect.connect(rig.make_settings(1))) is client
    assert (client.limits.max_recv_buffer, client.limits.max_send_buffer) == (16384, 8192)
    assert not client.aborted


@pytest.mark.parametrize(
    ("raised", "told"), [(ConnectionError("reset"), EndpointUnreachable), (AssertionError(), GatewayNotTrusted)]
)
def test_a_socket_that_leads_to_no_channel_is_dropped(
    rig: ModuleType, monkeypatch: pytest.MonkeyPatch, raised: Exception, told: type[Exception]
) -> None:
    client = Client()
    client.opening = raised
    monkeypatch.setattr(connect, "new_client", lambda _settings: client)
    with pytest.raises(told):
        asyncio.run(connect.connect(rig.make_settings(1)))
    assert client.aborted


def test_a_channel_that_was_open_breaks_but_is_not_distrusted(rig: ModuleType) -> None:
    with pytest.raises(LinkDown), explained(rig.make_settings(1), "OpenSecureChannel"):
        raise AssertionError


@pytest.mark.parametrize("pinned", [True, False])
def test_another_certificate_than_the_trusted_one_is_refused(
    rig: ModuleType, pki: Any, tmp_path: Path, pinned: bool
) -> None:
    """A10."""
    changes = {} if pinned else {"server_certificate": None, "trust_folder": tmp_path}
    shown = pki.gateway[0].read_bytes()  # a certificate, but not the server's
    policy, mode = security_policies.SecurityPolicyBasic256Sha256, ua.MessageSecurityMode.SignAndEncrypt
    with pytest.raises(CertificateNotTrusted):
        connect._policy(rig.make_settings(1, pki=pki, **changes), policy, mode, shown)


@pytest.mark.parametrize(
    ("mode", "token_policy", "allowed", "sent"),
    [
        ("Sign", None, False, False),
        ("Sign", security_policies.SecurityPolicyNone.URI, False, False),
        ("Sign", None, True, True),
        ("Sign", security_policies.SecurityPolicyBasic256Sha256.URI, False, True),
        ("SignAndEncrypt", None, False, True),
    ],
)
def test_a_password_goes_out_only_where_something_encrypts_it(
    rig: ModuleType, pki: Any, mode: str, token_policy: str | None, allowed: bool, sent: bool
) -> None:
    settings = rig.make_settings(
        1, pki=pki, mode=mode, user="operator", password="secret", allow_plaintext_password=allowed
    )
    client = Client(token_policy)
    channel = Channel(settings, client)
    if sent:
        asyncio.run(channel.create_session())
    else:
        with pytest.raises(PlaintextPassword):
            asyncio.run(channel.create_session())
    assert client.sent == (["secret"] if sent else [])


@pytest.mark.parametrize("offered", [["None", "Basic256Sha256", "Aes256_Sha256_RsaPss"], ["Basic256Sha256"], ["None"]])
def test_best_is_the_strongest_of_what_is_offered_and_never_none(
    rig: ModuleType, pki: Any, monkeypatch: pytest.MonkeyPatch, offered: list[str]
) -> None:
    modes = ua.MessageSecurityMode
    endpoints = [
        ua.EndpointDescription(
            SecurityPolicyUri=f"http://opcfoundation.org/UA/SecurityPolicy#{name}",
            SecurityMode=modes.None_ if name == "None" else modes.SignAndEncrypt,
            ServerCertificate=pki.server[0].read_bytes(),
        )
        for name in offered
    ]

    class Asking(Client):
        async def connect_and_get_server_endpoints(self) -> list[Any]:
            return endpoints

    monkeypatch.setattr(connect, "new_client", lambda _settings: Asking())
    settings = rig.make_settings(1, pki=pki, policy="best")
    if offered == ["None"]:
        with pytest.raises(EndpointNotOffered, match="best/SignAndEncrypt"):
            asyncio.run(connect._verified_policy(settings))
    else:
        chosen = asyncio.run(connect._verified_policy(settings))
        assert chosen.URI.endswith(offered[-1])
        assert chosen.Mode == modes.SignAndEncrypt


def test_a_user_may_show_a_certificate(rig: ModuleType, pki: Any) -> None:
    client = Client()
    settings = rig.make_settings(1, pki=pki, user_certificate=pki.server[0], user_key=pki.server[1])
    asyncio.run(Channel(settings, client).create_session())
    assert client.sent == [None]
    assert client.certificate.public_bytes(Encoding.DER) == pki.server[0].read_bytes()
    assert client.user_private_key.public_key() == client.certificate.public_key()
