"""Commands on standard input, answers on standard output: one line each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from typing import Any, Protocol

from connectors.simulator.faults import TRAITS, make_injection
from connectors.simulator.scenery import Machine
from connectors.simulator.tags import DEFAULT_PUMP

_STDIN, _STDOUT = 0, 1
_HELP = "commands are: inject NAME [ASSET], clear, quit"


class _Counts(Protocol):
    @property
    def late_ticks(self) -> int: ...


class Console:
    """What a line of input does. Lives in the event loop, between two ticks of the plant."""

    def __init__(self, machine: Machine, counts: _Counts, stop: asyncio.Event, *, serve: bool) -> None:
        """Args: serve = the end of the input does not stop the plant."""
        self._machine = machine
        self._counts = counts
        self._stop = stop
        self._serve = serve

    def obey(self, line: str | None) -> None:
        """Act on a line and answer; None is the end of the input."""
        words = line.split() if line is not None else []
        match words:
            case [] if line is None:
                if not self._serve:
                    self._stop.set()
            case ["inject", name] | ["inject", name, _]:
                self._inject(name, words[2] if len(words) == 3 else DEFAULT_PUMP)
            case ["clear"]:
                if self._machine.board is not None:
                    self._machine.board.clear()
                self._answer("cleared")
            case ["quit"]:
                self._answer("stopped")
                self._stop.set()
            case _:
                say(event="error", message=f"{line!r}: {_HELP}")

    def _inject(self, name: str, asset: str) -> None:
        board = self._machine.board
        if board is None:
            say(event="error", message="this plant has no faults; the pump station has")
            return
        try:
            injection = make_injection(name, asset, self._machine.next_step_time)
        except ValueError as error:
            say(event="error", message=str(error))
            return
        board.inject(injection)
        traits = TRAITS[injection.fault]
        self._answer("injected", fault=name, asset=asset, tags=traits.tags, ramp_s=traits.ramp_s)

    def _answer(self, event: str, **facts: Any) -> None:
        """The time is that of the first samples that can show it."""
        say(event=event, time=self._machine.next_step_time, late_ticks=self._counts.late_ticks, **facts)


def say(**facts: Any) -> None:
    """Write one JSON line to standard output, unbuffered; nobody needs to be there to read it."""
    with contextlib.suppress(BrokenPipeError):
        os.write(_STDOUT, json.dumps(facts).encode() + b"\n")


def read_lines(loop: asyncio.AbstractEventLoop, obey: Callable[[str | None], None]) -> None:
    """Hand lines of standard input to the loop, None at the end. Runs in a thread: files and terminals block.

    It reads the descriptor itself, since a daemon thread inside `sys.stdin` can abort the interpreter's exit.
    """
    rest = b""
    with contextlib.suppress(RuntimeError):  # the loop closed while we read
        while piece := os.read(_STDIN, 4096):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                loop.call_soon_threadsafe(obey, line.decode(errors="replace"))
        loop.call_soon_threadsafe(obey, None)
