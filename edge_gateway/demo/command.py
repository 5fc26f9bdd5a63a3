"""`sluicegate demo` from end to end: prepare, play, count, show."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from connectors.simulator.faults import Fault
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.claim import FolderRefused
from edge_gateway.demo.closing import closing
from edge_gateway.demo.files import LATENESS, WINDOW, DemoFiles
from edge_gateway.demo.plant import Plant, PlantFailed
from edge_gateway.demo.report import failures, make_report
from edge_gateway.demo.scene import Mark, Scene, Step
from edge_gateway.demo.screen import LiveScreen, PlainScreen, Screen
from edge_gateway.demo.story import STEPS, STOP, GatewayFailed, Story
from edge_gateway.exit_codes import Exit
from edge_gateway.training import train_bundle
from flows.window_settings import WindowSettings
from models.errors import ModelError

_PLANT, _TRAIN = PREPARATION = ("start the plant: OPC-UA and Modbus servers", "train on normal operation")
_TRAINING_S = 1800.0
_TRAINING_SEED = 7_000  # another day than the one shown: the model must not have seen it
_TRAINING_START = 1_767_225_600_000_000_000  # 2026-01-01T00:00Z, fixed, so that a seed gives the same model


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What one may choose."""

    seconds: float
    fault: str
    seed: int
    report: Path
    folder: Path
    also: Path | None = None


def run_demo(options: DemoOptions, *, live: bool) -> int:
    """Play the demo.

    Args:
        options: Chosen on the command line.
        live: One living screen, if there is a terminal.

    Returns:
        `Exit.OK` only when every fault was detected, the healthy plant raised no alert and nothing was lost.
    """
    console = Console()
    if options.fault not in list(Fault):
        asked = options.fault == "list"
        console.print(("" if asked else f"no fault {options.fault!r}; ") + f"faults: {', '.join(Fault)}", markup=False)
        return Exit.OK if asked else Exit.CONFIG
    files = DemoFiles(options.folder.resolve())
    screen: Screen = LiveScreen(console) if live and console.is_terminal else PlainScreen(console)
    try:
        with files.claimed():
            files.prepare()
            also = "" if options.also is None else options.also.read_text(encoding="utf-8")
            options.report.parent.mkdir(parents=True, exist_ok=True)
            options.report.open("a").close()  # it is better to know now
            with screen:
                report = asyncio.run(_play(options, files, screen, also))
            options.report.write_text(json.dumps(report, indent=2), encoding="utf-8")
    except (FolderRefused, OSError) as refused:
        console.print(str(refused), markup=False, soft_wrap=True)
        return Exit.CONFIG
    except (PlantFailed, GatewayFailed, ModelError) as failed:
        console.print(f"{failed}. See {files.log} and {files.plant_log}", markup=False, soft_wrap=True)
        return Exit.FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped before its end: nothing was proved, and nothing of it runs any more")
        return Exit.FAILED
    found = failures(report)
    console.print(closing(report, found, files, options.report))
    return Exit.FAILED if found else Exit.OK


async def _play(options: DemoOptions, files: DemoFiles, screen: Screen, also: str) -> dict[str, Any]:
    playing = asyncio.current_task()
    assert playing is not None
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: what was started is stopped, the terminal restored
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    scene = Scene([Step(title) for title in (*PREPARATION, *STEPS)])
    began = time.monotonic()

    def show() -> None:
        scene.elapsed_s = time.monotonic() - began
        screen.show(scene)

    for title in PREPARATION:
        scene.step(title).mark = Mark.RUNNING
    show()
    training = asyncio.create_task(_train(options, files, scene, show))
    plant = await _start_plant(options, files, scene, show)
    try:
        await training
        files.write_config(plant.facts, also)
        story = Story(files, plant, scene, show, began)
        other = "bearing_wear" if options.fault == "cavitation" else "cavitation"
        await story.play(options.seconds, (options.fault, other))
    finally:
        await plant.stop()
    scene.step(STOP).mark = Mark.RUNNING
    show()
    await _drain(files)
    report = await asyncio.to_thread(make_report, files, story.told, story.alerts)
    scene.step(STOP).mark = Mark.DONE
    show()
    return report


async def _start_plant(options: DemoOptions, files: DemoFiles, scene: Scene, show: Any) -> Plant:
    plant = await Plant.start(files.plant, options.seed, files.plant_log)
    step = scene.step(_PLANT)
    step.mark, step.detail = Mark.DONE, plant.facts["opcua_endpoint"]
    show()
    return plant


async def _train(options: DemoOptions, files: DemoFiles, scene: Scene, show: Any) -> None:
    """In a thread: it must not hold up the plant's start."""

    def work() -> str:
        seed = _TRAINING_SEED + options.seed
        items = (batch for batch in simulate(_TRAINING_S, seed, _TRAINING_START) if batch.asset in PUMPS)
        windows = WindowSettings(WINDOW, lateness=LATENESS)
        # The suite judges levels in time order. It finds three of the faults a window later than this one, which judges
        # twelve features of each window, and a sensor that sticks not within the time the demo has.
        report = train_bundle(
            items, TABLES[PUMPS[0]], windows, files.bundle, name="pump", version="1", detector="mahalanobis"
        )
        return f"{report.rows} windows, reference = ONNX within {report.max_relative_difference:.0e}"

    step = scene.step(_TRAIN)
    step.detail = await asyncio.to_thread(work)
    step.mark = Mark.DONE
    show()


async def _drain(files: DemoFiles) -> None:
    """Send what still waits, as one would before carrying a medium away."""
    with files.log.open("ab") as log:
        drain = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "edge_gateway", "run", str(files.config), "--only", "deliver", "--drain"),
            stdout=log,
            stderr=log,
        )
        try:
            await drain.wait()
        finally:
            if drain.returncode is None:
                drain.terminate()
                await drain.wait()
