"""C8: each way TLS can fail has its own name, and the check is never switched off."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest
from certificates import Authority, server_context
from fault_server import FaultServer

from cloud_sink.uplink.connection import Uplink
from cloud_sink.uplink.tls import Trust
from cloud_sink.uplink.words import Limits, LinkError, Origin, Trouble

pytestmark = pytest.mark.integration


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@contextlib.contextmanager
def talk(server_tls, trust):
    with FaultServer(tls=server_tls) as server:
        door = Uplink(Origin("https", "127.0.0.1", server.port), trust, Limits(connect=2, stall=2, answer=2))
        yield server, door
        door.close()


def trouble(server_tls, trust):
    with talk(server_tls, trust) as (server, door):
        with pytest.raises(LinkError) as caught:
            door.exchange("PUT", "/k", {"authorization": "Bearer secret"}, b"body")
        assert not server.requests, "nothing was told to a server that is not trusted"
        return caught.value.trouble


def alone(serve, trust):
    """The trouble with a server that takes one connection and is not asyncio's, which swallows alerts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        door = Uplink(Origin("https", "127.0.0.1", listener.getsockname()[1]), trust, Limits(connect=2, stall=2))
        with pytest.raises(LinkError) as caught:
            door.exchange("PUT", "/k", {}, b"body")
        thread.join()
        return caught.value.trouble


def test_a_trusted_server(authority):
    with talk(server_context(authority.issue("server")), Trust(authority.file)) as (server, door):
        assert door.exchange("PUT", "/k", {}, bytes(300_000)).status == 200
        assert door.exchange("GET", "/k", {}, most=400_000).body == bytes(300_000)
        assert server.most_connections == 1


def test_a_second_connection_resumes_the_first_and_renewed_files_end_that(authority, tmp_path):
    mine = tmp_path / "mine.pem"
    mine.write_bytes(authority.issue("one").read_bytes())
    server = server_context(authority.issue("server"), clients=authority.file)
    with talk(server, Trust(authority.file, mine)) as (_, door):
        reused = []
        for i in range(4):
            if i == 2:
                mine.write_bytes(authority.issue("two").read_bytes())
            assert door.exchange("PUT", f"/{i}", {}, b"body").status == 200
            reused.append(door._line._sock.session_reused)
            door.close()
        assert reused == [False, True, False, True]


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        ({"until": -0.5}, Trouble.TLS_EXPIRED),
        ({"since": 0.5}, Trouble.TLS_NOT_YET_VALID),
        ({"host": "127.0.0.2"}, Trouble.TLS_NAME),
    ],
)
def test_a_certificate_that_is_not_good(authority, certificate, expected):
    assert trouble(server_context(authority.issue("server", **certificate)), Trust(authority.file)) is expected


def test_an_unknown_authority(authority, tmp_path):
    other = Authority(tmp_path, "other CA")
    assert trouble(server_context(other.issue("server")), Trust(authority.file)) is Trouble.TLS_UNTRUSTED
    assert trouble(server_context(other.issue("server")), Trust()) is Trouble.TLS_UNTRUSTED


def test_our_own_certificate(authority, tmp_path):
    server = server_context(authority.issue("server"), clients=authority.file)
    with talk(server, Trust(authority.file, authority.issue("client"))) as (_, door):
        assert door.exchange("PUT", "/k", {}, b"body").status == 200


@pytest.mark.parametrize("ours", ["none", "expired", "stranger"])
def test_our_own_certificate_is_not_good(authority, tmp_path, ours):
    match ours:
        case "none":
            mine = None
        case "expired":
            mine = authority.issue("expired", since=-2, until=-1)
        case _:
            mine = Authority(tmp_path, "other CA").issue("stranger")
    strict = server_context(authority.issue("server"), clients=authority.file)

    def handshake(connection):
        with connection.dup() as rest:
            with pytest.raises(ssl.SSLError):
                strict.wrap_socket(connection, server_side=True)  # sends the alert itself
            while rest.recv(1000):  # hanging up on unread bytes would be a reset, which overtakes the alert
                pass

    assert alone(handshake, Trust(authority.file, mine)) is Trouble.TLS_OURS


@pytest.mark.parametrize("content", [None, "nonsense"])
def test_our_files_are_not_what_they_should_be(authority, tmp_path, content):
    wrong = tmp_path / "wrong.pem"
    if content is not None:
        wrong.write_text(content)
    server = server_context(authority.issue("server"))
    assert trouble(server, Trust(wrong)) is Trouble.TLS_OURS
    assert trouble(server, Trust(authority.file, wrong)) is Trouble.TLS_OURS


def test_renewed_files_need_no_restart(authority, tmp_path):
    mine = tmp_path / "mine.pem"
    mine.write_bytes(authority.issue("old", since=-2, until=-1).read_bytes())
    server = server_context(authority.issue("server"), clients=authority.file)
    with talk(server, Trust(authority.file, mine)) as (_, door):
        with pytest.raises(LinkError):
            door.exchange("PUT", "/k", {}, b"body")
        mine.write_bytes(authority.issue("new").read_bytes())
        assert door.exchange("PUT", "/k", {}, b"body").status == 200


def test_a_server_that_does_not_speak_tls():
    def refuse(connection):
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert alone(refuse, Trust()) is Trouble.TLS_OTHER
