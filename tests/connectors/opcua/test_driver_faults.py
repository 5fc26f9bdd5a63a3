"""The driver against a real server: what arrives, and what happens when server, link or a node fails."""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connectors import status
from connectors.samples import NoticeKind

pytestmark = pytest.mark.integration

BAD_NODE_ID_UNKNOWN = 0x80340000
CUTS = 6
MakePlant = Callable[..., Any]  # of conftest.py, as are `rig` and `pki`


def _secure(pki: Any) -> tuple[str, ...]:
    return ("--certificate", str(pki.server[0]), "--key", str(pki.server[1]))


def _without_hole(ticks: list[float]) -> bool:
    """Every tick once, in order."""
    return ticks == [ticks[0] + i for i in range(len(ticks))]


async def _ticks(run: Any, count: int, since: int = 0) -> None:
    await run.until(lambda: len(run.good("tick", since=since)) >= count, f"{count} ticks")


def test_encrypted_values_arrive_with_their_quality(rig: ModuleType, shared_plant: Any, pki: Any) -> None:
    """A1, A5, A11: one node is missing, one is bad, one is a string; the others flow."""

    async def scenario() -> None:
        async with rig.running(rig.make_settings(shared_plant.port, pki=pki)) as run:
            await _ticks(run, 10)
            assert _without_hole(run.good("tick"))
            assert run.good("setpoint") == [42.0]
            wave = run.samples("wave")
            assert len(wave) % 8 == 0
            assert [wave[i + 1][2] - wave[i][2] for i in range(7)] == [1_000_000] * 7
            assert {code for _, code, _ in run.samples("bad")} == {status.BAD_SENSOR_FAILURE}
            assert {code for _, code, _ in run.samples("text")} == {status.BAD_TYPE_MISMATCH}
            assert {code for _, code, _ in run.samples("absent")} == {BAD_NODE_ID_UNKNOWN}
            assert not [v for name in ("bad", "text", "absent") for v, _, _ in run.samples(name) if not math.isnan(v)]
            assert run.notices() == []

    asyncio.run(scenario())


def test_killed_server_comes_back_with_shifted_namespaces_and_without_a_node(
    rig: ModuleType, plant: MakePlant, pki: Any
) -> None:
    """A1, A8, A18: no value of another variable, a gap from and to, every tag marked."""

    async def scenario() -> None:
        server = plant(*_secure(pki))
        async with rig.running(rig.make_settings(server.port, pki=pki)) as run:
            await _ticks(run, 5)
            server.kill()
            before = len(run.items)
            await server.start_again("--shift", "--without-setpoint")
            await _ticks(run, 5, since=before)
            newest = max(time for _, code, time in run.samples("tick") if code == status.BAD_NO_COMMUNICATION)
            for name in rig.ALL:
                assert status.BAD_NO_COMMUNICATION in {code for _, code, _ in run.samples(name)}, name
            assert min(run.good("tick")) >= 0, "values of the foreign node of that name"  # it counts down from -1
            assert run.samples("setpoint")[-1][1] == BAD_NODE_ID_UNKNOWN
            (gap,) = run.notices()
            assert (gap.kind, gap.asset, gap.reason) == (NoticeKind.GAP, "pump", "link_down")
            assert gap.start == newest - 1 < gap.end
            at = run.items.index(gap)
            assert gap.end in {time for name in rig.ALL for _, _, time in run.samples(name, since=at)}
            assert run.driver.counters()["reconnects"] == 1

    asyncio.run(scenario())


def test_server_and_node_that_come_later_are_found(rig: ModuleType, plant: MakePlant) -> None:
    """A18; and a node that was missing is found without a new session."""

    async def scenario() -> None:
        server = plant("--late", start=False)
        async with rig.running(rig.make_settings(server.port)) as run:
            await run.until(lambda: run.driver.counters()["errors"] >= 2, "failed tries")
            await server.start_again()
            await run.until(lambda: 7.0 in run.good("absent"), "the late node")
            assert run.samples("absent")[0][1] == BAD_NODE_ID_UNKNOWN
            assert run.driver.counters()["sessions_created"] == 1
            assert run.notices() == []  # nothing was ever known, so nothing is missing

    asyncio.run(scenario())


