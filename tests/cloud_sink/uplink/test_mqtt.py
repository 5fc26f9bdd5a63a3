"""The publisher against scripted brokers on real sockets, and against mosquitto where it is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest
from certificates import Authority

from cloud_sink.uplink.line import Line
from cloud_sink.uplink.mqtt import Broker, BrokerRefused, connect_packet, publish_packet
from cloud_sink.uplink.tls import Trust
from cloud_sink.uplink.words import Limits, LinkError, Origin, Trouble

pytestmark = pytest.mark.integration
QUICK = Limits(connect=2, stall=0.3, answer=0.4)
YES = b"\x20\x02\x00\x00"


def test_packets_as_the_standard_writes_them():
    assert connect_packet("gw", None) == b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02gw"
    assert connect_packet("g", ("u", "pw")) == b"\x10\x14\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01g\x00\x01u\x00\x02pw"
    assert publish_packet("a/b", 10, b"x") == b"\x32\x08\x00\x03a/b\x00\x0ax"


@pytest.mark.parametrize(
    ("size", "length"), [(121, b"\x7f"), (122, b"\x80\x01"), (16377, b"\xff\x7f"), (16378, b"\x80\x80\x01")]
)
def test_remaining_length(size, length):
    assert publish_packet("ab", 1, bytes(size))[1 : 1 + len(length)] == length


def publish(serve, messages=(b"one", b"two"), times=1):
    """Publish to a broker that serves each connection so; what the last one got."""
    got = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        serve(connection, got)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        broker = Broker(Line(Origin("mqtt", "127.0.0.1", listener.getsockname()[1]), limits=QUICK), "gw", lambda: None)
        try:
            for _ in range(times):
                broker.publish("t", messages)
        finally:
            broker.close()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
    return got


def good(connection, got):
    file = connection.makefile("rb")
    while head := file.read(2):
        body = file.read(head[1])
        if head[0] == 0x10:
            connection.sendall(YES)
        else:
            got.append(body[5:])
            connection.sendall(b"\x40\x02" + body[3:5])


def test_each_is_acknowledged_and_the_connection_is_kept():
    opened = []

    def counted(connection, got):
        opened.append(1)
        good(connection, got)

    messages = [b"%d" % i for i in range(50)]
    assert publish(counted, messages, times=3) == messages * 3
    assert len(opened) == 1


def test_a_kept_connection_that_was_closed_costs_nothing():
    def once(connection, got):
        good(_Ends(connection), got)

    assert publish(once, times=2) == [b"one", b"two"] * 2


class _Ends:
    """A connection that its server closes after two messages."""

    def __init__(self, connection):
        self._connection = connection
        self._left = 3

    def makefile(self, mode):
        return self

    def read(self, size):
        return self._connection.recv(size, socket.MSG_WAITALL) if self._left else b""

    def sendall(self, data):
        self._left -= 1
        self._connection.sendall(data)


def says(*answers):
    """Answer each packet so, then hang up."""

    def serve(connection, got):
        for answer in answers:
            connection.recv(1000)
            connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)

    return serve


@pytest.mark.parametrize(
    ("serve", "trouble"),
    [
        (says(b""), Trouble.CUT),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Trouble.FOREIGN),
        (says(b"\x40\x02\x00\x01"), Trouble.FOREIGN),
        (says(b"\x20\x03\x00\x00\x00"), Trouble.FOREIGN),
        (says(YES, b"\x40\x02\x00\x09"), Trouble.FOREIGN),
        (says(YES, b"\x40\x02\x00\x01"), Trouble.CUT),
        (says(YES, b"\x40\x02\x00\x01\x40\x02\x00\x01"), Trouble.FOREIGN),
        (lambda connection, got: time.sleep(1), Trouble.SILENT),
    ],
)
def test_trouble(serve, trouble):
    with pytest.raises(LinkError) as caught:
        publish(serve)
    assert caught.value.trouble is trouble


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_refused(code):
    with pytest.raises(BrokerRefused) as caught:
        publish(says(b"\x20\x02\x00" + bytes([code])))
    assert caught.value.code == code


MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextlib.contextmanager
def mosquitto(folder, *lines):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (folder / "mosquitto.conf").write_text("\n".join([f"listener {port} 127.0.0.1", *lines, ""]))
    code = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, MOSQUITTO, "-c", str(folder / "mosquitto.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            assert process.poll() is None, "mosquitto did not start"
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def subscribe(port, topic, count, done):
    """A subscriber of the standard's four packets, with QoS 1."""
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall(connect_packet("reader", None))
    assert connection.recv(4, socket.MSG_WAITALL) == YES
    connection.sendall(bytes([0x82, len(topic) + 5, 0, 1, 0, len(topic)]) + topic.encode() + b"\x01")
    assert connection.recv(5, socket.MSG_WAITALL) == b"\x90\x03\x00\x01\x01"

    def read():
        for _ in range(count):
            _, length = connection.recv(2, socket.MSG_WAITALL)
            body = connection.recv(length, socket.MSG_WAITALL)
            done.append(body[4 + body[1] :])
            connection.sendall(b"\x40\x02" + body[2 + body[1] : 4 + body[1]])
        connection.close()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt install mosquitto")
class TestMosquitto:
    def test_every_message_arrives(self, tmp_path):
        with mosquitto(tmp_path, "allow_anonymous true") as port:
            got = []
            reader = subscribe(port, "plant/gw/alerts", 120, got)
            broker = Broker(Line(Origin("mqtt", "127.0.0.1", port)), "gw", lambda: None)
            messages = [b"%d" % i for i in range(60)]
            broker.publish("plant/gw/alerts", messages)
            broker.publish("plant/gw/alerts", messages)
            reader.join(10)
            assert got == messages * 2
            broker.close()

    def test_a_large_message(self, tmp_path):
        with mosquitto(tmp_path, "allow_anonymous true") as port:
            broker = Broker(Line(Origin("mqtt", "127.0.0.1", port)), "gw", lambda: None)
            broker.publish("t", [bytes(1_000_000)])
            broker.close()

    def test_nobody_is_let_in_without_a_password(self, tmp_path):
        with mosquitto(tmp_path, "allow_anonymous false") as port:
            broker = Broker(Line(Origin("mqtt", "127.0.0.1", port)), "gw", lambda: ("u", "wrong"))
            with pytest.raises(BrokerRefused) as caught:
                broker.publish("t", [b"x"])
            assert caught.value.code in (4, 5)

    def test_tls_with_a_certificate_of_ours(self, tmp_path):
        authority = Authority(tmp_path)
        server = authority.issue("server")
        lines = [
            "allow_anonymous true",
            f"cafile {authority.file}",
            f"certfile {server}",
            f"keyfile {server}",
            "require_certificate true",
            "user root" if os.getuid() == 0 else "",
        ]
        with mosquitto(tmp_path, *lines) as port:
            trust = Trust(authority.file, authority.issue("client"))
            broker = Broker(Line(Origin("mqtts", "127.0.0.1", port), trust), "gw", lambda: None)
            broker.publish("t", [b"x"])
            broker.close()
