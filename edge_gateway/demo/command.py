"""`sluicegate demo` from end to end: prepare, play, count, show."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from connectors.simulator.faults import Fault
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.demo.closing import closing
from edge_gateway.demo.files import LATENESS, WINDOW, DemoFiles, FolderRefused
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
    try:
        files.prepare()
    except FolderRefused as refused:
        console.print(str(refused), markup=False)
        return Exit.CONFIG
    screen: Screen = LiveScreen(console) if live and console.is_terminal else PlainScreen(console)
    try:
        with screen:
            report = asyncio.run(_play(options, files, screen))
    except (PlantFailed, GatewayFailed, ModelError) as failed:
        console.print(f"{failed}. See {files.log} and {files.plant_log}", markup=False)
        return Exit.FAILED
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=2), encoding="utf-8")
    found = failures(report)
    console.print(closing(report, found, files, options.report))
    return Exit.FAILED if found else Exit.OK


def serve_plant(folder: Path, seed: int) -> int:
    """Only the plant, until Ctrl-C; it prints where its servers are."""
    files = DemoFiles(folder.resolve())
    files.plant.mkdir(parents=True, exist_ok=True)
    command = (sys.executable, "-m", "connectors.simulator", "--serve", "--seed", str(seed), "--folder")
    try:
        return subprocess.run([*command, str(files.plant)], check=False).returncode
    except KeyboardInterrupt:
        return Exit.OK


async def _play(options: DemoOptions, files: DemoFiles, screen: Screen) -> dict[str, Any]:
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
        files.write_config(plant.facts)
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
        report = train_bundle(items, TABLES[PUMPS[0]], windows, files.bundle, name="pump", version="1")
        return f"{report.rows} windows, sklearn = ONNX within {report.max_relative_difference:.0e}"

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
        await drain.wait()
