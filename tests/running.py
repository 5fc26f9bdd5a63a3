"""What tests run beside themselves, in processes of their own: a plant, a gateway. And how they wait for it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_gateway.demo.files import config_text

Process = subprocess.Popen[bytes]
_STOPS_WITHIN_S = 25.0


@dataclass
class Plant:
    """A simulated plant that serves.

    Attributes:
        process: It stops by itself when its standard input ends, also because the test was killed.
        facts: Where it serves, as it said first.
    """

    process: subprocess.Popen[str]
    facts: dict[str, Any]

    def say(self, line: str) -> dict[str, Any]:
        """Give an order; its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@contextlib.contextmanager
def plant(folder: Path, seed: int = 3) -> Iterator[Plant]:
    """Run one.

    Args:
        folder: For its certificate; it is made.
        seed: Of what its machines do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "connectors.simulator", "--seed", str(seed), "--folder", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Plant(process, json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            finally:
                process.kill()  # it is waited for where it was begun


def hasty(facts: dict[str, Any], epoch: str = "1s") -> str:
    """The configuration of the demo for a plant, with windows of one second that close and arrive soon."""
    text = config_text(facts)
    for old, new in (
        ('length = "3s"', 'length = "1s"'),
        ('lateness = "1s"', 'lateness = "500ms"'),
        ('data = "data"', f'data = "data"\nepoch = "{epoch}"'),
        ('summary_file = "10s"', 'summary_file = "5s"'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def sluicegate(*words: object) -> list[str]:
    """The command line of the gateway under test."""
    return [sys.executable, "-m", "edge_gateway", *map(str, words)]


def start(log: Path, *words: object, before: tuple[str, ...] = (), env: Mapping[str, str] = os.environ) -> Process:
    """Begin `sluicegate` with these words, and do not wait.

    Args:
        log: What it says is appended.
        words: Of the command.
        before: A command that runs it, such as `ip netns exec`.
        env: Of the process. It ends when the test does.
    """
    with log.open("ab") as said:
        return subprocess.Popen(
            [*before, *sluicegate(*words)],
            stdout=said,
            stderr=said,
            env={**env, "SLUICEGATE_PARENT": str(os.getpid())},
        )


@contextlib.contextmanager
def gateway(config: Path, log: Path, *words: object) -> Iterator[Process]:
    """`sluicegate run`, stopped at the end as an operator would, unless it has stopped before."""
    process = start(log, "run", config, *words)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOPS_WITHIN_S)
        finally:
            process.kill()
            process.wait()


def drain(config: Path) -> int:
    """Deliver what waits; the exit code."""
    return subprocess.run(sluicegate("run", config, "--only", "deliver", "--drain"), check=False).returncode


def until(happened: Callable[[], object], seconds: float, what: str) -> float:
    """Wait for it; how long it took, s.

    Raises:
        AssertionError: It did not happen.
    """
    began = time.monotonic()
    while not happened():
        assert time.monotonic() < began + seconds, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began
