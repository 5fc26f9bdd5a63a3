"""What a value costs on its way in over OPC-UA: our driver against asyncua's subscription handler, in the same run.

Both are processes of their own, connected to one server (`opcua/flood.py`) that sends as fast as they ask, and take
turns; values per second of CPU time of the client process, system time included, median of the rounds. Ours ends with
`SampleBatch`es of 100 tags an asset, theirs with a call for each value.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import IO, Any

from connectors.opcua.certificates import make_self_signed

HERE = Path(__file__).parent / "opcua"
ROUNDS = 5
SIZES = (100, 1000, 5000)
GOALS = {(100, "alike"): 4.0, (1000, "alike"): 20.0, (5000, "alike"): 20.0, (1000, "mixed"): 20.0}
# alike: neighbours of one type; mixed: the types of neighbours are drawn at random, the worst order there is.
CASES = [(size, kind, secure) for size, kind in GOALS for secure in (False, True)]


class Peer:
    """A process that is asked by lines and answers by lines."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin: IO[str] = self._process.stdin
        self._stdout: IO[str] = self._process.stdout

    def hear(self) -> str:
        line = self._stdout.readline()
        if not line:
            msg = f"{self._process.args!r} ended with {self._process.wait()}"
            raise RuntimeError(msg)
        return line.strip()

    def say(self, line: str) -> None:
        self._stdin.write(f"{line}\n")
        self._stdin.flush()

    def ask(self, line: str) -> str:
        self.say(line)
        return self.hear()

    def close(self) -> None:
        self._stdin.close()  # they end by themselves
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()


@contextlib.contextmanager
def peer(script: str, *arguments: str) -> Iterator[Peer]:
    one = Peer(script, *arguments)
    try:
        yield one
    finally:
        one.close()


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name, socket.socket() as free:
        folder = Path(name)
        server = make_self_signed(folder / "server", "urn:bench:server", ["127.0.0.1"])
        gateway = make_self_signed(folder / "gateway", "urn:bench:gateway", ["127.0.0.1"])
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        arguments = ("--port", port, "--certificate", str(server[0]), "--key", str(server[1]))
        security = ("--certificate", str(gateway[0]), "--key", str(gateway[1]), "--trusted", str(server[0]))
        with peer("flood.py", *arguments, "--nodes", str(max(SIZES))) as flood:
            flood.hear()
            return [_case(flood, port, *case, security) for case in CASES]


def _case(flood: Peer, port: str, size: int, kind: str, secure: bool, security: tuple[str, ...]) -> dict[str, Any]:
    arguments = ("--port", port, "--items", str(size), "--kind", kind, *(security if secure else ()))
    with contextlib.ExitStack() as stack:
        clients = []
        for side in ("ours", "theirs"):  # one after the other: so the newest subscription is that of the client
            client = stack.enter_context(peer("client.py", side, *arguments))
            client.hear()
            clients.append((client, flood.ask("newest")))
        rounds = [[_measure(flood, client, number) for client, number in clients] for _ in range(ROUNDS)]
    own_us, other_us = (median(one["cpu"] / one["values"] * 1e6 for one in side) for side in zip(*rounds, strict=True))
    goal = GOALS[size, kind]
    mode = "Basic256Sha256 SignAndEncrypt" if secure else "None"
    result = {
        "name": f"opcua_{size}_{kind}_{'encrypted' if secure else 'clear'}",
        "figure": own_us,
        "unit": f"us CPU per value, {size} items a message, {mode}",
        "against": "asyncua datachange_notification",
        "ratio": other_us / own_us,
        "goal": f">= {goal:g} times",
        "met": other_us / own_us >= goal,
        "values_per_s": 1e6 / own_us,
        "asyncua_us": other_us,
    }
    if size == max(SIZES):
        own_mb, other_mb = (one["rss_growth_mb"] * 10_000 / size for one in rounds[-1])
        result |= {"mb_per_10k_items": own_mb, "asyncua_mb_per_10k_items": other_mb}
    return result


def _measure(flood: Peer, client: Peer, subscription: str) -> dict[str, float]:
    client.say("go")
    flood.say(subscription)
    result: dict[str, float] = json.loads(client.hear())
    flood.say("0")
    return result


if __name__ == "__main__":
    for result in run():
        print(result)
