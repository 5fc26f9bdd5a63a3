"""What a service manager wants to hear: sd_notify(3), which is one datagram with lines of text."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress

_LONGEST_STATUS = 500
_PATIENCE_S = 0.5  # with a manager whose queue is full


class Notifier:
    """Tells systemd, or podman, or nobody. A manager that does not listen is no reason to fail."""

    def __init__(self, address: str, watchdog_s: float = 0.0) -> None:
        """Nothing is sent yet.

        Args:
            address: Of a datagram socket: a path, or "@name" for one of Linux's abstract names; "" = tell nobody.
            watchdog_s: After which the manager kills us if it hears no `alive`; 0 = it does not watch.
        """
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s
        self._status = ""
        self._is_ready = False

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> Notifier:
        """As the manager asked for it. The variables are taken out: a child that had them could speak for us."""
        address = environment.pop("NOTIFY_SOCKET", "")
        micros, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        meant = pid in ("", str(os.getpid())) and micros.isdecimal()
        return cls(address, int(micros) / 1e6 if meant else 0.0)

    def ready(self) -> None:
        """The start is complete."""
        self._is_ready = True
        self._send("READY=1")

    def alive(self) -> None:
        """We make progress: the manager's watchdog begins anew."""
        if self.watchdog_s:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent when it is another than before."""
        line = " ".join(text.split())[:_LONGEST_STATUS]
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def reloading(self) -> None:
        """A reload begins; `reloaded` ends it. During the start neither is told, or that would count as complete."""
        if self._is_ready:
            self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """A reload is complete, whatever came of it."""
        if self._is_ready:
            self._send("READY=1")

    def stopping(self) -> None:
        """The end begins."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one:
            one.settimeout(_PATIENCE_S)
            one.sendto(text.encode(), self._address)