def test_cut_connections_are_resumed_without_loss_and_leave_nothing_behind(
    rig: ModuleType, shared_plant: Any, pki: Any
) -> None:
    """A2: every tick arrives once, no task is left over, no session more than one is made."""

    async def scenario() -> None:
        async with (
            rig.proxied(shared_plant.port) as proxy,
            rig.running(rig.make_settings(proxy.port, tags=("tick", "setpoint"), pki=pki)) as run,
        ):
            await _ticks(run, 3)
            tasks = set()
            for cut in range(1, CUTS + 1):
                proxy.cut()
                # asyncua's server forgets what it has republished, so a cut in that moment loses it (and is told)
                await run.until(lambda cut=cut: run.driver.counters()["sessions_resumed"] >= cut, "the resumed session")
                await _ticks(run, 3, since=len(run.items))
                names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]
                tasks.add(len([name for name in names if not name.startswith("Proxy")]))
            assert max(tasks) <= 7  # this one, the driver, and the five of the link
            assert _without_hole(run.good("tick"))
            assert run.notices() == []
            counters = run.driver.counters()
            assert counters["sessions_created"] == 1
            assert counters["sessions_resumed"] == CUTS
            assert status.BAD_NO_COMMUNICATION not in {code for _, code, _ in run.samples("tick")}

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["blackhole", "frozen", "no path"])
def test_an_outage_shorter_than_the_queues_loses_nothing(
    rig: ModuleType, shared_plant: Any, pki: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A4: noticed by the keep-alive watchdog or by the socket; what the server kept arrives afterwards."""
    monkeypatch.setattr("connectors.opcua.link.PATIENCE_S", 0.5)

    async def scenario() -> None:
        async with (
            rig.proxied(shared_plant.port) as proxy,
            rig.running(rig.make_settings(proxy.port, tags=("tick", "setpoint"), pki=pki)) as run,
        ):
            await _ticks(run, 3)
            if how == "frozen":
                shared_plant.signal(signal.SIGSTOP)
            else:
                proxy.mode = "blackhole" if how == "blackhole" else "refuse"
            if how == "no path":
                proxy.cut()
            await asyncio.sleep(1.8 if how == "blackhole" else 1.0)  # the watchdog bites after 1.25 s
            before = len(run.items)
            if how == "frozen":
                shared_plant.signal(signal.SIGCONT)
            proxy.mode = "pass"
            await _ticks(run, 10, since=before)
            assert _without_hole(run.good("tick"))
            assert run.notices() == []
            assert run.driver.counters()["sessions_created"] == 1
            assert run.samples("setpoint") == [run.samples("setpoint")[0]]  # it was known all the time: not marked

    asyncio.run(scenario())


def test_untrusted_server_gets_nothing_and_its_certificate_is_kept(
    rig: ModuleType, shared_plant: Any, pki: Any, tmp_path: Path
) -> None:
    """A10: refused before a session is made; trusted once the file is moved."""

    async def scenario() -> None:
        settings = rig.make_settings(shared_plant.port, pki=pki, server_certificate=None, trust_folder=tmp_path)
        async with rig.running(settings) as run:
            await run.until(lambda: run.driver.counters()["errors"] > 0, "refusal")
            assert "CertificateNotTrusted" in run.driver.trouble
            (rejected,) = (tmp_path / "rejected").iterdir()
            assert rejected.read_bytes() == pki.server[0].read_bytes()
            assert run.driver.counters()["sessions_created"] == 0
        rejected.rename(tmp_path / rejected.name)
        async with rig.running(settings) as run:
            await _ticks(run, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("password", "trouble"), [("wrong", "UserRejected"), ("secret", None)], ids=["wrong password", "right password"]
)
def test_user_and_password(rig: ModuleType, shared_plant: Any, pki: Any, password: str, trouble: str | None) -> None:
    """A10: a wrong password is named, and not tried again at once."""

    async def scenario() -> None:
        async with rig.running(
            rig.make_settings(shared_plant.port, pki=pki, user="operator", password=password)
        ) as run:
            if trouble is None:
                await _ticks(run, 1)
                return
            await run.until(lambda: run.driver.counters()["errors"] > 0, "refusal")
            assert trouble in run.driver.trouble
            assert password not in run.driver.trouble
            await asyncio.sleep(0.5)
            assert run.driver.counters()["errors"] == 1

    asyncio.run(scenario())


def test_policy_that_the_server_does_not_offer(rig: ModuleType, shared_plant: Any, pki: Any) -> None:
    async def scenario() -> None:
        async with rig.running(rig.make_settings(shared_plant.port, pki=pki, policy="Aes256Sha256RsaPss")) as run:
            await run.until(lambda: run.driver.counters()["errors"] > 0, "refusal")
            assert "EndpointNotOffered" in run.driver.trouble
            assert "Basic256Sha256/SignAndEncrypt" in run.driver.trouble

    asyncio.run(scenario())


def test_more_tags_than_fit_one_call(rig: ModuleType, shared_plant: Any, pki: Any) -> None:
    """A9, client side: requests are split."""

    async def scenario() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("connectors.opcua.subscription.ITEMS_PER_CALL", 2)
            async with rig.running(rig.make_settings(shared_plant.port, pki=pki)) as run:
                await _ticks(run, 3)
                assert run.good("setpoint") == [42.0]

    asyncio.run(scenario())
