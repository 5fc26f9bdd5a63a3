"""Every fault of acquisition over OPC-UA, SignAndEncrypt, against servers of two families. README.md has the ids."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connectors import status
from connectors.samples import Origin

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60)]

BAD_NODE_ID_UNKNOWN = 0x80340000
UNCERTAIN_LAST_USABLE = 0x40900000
Settle = Callable[[Any], Any]  # of conftest.py, as are `harness`, `server` and `pki`


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.opcua.link.PATIENCE_S", 0.5)
    monkeypatch.setattr("connectors.opcua.gaps.SETTLING_NS", 500_000_000)


async def _tasks() -> int:
    names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]
    return len([name for name in names if not name.startswith("Proxy")])


def test_a11_every_type_and_its_extremes(harness: ModuleType, server: Any, settle: Settle) -> None:
    """Mapped or refused as README.md says."""
    server.need()

    async def scenario() -> None:
        names = [one["name"] for one in harness.TYPES]
        async with harness.running(harness.make_settings(server, server.port, ("tick", *names))) as run:
            began = time.monotonic()
            await run.ticks(3)
            settle(harness.account(run, server, "A11", f"{len(names)} types and extremes", began))
            for one in harness.TYPES:
                samples = run.samples(one["name"])
                assert samples, one
                if "status" in one:
                    code = getattr(status, one["status"])
                    assert [(math.isnan(v), c) for v, c, _ in samples] == [(True, code)], one
                else:
                    expected = one["expect"] if isinstance(one["expect"], list) else [one["expect"]]
                    assert [c for _, c, _ in samples] == [0] * len(expected), one
                    assert str([v for v, _, _ in samples]) == str([float(x) for x in expected]), one

    asyncio.run(scenario())


@pytest.mark.parametrize("what", ["session", "subscription"])
def test_a3_session_or_subscription_vanishes(harness: ModuleType, server: Any, settle: Settle, what: str) -> None:
    """Over a connection that stays: rebuilt, initial values, a gap from and to, nothing left at the server."""
    server.need()

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port)) as run:
            await run.ticks(5)
            before = len(run.items)
            await server.tell(f"forget {what}")
            healed = time.monotonic()
            await run.ticks(10, since=before)
            await run.until(lambda: 42.0 in run.good("setpoint", since=before), "initial value")
            report = await server.tell("report")
            assert (report["sessions"], report["subscriptions"]) == (1, 1)
            settle(harness.account(run, server, "A3", f"{what} vanishes, TCP stays", healed))
            assert [gap.reason for gap in run.gaps()] == ["link_down"]

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["black hole", "frozen server"])
def test_a4_silence_of_the_path(harness: ModuleType, server: Any, settle: Settle, how: str) -> None:
    """Half-open TCP: the watchdog bites, nothing that the server kept is lost."""
    server.need()

    async def scenario() -> None:
        async with (
            harness.RIG.proxied(server.port) as proxy,
            harness.running(harness.make_settings(server, proxy.port)) as run,
        ):
            await run.ticks(5)
            if how == "black hole":
                proxy.mode = "blackhole"
            else:
                server.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(2.0)
            assert run.driver.counters()["errors"] >= 1, "nobody noticed"
            before = len(run.items)
            proxy.mode = "pass"
            server.process.send_signal(signal.SIGCONT)
            healed = time.monotonic()
            await run.ticks(10, since=before)
            one = settle(harness.account(run, server, "A4", f"{how}, 2 s", healed))
            assert (one.lost, run.gaps()) == (0, [])
            assert run.driver.counters()["sessions_created"] == 1

    asyncio.run(scenario())


def test_a5_bad_uncertain_and_no_value(harness: ModuleType, server: Any, settle: Settle) -> None:
    """One tag; the others flow. Nothing without a good status carries a number that is not its own."""
    server.need()

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port)) as run:
            await run.ticks(5)
            for change in (f"{status.BAD_SENSOR_FAILURE}", f"{UNCERTAIN_LAST_USABLE}", "0 Null"):
                before = len(run.items)
                await server.tell(f"status level {change}")
                await run.ticks(5, since=before)
            await server.tell("status level 0")
            healed = time.monotonic()
            before = len(run.items)
            await run.ticks(3, since=before)
            await run.until(lambda: len(run.good("level", since=before)) > 0, "level")
            one = settle(harness.account(run, server, "A5", "one tag Bad, Uncertain, without a value", healed))
            assert (one.lost, one.repeated, run.gaps()) == (0, 0, [])
            codes = run.codes("level")
            expected = {status.BAD_SENSOR_FAILURE, UNCERTAIN_LAST_USABLE}
            if server.kind != "asyncua":  # asyncua's server never tells a subscription of a value that is none
                expected.add(status.BAD_WAITING_FOR_INITIAL_DATA)
            assert expected <= set(codes)
            assert set(run.codes("tick")) == {0}
            assert all(math.isnan(value) for value, code, _ in run.samples("level") if code >> 31)

    asyncio.run(scenario())


@pytest.mark.parametrize("kept", [True, False], ids=["republish", "no_republish"])
def test_a6_messages_missing(harness: ModuleType, server: Any, settle: Settle, kept: bool) -> None:
    """Three messages are never sent. Fetched again and marked as replayed, or a gap event and all values read."""
    server.need()

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port)) as run:
            await run.ticks(5)
            before = len(run.items)
            await server.tell(f"swallow 3 {'keep' if kept else 'lose'}")
            await asyncio.sleep(0.5)
            healed = time.monotonic()
            await run.ticks(12, since=before)
            how = f"3 messages missing, {'kept' if kept else 'not kept'} by the server"
            one = settle(harness.account(run, server, "A6", how, healed))
            counters = run.driver.counters()
            if kept:
                assert (one.lost, one.repeated, run.gaps()) == (0, 0, [])
                assert counters.get("replayed_messages", 0) >= 3
            else:
                assert one.lost > 0
                assert counters.get("lost_messages", 0) >= 3
                assert {gap.reason for gap in run.gaps()} == {"sequence_gap"}
            assert counters["sessions_created"] == 1

    asyncio.run(scenario())


def test_a6_messages_missing_that_the_history_has(harness: ModuleType, server: Any, settle: Settle) -> None:
    """Three messages are never sent and cannot be fetched again, but the server keeps a history: nothing is lost."""
    server.need("--history")

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port, ("tick", "level"))) as run:
            await run.ticks(5)
            await server.tell("swallow 3 lose")
            await asyncio.sleep(0.5)
            healed = time.monotonic()
            finished = lambda: run.driver.counters().get("backfill_finished", 0)  # noqa: E731
            await run.until(lambda: 0 < finished() == len(run.gaps()), "the end of the backfill")
            one = settle(harness.account(run, server, "A6", "3 messages missing, the server has a history", healed))
            assert one.lost == 0
            assert {block.origin for block in run.blocks()} == {Origin.LIVE, Origin.BACKFILLED}
            assert run.driver.counters()["lost_messages"] >= 3
            ticks = sorted(run.good("tick"))
            assert (
                len(ticks) - len(set(ticks)) <= 1
            )  # the value that was read after the gap may be told as live as well

    asyncio.run(scenario())


def test_a7_queue_of_the_server_overflows(harness: ModuleType, server: Any, settle: Settle) -> None:
    """Counted for the tag, and said with the settings to change."""
    server.need()

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port, ("tick", "bursty"))) as run:
            await run.ticks(5)
            await server.tell("burst bursty 300")
            healed = time.monotonic()
            await run.until(lambda: bool(run.driver.overflows()), "overflow")
            await run.ticks(3, since=len(run.items))
            settle(harness.account(run, server, "A7", "300 values into a queue of 10", healed))
            assert list(run.driver.overflows()) == ["pump/bursty"]
            told = str([*run.notices(), *run.logs])
            assert "bursty" in told
            assert "queue_size" in told

    asyncio.run(scenario())


def test_a12_clock_of_the_server_jumps(harness: ModuleType, server: Any, settle: Settle) -> None:
    """For one sample and for good; timestamps pass as they are, and a gap still ends with the next value."""
    server.need()
    year, hour = 365 * 86_400_000, -3_600_000

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port)) as run:
            await run.ticks(5)
            for offset, count in ((year, 1), (hour, 1), (hour, 0)):
                before = len(run.items)
                await server.tell(f"clock {offset} {count}")
                await run.ticks(5, since=before)
            assert run.gaps() == []
            before = len(run.items)
            await server.tell("forget session")
            healed = time.monotonic()
            await run.until(lambda: run.gaps() != [], "the gap")
            await run.ticks(5, since=len(run.items))
            how = "clock +1 year, -1 h for one sample, then -1 h for good and a lost session"
            settle(harness.account(run, server, "A12", how, healed, offsets_ms=(0, year, hour)))
            assert [gap.reason for gap in run.gaps()] == ["link_down"]

    asyncio.run(scenario())


def test_a13_a_tag_falls_silent(harness: ModuleType, server: Any, settle: Settle) -> None:
    """No change is normal: keep-alives hold the link, nothing is invented, nothing is repeated."""
    server.need()

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port)) as run:
            await run.ticks(5)
            first = (await server.tell("silence on"))["latest"] + 1
            await asyncio.sleep(0.4)
            before = len(run.items)
            await asyncio.sleep(1.6)
            assert run.items[before:] == []
            last = (await server.tell("silence off"))["latest"]
            healed = time.monotonic()
            await run.ticks(5, since=before)
            one = settle(harness.account(run, server, "A13", "no value for 2 s", healed, silent=(first, last)))
            assert (one.lost, one.repeated, run.gaps()) == (0, 0, [])
            counters = run.driver.counters()
            assert (counters["errors"], counters.get("keepalives", 0) >= 2) == (0, True)

    asyncio.run(scenario())


def test_a2_server_refuses_sessions(harness: ModuleType, server: Any, settle: Settle) -> None:
    """BadTooManySessions for 3.5 s: one CreateSession a step of the back-off, no task and no session left over."""
    server.need()

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port)) as run:
            await run.ticks(5)
            tasks = await _tasks()
            made = len((await server.tell("refuse on"))["made"])
            before = len(run.items)
            await server.tell("forget session")
            await asyncio.sleep(3.5)
            tries = (await server.tell("refuse off"))["made"][made:]
            healed = time.monotonic()
            await run.ticks(5, since=before)
            assert 3 <= len(tries) <= 14
            steps = [later - earlier for earlier, later in pairwise(tries)]
            assert all(ms >= 0.8 * min(50 * 2**i, 400) for i, ms in enumerate(steps)), "less than the back-off"
            assert "BadTooManySessions" in str(run.told("opcua_link_down"))
            report = await server.tell("report")
            assert (report["sessions"], report["subscriptions"]) == (1, 1)
            assert await _tasks() == tasks
            settle(harness.account(run, server, "A2", f"BadTooManySessions for 3.5 s: {len(tries)} tries", healed))

    asyncio.run(scenario())


def test_a18_absent_at_start_and_unplugged(harness: ModuleType, server: Any, settle: Settle) -> None:
    """It starts with what is there, says what is missing, and needs no restart."""
    server.need()

    async def scenario() -> None:
        async with harness.RIG.proxied(server.port) as proxy:
            proxy.mode = "refuse"
            async with harness.running(harness.make_settings(server, proxy.port, (*harness.USUAL, "absent"))) as run:
                await run.until(lambda: run.driver.counters()["errors"] >= 2, "failed tries")
                assert "EndpointUnreachable" in run.driver.trouble
                assert len(run.told("opcua_link_down")) == 1
                proxy.mode = "pass"
                await run.ticks(5)
                assert set(run.codes("absent")) == {BAD_NODE_ID_UNKNOWN}
                proxy.mode = "refuse"
                proxy.cut()
                await asyncio.sleep(1.5)
                before = len(run.items)
                proxy.mode = "pass"
                healed = time.monotonic()
                await run.ticks(10, since=before)
                one = settle(harness.account(run, server, "A18", "nobody there at start; unplugged for 1.5 s", healed))
                assert (one.lost, run.gaps()) == (0, [])
                assert run.driver.counters()["sessions_created"] == 1

    asyncio.run(scenario())


def test_a10_untrusted_certificate_and_wrong_password(
    harness: ModuleType, server: Any, settle: Settle, tmp_path: Path
) -> None:
    """Each is named with its fix; no session is made for a server that is not trusted; accounts are spared."""
    server.need()

    async def scenario() -> None:
        made = len((await server.tell("report"))["made"])
        changes = {"server_certificate": None, "trust_folder": tmp_path}
        async with harness.running(harness.make_settings(server, server.port, **changes)) as run:
            await run.until(lambda: run.driver.counters()["errors"] > 0, "refusal")
            assert "CertificateNotTrusted" in run.driver.trouble
            assert str(tmp_path / "rejected") in run.driver.trouble
            settle(harness.account(run, server, "A10", "server certificate not trusted", None))
        assert len((await server.tell("report"))["made"]) == made
        async with harness.running(
            harness.make_settings(server, server.port, user="operator", password="guessed")
        ) as run:
            await run.until(lambda: run.driver.counters()["errors"] > 0, "refusal")
            await asyncio.sleep(0.5)
            assert run.driver.counters()["errors"] == 1
            assert "UserRejected" in run.driver.trouble
            assert "guessed" not in run.driver.trouble + str(run.logs)
            settle(harness.account(run, server, "A10", "wrong password", None))
        assert (await server.tell("report"))["sessions"] == 0, "the session that was not activated is left"
        async with harness.running(
            harness.make_settings(server, server.port, user="operator", password="secret")
        ) as run:
            await run.ticks(1)

    asyncio.run(scenario())


def test_a1_restarted_server_lacks_a_node(harness: ModuleType, server: Any, settle: Settle) -> None:
    """kill -9; the others resume, the missing one is said and found once it is there again."""
    server.need()

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port)) as run:
            await run.ticks(5)
            server.kill()
            before = len(run.items)
            await asyncio.to_thread(server.start, "--without", "setpoint")
            healed = time.monotonic()
            await run.ticks(5, since=before)
            assert run.codes("setpoint", since=before)[:2] == [status.BAD_NO_COMMUNICATION, BAD_NODE_ID_UNKNOWN]
            await server.tell("add setpoint 42")
            server.options = None
            await run.until(lambda: 42.0 in run.good("setpoint", since=before), "the node that came back")
            settle(harness.account(run, server, "A1", "kill -9, restart without one node, node added", healed))
            assert [gap.reason for gap in run.gaps()] == ["link_down"]
            assert run.told("opcua_tags_refused")

    asyncio.run(scenario())


def test_a8_namespaces_shift_at_a_restart(harness: ModuleType, server: Any, settle: Settle) -> None:
    """The old index holds a node of the same name that is as lively: never its values."""
    server.need()

    async def scenario() -> None:
        async with harness.running(harness.make_settings(server, server.port)) as run:
            await run.ticks(5)
            server.kill()
            before = len(run.items)
            await asyncio.to_thread(server.start, "--shift")
            healed = time.monotonic()
            await run.ticks(10, since=before)
            settle(harness.account(run, server, "A8", "kill -9, restart with shifted namespaces", healed))
            assert min(run.good("tick")) > 0
            assert run.good("setpoint", since=before) == [42.0]

    asyncio.run(scenario())


def test_a9_more_items_than_fit_a_call(harness: ModuleType, server: Any, settle: Settle) -> None:
    """1,200 items, 100 in a call; a lost message makes the driver read them all, 100 in a call."""
    server.need("--items", "1200", "--limit", "100")

    async def scenario() -> None:
        items = tuple(f"item{i}" for i in range(1200))
        async with harness.running(harness.make_settings(server, server.port, ("tick", *items))) as run:
            began = time.monotonic()
            await run.until(lambda: all(run.good(name) for name in (items[0], items[-1])), "first values")
            await run.ticks(3)
            assert not run.told("opcua_tags_refused")
            await server.tell("swallow 1 lose")
            before = len(run.items)
            await run.until(lambda: run.good(items[-1], since=before) != [], "values read")
            await run.ticks(3, since=before)
            settle(harness.account(run, server, "A9", "1,200 items, 100 in a call; then a lost message", began))
            assert all(run.good(name, since=before) == [i + 0.25] for i, name in enumerate(items))

    asyncio.run(scenario())


def test_a9_more_items_than_fit_a_subscription(harness: ModuleType, server: Any, settle: Settle) -> None:
    """1,200 items, 500 in a subscription: three of one session, resumed together, each with its own messages."""
    server.need("--items", "1200", "--per-subscription", "500")

    async def scenario() -> None:
        items = tuple(f"item{i}" for i in range(1200))
        # The tags that change stand in the first, the second and the third subscription.
        names = ("tick", *items[:600], "bursty", *items[600:], "level")
        async with (
            harness.RIG.proxied(server.port) as proxy,
            harness.running(harness.make_settings(server, proxy.port, names)) as run,
        ):
            await run.until(lambda: all(run.good(name) for name in names), "first values")
            assert not run.told("opcua_tags_refused")
            assert (await server.tell("report"))["subscriptions"] == 3
            proxy.mode = "refuse"
            proxy.cut()
            await asyncio.sleep(1.0)
            before = len(run.items)
            proxy.mode = "pass"
            healed = time.monotonic()
            await run.ticks(10, since=before)
            await run.until(lambda: len(run.good("level", since=before)) >= 10, "the last subscription")
            assert (await server.tell("report"))["subscriptions"] == 3
            counters = run.driver.counters()
            assert (counters["sessions_created"], counters["sessions_resumed"], run.gaps()) == (1, 1, [])
            levels = set(run.good("level"))
            assert len(levels) == max(levels) - min(levels) + 1, "a value of the last subscription was lost"
            how = "1,200 items, 500 in a subscription; unplugged for 1 s"
            assert settle(harness.account(run, server, "A9", how, healed)).lost == 0

    asyncio.run(scenario())


def test_a9_limits_like_those_of_a_small_controller(harness: ModuleType, server: Any, settle: Settle) -> None:
    """100 nodes in a call, 300 items in a subscription, 5 subscriptions, 2 sessions, nothing faster than 500 ms."""
    limits = ("--limit", "100", "--per-subscription", "300", "--subscriptions", "5", "--sessions", "2")
    server.need("--items", "1000", *limits, "--fastest", "500")

    async def scenario() -> None:
        names = ("tick", *(f"item{i}" for i in range(1000)))
        async with harness.running(harness.make_settings(server, server.port, names)) as run:
            began = time.monotonic()
            await run.until(lambda: all(run.good(name) for name in names), "first values")
            await run.ticks(20)
            assert not run.told("opcua_tags_refused")
            report = await server.tell("report")
            assert (report["sessions"], report["subscriptions"]) == (1, 4)
            # The other session is somebody's; a lost one of ours frees its place, and is not in its own way.
            async with harness.running(harness.make_settings(server, server.port, ("level",))) as other:
                await other.until(lambda: len(other.good("level")) >= 5, "the other client")
                before = len(run.items)
                await server.tell("forget session")
                await run.ticks(10, since=before)
                await run.until(lambda: all(run.good(name, since=before) for name in names), "all values again")
            settle(harness.account(run, server, "A9", "limits of a small controller; then a lost session", began))

    asyncio.run(scenario())


def test_a10_expired_and_of_another_host(harness: ModuleType, server: Any, settle: Settle, pki: Path) -> None:
    server.need("--certificate", "wrong")

    async def scenario() -> None:
        pinned = {"server_certificate": pki / "wrong" / "certificate.der"}
        authority = {"server_certificate": None, "trust_folder": pki / "authority"}
        for how, changes, kind, fix in (
            ("server certificate expired", pinned, "CertificateExpired", "renew it or set the clock"),
            ("server certificate of another host", authority, "CertificateNotTrusted", "elsewhere.test"),
        ):
            async with harness.running(harness.make_settings(server, server.port, **changes)) as run:
                await run.until(lambda: run.driver.counters()["errors"] > 0, "refusal")
                assert kind in run.driver.trouble
                assert fix in run.driver.trouble
                settle(harness.account(run, server, "A10", how, None))
        assert (await server.tell("report"))["made"] == []

    asyncio.run(scenario())
