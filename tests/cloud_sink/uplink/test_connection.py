"""The door on real sockets: C5-C8 as the wire sees them. What each trouble means is in test_outcomes."""

from __future__ import annotations

import socket
import time

import fault_server as fault
import pytest
from fault_server import FaultServer

from cloud_sink.uplink.connection import Uplink
from cloud_sink.uplink.pace import Pace
from cloud_sink.uplink.words import Limits, LinkError, Origin, Trouble

pytestmark = pytest.mark.integration
QUICK = Limits(connect=2, stall=0.3, answer=0.4)


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def door(server):
    door = Uplink(Origin("http", "127.0.0.1", server.port), limits=QUICK)
    yield door
    door.close()


def trouble(door, body=b"x" * 100):
    with pytest.raises(LinkError) as caught:
        door.exchange("PUT", "/k", {}, body)
    return caught.value.trouble


def test_a_request_and_its_answer(server, door):
    answer = door.exchange("PUT", "/a%20b", {"x-one": "1"}, b"body")
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("PUT", "/a%20b", b"body")
    assert request.headers == {"host": f"127.0.0.1:{server.port}", "x-one": "1", "content-length": "4"}
    assert (answer.status, answer.headers["etag"]) == (200, f'"{request.md5}"')
    assert door.sent == len(f"PUT /a%20b HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\nx-one: 1\r\n") + 25


def test_one_connection_for_many_requests(server, door):
    for i in range(5):
        assert door.exchange("PUT", f"/{i}", {}, b"body").status == 200
        assert door.exchange("HEAD", f"/{i}", {}).headers["content-length"] == "4"
        assert door.exchange("GET", f"/{i}", {}).body == b"body"
    assert server.most_connections == 1


def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing(server, door):
    server.script.append(fault.close_after(server.usual))
    assert door.exchange("PUT", "/a", {}, b"1").status == 200
    assert door.exchange("PUT", "/b", {}, b"2").status == 200
    assert server.objects.keys() == {"/a", "/b"}


def test_an_idle_connection_is_not_trusted(server):
    now = [0.0]
    door = Uplink(Origin("http", "127.0.0.1", server.port), limits=QUICK, monotonic=lambda: now[0])
    for _ in range(2):
        door.exchange("PUT", "/a", {}, b"1")
        first = door._line._sock
        now[0] += 14
        door.exchange("PUT", "/a", {}, b"1")
        assert door._line._sock is first
        now[0] += 15
        door.exchange("PUT", "/a", {}, b"1")
        assert door._line._sock is not first
    door.close()


def test_redirects_are_answers_and_nobody_else_is_asked(server, door):
    server.script.append(fault.login())
    assert door.exchange("PUT", "/a", {}, b"1").status == 302
    assert len(server.requests) == 1


def test_no_proxy_of_the_environment_is_asked(server, door, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert door.exchange("PUT", "/a", {}, b"1").status == 200


def test_an_early_refusal_of_a_large_body_is_heard(server, door):
    server.script.append(fault.refuse_early(413))
    assert door.exchange("PUT", "/a", {}, bytes(3_000_000)).status == 413
    assert door.exchange("PUT", "/a", {}, b"1").status == 200


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (fault.cut_in_body(), Trouble.CUT),
        (fault.cut_in_answer(), Trouble.CUT),
        (fault.silent(), Trouble.SILENT),
        (fault.drip(), Trouble.SILENT),
        (fault.nonsense(), Trouble.FOREIGN),
    ],
)
def test_trouble(server, door, script, expected):
    server.script.append(script)
    assert trouble(door, bytes(1_000_000)) is expected
    assert door.exchange("PUT", "/again", {}, b"1").status == 200, "on a new connection"


def test_a_cut_on_a_fresh_connection_is_not_tried_twice(server, door):
    server.script.append(fault.cut_in_body())
    assert trouble(door) is Trouble.CUT
    assert len(server.requests) == 1


def test_a_black_hole_takes_the_stall_and_not_minutes(server, door):
    server.script.append(fault.silent())
    began = time.monotonic()
    trouble(door)
    assert 0.3 <= time.monotonic() - began < 2


def test_a_slow_link_is_slow_and_not_broken():
    """The whole request takes several times the stall, and the kernel holds most of it for most of the time."""
    with FaultServer(rate=200_000) as server:
        door = Uplink(Origin("http", "127.0.0.1", server.port), limits=QUICK)
        began = time.monotonic()
        assert door.exchange("PUT", "/a", {}, bytes(400_000)).status == 200
        assert time.monotonic() - began > 1.5
        door.close()


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        assert trouble(Uplink(Origin("http", "127.0.0.1", taken.getsockname()[1]))) is Trouble.UNREACHABLE


def test_no_answer_to_the_first_packet(monkeypatch):
    def connect(*_):
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert trouble(Uplink(Origin("http", "192.0.2.1", 80))) is Trouble.UNREACHABLE


def test_a_name_that_nobody_knows(monkeypatch):
    assert trouble(Uplink(Origin("http", "no-such-host.invalid", 80))) in (Trouble.DNS, Trouble.NO_LINK)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "later"), Trouble.NO_LINK),
        (socket.gaierror(socket.EAI_NONAME, "never"), Trouble.DNS),
        (OSError(101, "Network is unreachable"), Trouble.NO_LINK),
        (OSError(113, "No route to host"), Trouble.NO_LINK),
    ],
)
def test_no_link(monkeypatch, error, expected):
    def fails(*_, **named):
        if not named.get("flags"):
            raise error
        raise socket.gaierror(socket.EAI_NONAME, "not an address")

    if isinstance(error, socket.gaierror):
        monkeypatch.setattr(socket, "getaddrinfo", fails)
        door = Uplink(Origin("http", "h", 80))
    else:
        monkeypatch.setattr(socket.socket, "connect", fails)
        door = Uplink(Origin("http", "192.0.2.1", 80))
    assert trouble(door) is expected
    assert door.sent == 0


@pytest.mark.parametrize("bad", [{"a": "1\r\nx: y"}, {"a": "é"}, {"a\n": "1"}])
def test_nobody_writes_a_request_of_his_own(server, door, bad):
    with pytest.raises(ValueError, match="does not belong"):
        door.exchange("PUT", "/a", bad, b"1")
    with pytest.raises(ValueError, match="does not belong"):
        door.exchange("PUT", "/a HTTP/1.1\r\nx:", {}, b"1")
    assert not server.requests


def test_the_pace_is_kept(server):
    slept = []
    now = [0.0]

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(10_000, sleep, lambda: now[0])
    door = Uplink(Origin("http", "127.0.0.1", server.port), pace=pace)
    door.exchange("PUT", "/a", {}, bytes(200_000))
    assert sum(slept) == pytest.approx(20, rel=0.15)
    door.close()


@pytest.mark.parametrize("secret", ["abc/def==", "abc\\/def=="])
def test_a_refusal_that_repeats_our_token_is_told_without_it(secret):
    """S3 repeats a session token that expired (`<Token-0>`), some servers all headers; JSON may escape a slash."""
    headers = {"authorization": "Bearer abc/def==", "x-amz-security-token": "session"}
    body = f"you said {secret} and session".encode()
    with FaultServer() as server:
        server.script += [fault.status(403, {}, body), fault.status(200, {}, body)]
        door = Uplink(Origin("http", "127.0.0.1", server.port))
        assert door.exchange("PUT", "/a", headers).body == b"you said *** and ***"
        assert door.exchange("GET", "/a", headers).body == body, "what is read back is compared"
        door.close()
