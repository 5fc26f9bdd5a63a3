"""A resolver that hangs, that says no, and addresses of which only one answers (fault C8)."""

from __future__ import annotations

import socket
import threading

import pytest

from cloud_sink.uplink.line import Line
from cloud_sink.uplink.names import Names
from cloud_sink.uplink.words import Limits, LinkError, Origin, Trouble


class Resolver:
    """In place of the system's."""

    def __init__(self, monkeypatch):
        self.real = socket.getaddrinfo
        self.answering = threading.Event()
        self.found = []
        self.asked = 0
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, port, **options):
        if options.get("flags"):
            return self.real(host, port, **options)
        self.asked += 1
        assert self.answering.wait(10)
        if isinstance(self.found, Exception):
            raise self.found
        return [self.real(address, port, type=socket.SOCK_STREAM)[0] for address in self.found]


@pytest.fixture
def resolver(monkeypatch):
    resolver = Resolver(monkeypatch)
    yield resolver
    resolver.answering.set()


def test_one_that_hangs_is_given_up_and_asked_once(resolver):
    names = Names(Origin("https", "hub.example", 443))
    for _ in range(3):
        with pytest.raises(
            LinkError, match=r"https://hub\.example: the resolver does not answer within 0\.01 s"
        ) as error:
            names.addresses(0.01)
        assert error.value.trouble is Trouble.NO_LINK
    assert resolver.asked == 1
    assert sum(thread.name == "look-up of hub.example" for thread in threading.enumerate()) == 1
    resolver.found = ["192.0.2.7"]
    resolver.answering.set()
    assert [address for *_, address in names.addresses(10)] == [("192.0.2.7", 443)]


def test_what_it_said_is_not_kept(resolver):
    names = Names(Origin("https", "hub.example", 443))
    resolver.answering.set()
    for address in ("192.0.2.7", "192.0.2.8"):
        resolver.found = [address]
        assert names.addresses(10)[0][4][0] == address
    resolver.found = socket.gaierror(socket.EAI_NONAME, "unknown")
    with pytest.raises(socket.gaierror):
        names.addresses(10)


def test_an_address_is_not_looked_up(resolver):
    assert Names(Origin("http", "127.0.0.1", 80)).addresses(10)[0][4] == ("127.0.0.1", 80)
    assert Names(Origin("http", "::1", 80)).addresses(10)[0][4][:2] == ("::1", 80)
    assert resolver.asked == 0


def test_a_name_that_can_be_none_is_not_known():
    with pytest.raises(LinkError) as caught:
        Names(Origin("http", "a" * 64 + ".example", 80)).addresses(10)
    assert caught.value.trouble is Trouble.DNS


@pytest.mark.integration
def test_the_next_address_is_tried_where_one_does_not_answer(resolver):
    resolver.answering.set()
    resolver.found = ["127.0.0.9", "127.0.0.1"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = Line(Origin("http", "hub.example", listener.getsockname()[1]), limits=Limits(connect=2))
        line.open()
        accepted, peer = listener.accept()
        accepted.close()
        assert peer[0] == "127.0.0.1"
        line.close()


@pytest.mark.integration
def test_of_addresses_that_all_refuse_the_last_one_says_why(resolver):
    resolver.answering.set()
    resolver.found = ["127.0.0.9", "127.0.0.1"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        Line(Origin("http", "hub.example", port), limits=Limits(connect=2)).open()
