"""What Modbus costs: a register against pymodbus, a map against Telegraf's optimiser, and 500 devices in one process.

Server and clients are processes of their own on loopback; the server (`modbus/server.py`) is cheaper than any client.
The clients of the first part take turns; registers per second of CPU time of the client process, system time included,
medians of five rounds. Each ends with float64 values: our driver with `SampleBatch`es, our master with columns,
pymodbus with the list of `convert_from_registers`, called once for the whole block. What asyncio and the
system take for one request and its reply is measured, too: no client can be cheaper. It is measured twice, since much
of it can be how the reply is received: into a block of 256 KiB that asyncio allocates each time, as pymodbus has it, or
into a small buffer of one's own, as we do.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "modbus")]

from bench_opcua import Peer, peer  # noqa: E402
from telegraf import TELEGRAF_FILL, scattered, telegraf_max_insert  # noqa: E402

from connectors.modbus.plan import Limits, plan  # noqa: E402

OURS = ("driver", "idle_driver", "master")
GATEWAY_LINKS = 8
ROUNDS = 5
ROUND_S = 1.0
GOAL_TIMES = 3.0
SEEDS = 20
DEVICES, TAGS = 500, 30
FLEET_ROUND_S = 3.0
GOAL_SHARE = 0.5
GOAL_SKIPPED = 0.005


def run() -> list[dict[str, Any]]:
    with peer(str(HERE / "modbus" / "server.py")) as server:
        port = server.hear()
        return [*_registers(port), _requests(), _fleet(port)]


def _client(stack: contextlib.ExitStack, port: str, way: str, *arguments: str) -> tuple[Peer, dict[str, Any]]:
    one = stack.enter_context(peer(str(HERE / "modbus" / "client.py"), way, "--port", port, *arguments))
    started: dict[str, Any] = {}
    while (line := one.hear()) != "READY":
        started = json.loads(line)
    return one, started


def _registers(port: str) -> list[dict[str, Any]]:
    eight = _costs(port, ("master", "pymodbus", "bare", "bare_buffered"), GATEWAY_LINKS)
    one = _costs(port, (*OURS, "pymodbus", "bare", "bare_buffered"), 1)
    return [_register_row("master", eight, GATEWAY_LINKS), *(_register_row(way, one, 1) for way in OURS)]


def _costs(port: str, ways: tuple[str, ...], links: int) -> dict[str, tuple[float, float]]:
    """CPU time and user time of a request, in us, of each way."""
    rounds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, seen in rounds.items():  # a driver polls all the time: only one client at once
            with contextlib.ExitStack() as stack:
                client, _ = _client(stack, port, way, "--links", str(links))
                result = json.loads(client.ask(str(ROUND_S)))
            assert not result.get("errors")
            requests = result["values"] / 50
            seen.append((result["cpu"] / requests * 1e6, result["user"] / requests * 1e6))
    return {way: (median(cpu for cpu, _ in seen), median(user for _, user in seen)) for way, seen in rounds.items()}


def _register_row(way: str, costs: dict[str, tuple[float, float]], links: int) -> dict[str, Any]:
    (ours, our_user), (theirs, their_user) = costs[way], costs["pymodbus"]
    bare, buffered = costs["bare"][0], costs["bare_buffered"][0]
    judged = links > 1  # a driver also schedules, stamps times and makes blocks, which pymodbus leaves to its user
    return {
        "name": f"modbus_registers_{way}" + ("" if links == 1 else f"_{links}_links"),
        "figure": 100 / ours * 1e6,
        "unit": f"registers per CPU-second, 100 a request, to float32, links: {links}",
        "against": "pymodbus client and convert_from_registers",
        "ratio": theirs / ours,
        "goal": f">= {GOAL_TIMES:g} times" if judged else None,
        "met": theirs / ours >= GOAL_TIMES if judged else None,
        "us_per_request": ours,
        "pymodbus_us_per_request": theirs,
        "bare_asyncio_us_per_request": bare,
        "bare_asyncio_own_buffer_us_per_request": buffered,
        # What each adds to the way in which it receives.
        **({"ratio_above_bare_asyncio": (theirs - bare) / (ours - buffered)} if way == "master" else {}),
        "ratio_user_time": their_user / our_user,
        "pymodbus_registers_per_s": 100 / theirs * 1e6,
    }


def _requests() -> dict[str, Any]:
    limits = Limits(merge_gap=TELEGRAF_FILL)
    pairs = [(len(plan(tags, limits)), telegraf_max_insert(tags)) for tags in map(scattered, range(SEEDS))]
    own, other = (median(column) for column in zip(*pairs, strict=True))
    return {
        "name": "modbus_requests",
        "figure": own,
        "unit": f"requests for 200 scattered tags, median of {SEEDS} maps",
        "against": "Telegraf's max_insert",
        "ratio": other / own,
        "goal": "never more",
        "met": all(ours <= theirs for ours, theirs in pairs),
        "telegraf": other,
        "one_by_one": 200,
    }


def _fleet(port: str) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        client, started = _client(stack, port, "fleet", "--devices", str(DEVICES), "--tags", str(TAGS))
        rounds = [json.loads(client.ask(str(FLEET_ROUND_S))) for _ in range(ROUNDS)]
    share = median(one["cpu"] / one["wall"] for one in rounds)
    skipped = sum(one["skipped"] for one in rounds) / sum(one["polls"] + one["skipped"] for one in rounds)
    return {
        "name": "modbus_500_devices",
        "figure": 100 * share,
        "unit": f"% of a core for {DEVICES} devices of {TAGS} tags at 1 s",
        "against": "half a core, no poll skipped",
        "ratio": GOAL_SHARE / share,
        "goal": f"< {GOAL_SHARE:.0%}, skipped < {GOAL_SKIPPED:.1%}",
        "met": share < GOAL_SHARE and skipped < GOAL_SKIPPED,
        "samples_per_s": median(one["values"] / one["wall"] for one in rounds),
        "polls_skipped_percent": 100 * skipped,
        "skipped_while_connecting": started["skipped"],
        "latency_p50_ms": median(one["age_p50_ms"] for one in rounds),  # from source time to block handed over
        "latency_p99_ms": median(one["age_p99_ms"] for one in rounds),
        "cpu_s_per_million_samples": median(one["cpu"] / one["values"] * 1e6 for one in rounds),
        "wrong_or_missing": sum(one["errors"] for one in rounds),
    }


if __name__ == "__main__":
    for result in run():
        print(result)
