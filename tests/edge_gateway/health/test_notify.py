"""What a service manager hears, on real datagram sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_gateway.notify import Notifier


class Manager:
    """A service manager's end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        found: list[str] = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    one = Manager(str(tmp_path / "notify") if request.param == "path" else f"@sluicegate-test-{os.getpid()}")
    yield one
    one.close()


def test_every_word_arrives(manager: Manager) -> None:
    notifier = Notifier.take({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000000"})
    notifier.reloading()  # during the start neither is told
    notifier.reloaded()
    notifier.ready()
    notifier.alive()
    notifier.status("ready;\n two")
    notifier.status("ready; two")
    notifier.stopping()
    assert manager.heard() == ["READY=1", "WATCHDOG=1", "STATUS=ready; two", "STOPPING=1"]
    notifier.reloading()
    first, second = manager.heard()[0].split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()
    notifier.reloaded()
    assert manager.heard() == ["READY=1"]


def test_the_variables_are_taken_out_of_the_environment() -> None:
    environment = {
        "NOTIFY_SOCKET": "/nowhere",
        "WATCHDOG_USEC": "2000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    assert Notifier.take(environment).watchdog_s == 2.0
    assert environment == {"HOME": "/"}


def test_a_watchdog_that_is_meant_for_another_process_is_left_alone(manager: Manager) -> None:
    notifier = Notifier.take({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"})
    notifier.alive()
    assert (notifier.watchdog_s, manager.heard()) == (0.0, [])


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens-here"])
def test_nobody_who_listens_is_no_trouble(address: str) -> None:
    Notifier(address, 1.0).alive()


def test_a_manager_that_does_not_read_does_not_hold_us(manager: Manager) -> None:
    notifier = Notifier(manager.address, 1.0)
    began, sent = time.monotonic(), 0
    while time.monotonic() - began < 0.4:  # until the queue is full
        notifier.alive()
        sent += 1
    assert time.monotonic() - began < 2
    assert 0 < len(manager.heard()) <= sent


def test_a_long_line_is_cut(manager: Manager) -> None:
    Notifier(manager.address).status("x" * 10_000)
    assert len(manager.heard()[0]) == 507
