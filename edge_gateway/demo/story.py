"""The story of the demo, told on a running plant and a running gateway: health, fault, outage, recovery."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from connectors.simulator.tags import PUMPS
from edge_gateway.demo.files import DemoFiles
from edge_gateway.demo.plant import Plant
from edge_gateway.demo.report import Told
from edge_gateway.demo.scene import AlertRow, Mark, Scene, Step
from edge_gateway.layout import Layout
from edge_gateway.status import read_status

START, HEALTHY, FAULT, CUT, RESTORE, STOP = STEPS = (
    "start the gateway: acquire, flow, deliver",
    "watch the healthy plant",
    "inject a fault",
    "cut the uplink, break the other pump",
    "restore the uplink: alerts first",
    "stop, and count everything twice",
)

_LOOK_S = 0.2
_WORTH_TELLING = 0.01  # share of a tag in a score
_START_TIMEOUT_S = 40.0
_DETECT_TIMEOUT_S = 25.0
_DRAIN_TIMEOUT_S = 30.0


class GatewayFailed(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The gateway did not come up, or ended; its log says why."""


class Story:
    """Plays once. Shares of the live time: a quarter each for health, fault, outage and recovery."""

    def __init__(self, files: DemoFiles, plant: Plant, scene: Scene, show: Callable[[], None], began: float) -> None:
        """Nothing happens yet.

        Args:
            files: Prepared, with configuration and bundle.
            plant: Running.
            scene: Kept up to date.
            show: Called after each look at the gateway.
            began: Monotonic time the demo began.
        """
        self.told = Told()
        self.alerts: list[dict[str, Any]] = []
        self._files, self._plant, self._scene, self._show, self._began = files, plant, scene, show, began
        self._status = Layout(files.data).status
        self._gateway: asyncio.subprocess.Process | None = None
        self._rates: list[tuple[float, int]] = []
        self._faulty: dict[str, int] = {}  # asset -> since when, ns

    async def play(self, seconds: float, faults: tuple[str, str]) -> None:
        """Live for about `seconds`.

        Args:
            seconds: Of the live part.
            faults: Name of the first pump's fault and of the other's.

        Raises:
            GatewayFailed: It ended by itself or never came up.
        """
        quarter = seconds / 4
        with self._files.log.open("wb") as log:
            self._gateway = gateway = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "edge_gateway", "run", str(self._files.config)),
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which stops the gateway itself
                env={**os.environ, "SLUICEGATE_PARENT": str(os.getpid())},
            )
        try:
            await self._live(quarter, faults)
        finally:
            if gateway.returncode is None:
                gateway.send_signal(signal.SIGTERM)
                await gateway.wait()
        self._look()
        self._show()

    async def _live(self, quarter: float, faults: tuple[str, str]) -> None:
        with self._step(START) as step:
            await self._until(lambda: self._scene.windows > 0, _START_TIMEOUT_S)
            if not self._scene.windows:
                msg = "no window closed within 40 s"
                raise GatewayFailed(msg)
            step.detail = "three processes, real sockets"
        with self._step(HEALTHY) as step:
            await self._until(lambda: False, quarter)
            step.detail = "no alert" if not self.alerts else f"{len(self.alerts)} false alarms"
        with self._step(FAULT) as step:
            until = time.monotonic() + quarter
            fault = await self._inject(faults[0], PUMPS[0])
            await self._until(lambda: self._detected(fault), _DETECT_TIMEOUT_S)
            step.detail = _verdict(fault)
            await self._until(lambda: False, 2.0)
            await self._heal()
            await self._until(lambda: False, until - time.monotonic())
        await self._outage(quarter, faults[1])

    async def _outage(self, quarter: float, name: str) -> None:
        scene, outage = self._scene, self.told.outage
        with self._step(CUT) as step:
            self._files.cloud.rename(self._files.away)
            cut_at, scene.uplink = time.monotonic(), "cut"
            self._note("uplink cut: the target folder is gone, as a network share would be")
            fault = await self._inject(name, PUMPS[1])
            await self._until(lambda: self._detected(fault), _DETECT_TIMEOUT_S)
            await self._until(lambda: False, cut_at + quarter - time.monotonic())
            outage["backlog_records"] = sum(scene.backlog.values())
            step.detail = f"{_verdict(fault)}, offline; {outage['backlog_records']} records wait"
        with self._step(RESTORE) as step:
            await self._heal()
            before = self._sent()
            self._files.away.rename(self._files.cloud)
            restored, scene.uplink = time.monotonic(), "up"
            outage["seconds"] = round(restored - cut_at, 1)
            self._note("uplink restored")
            waiting = outage["backlog_records"]
            await self._until(lambda: self._sent()[0] - before[0] >= waiting, _DRAIN_TIMEOUT_S)
            drained = self._sent()[0] - before[0] >= waiting
            outage["drained_in_s"] = round(time.monotonic() - restored, 1) if drained else None
            lanes = self._lanes_since(before[1])
            outage["alerts_first"] = "alert" in lanes and lanes.index("alert") == 0
            self._note("order of the first objects after the outage: " + ", ".join(lanes[:4]))
            step.detail = f"drained in {outage['drained_in_s']} s, " + (
                "alerts first" if outage["alerts_first"] else "NOT alerts first"
            )
            await self._until(lambda: False, quarter / 2)

    async def _inject(self, name: str, asset: str) -> dict[str, Any]:
        self._faulty[asset] = at = await self._plant.inject(name, asset)
        fault = {"name": name, "asset": asset, "at": round(self._elapsed(), 1), "at_ns": at, "detected_after_s": None}
        self.told.faults.append(fault)
        self._note(f"fault injected: {name} on {asset}")
        return fault

    async def _heal(self) -> None:
        await self._plant.clear()
        self._note("the fault is repaired")

    def _detected(self, fault: dict[str, Any]) -> bool:
        for alert in self.alerts:
            if alert["asset"] == fault["asset"] and alert["state"] == "opened" and alert["at"] >= fault["at_ns"]:
                fault["detected_after_s"] = round((alert["durable"] - fault["at_ns"]) / 1e9, 1)
                return True
        return False

    async def _until(self, happened: Callable[[], bool], seconds: float) -> None:
        """Look at the gateway until something happened or the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not happened():
            if self._gateway is not None and self._gateway.returncode is not None:
                msg = f"the gateway ended with exit code {self._gateway.returncode}"
                raise GatewayFailed(msg)
            self._look()
            self._show()
            await asyncio.sleep(_LOOK_S)  # the processes say how they are twice a second

    def _look(self) -> None:
        """Bring the scene up to date from what the three processes say."""
        scene = self._scene
        scene.elapsed_s = self._elapsed()
        flow, deliver = read_status(self._status, "flow"), read_status(self._status, "deliver")
        accounts = list(flow.get("accounts", {}).values())
        scene.samples = read_status(self._status, "acquire").get("received", 0)
        scene.placed = sum(account["placed"] for account in accounts)
        scene.late = sum(account["late"] for account in accounts)
        scene.dropped = sum(sum(account["dropped"].values()) for account in accounts)
        self.told.written = flow.get("written", {})
        scene.windows = self.told.written.get("summary", 0)
        self._rates = [*self._rates[-25:], (time.monotonic(), scene.samples)]
        (first, then), (last, now) = self._rates[0], self._rates[-1]
        scene.rate = (now - then) / (last - first) if last > first else 0.0
        backlog = deliver.get("backlog", {})
        scene.backlog = {lane: waiting["records"] for lane, waiting in backlog.items()}
        scene.backlog_history.append(sum(scene.backlog.values()))
        scene.bytes_sent = deliver.get("bytes", 0)
        if deliver and scene.uplink == "starting":
            scene.uplink = "up"
        for alert in flow.get("alerts", [])[len(self.alerts) :]:
            self._alert(alert)

    def _alert(self, alert: dict[str, Any]) -> None:
        self.alerts.append(alert)
        since = self._faulty.get(alert["asset"])
        if alert["state"] == "opened" and (since is None or alert["at"] < since):
            self.told.false_alarms.append(f"{alert['asset']} {alert['rule']}")
        shares = [(tag, share) for tag, share in alert["contributions"] if share >= _WORTH_TELLING]
        because = ", ".join(f"{tag} {share:.0%}" for tag, share in shares[:3]) or "back to normal"
        self._scene.alerts.append(
            AlertRow(
                self._elapsed(),
                alert["asset"],
                alert["rule"],
                alert["state"],
                float("nan") if alert["score"] is None else alert["score"],
                alert["latency_ms"],
                because,
            )
        )

    def _sent(self) -> tuple[int, int]:
        """Records delivered, and lines of the ledger."""
        delivered = read_status(self._status, "deliver").get("delivered", {})
        return sum(delivered.values()), len(self._ledger())

    def _lanes_since(self, lines: int) -> list[str]:
        return [line.split('"lane":"')[1].split('"')[0] for line in self._ledger()[lines:]]

    def _ledger(self) -> list[str]:
        path = Layout(self._files.data).outbox / "egress.jsonl"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _note(self, text: str) -> None:
        self._scene.notes.append(f"{self._elapsed():4.0f} s  {text}")

    @contextmanager
    def _step(self, title: str) -> Iterator[Step]:
        step = self._scene.step(title)
        step.mark = Mark.RUNNING
        try:
            yield step
        except BaseException:  # whatever it was, also Ctrl-C: the picture shows where
            step.mark = Mark.FAILED
            raise
        step.mark = Mark.DONE


def _verdict(fault: dict[str, Any]) -> str:
    after = fault["detected_after_s"]
    return f"{fault['name']}: " + ("NOT detected" if after is None else f"alert after {after} s")
