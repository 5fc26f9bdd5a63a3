"""The simulated plant as a process of its own, and the few words one says to it."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class PlantFailed(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The plant did not start or did not answer."""


@dataclass(slots=True)
class Plant:
    """A running plant.

    Attributes:
        facts: What it said when ready: endpoints, ports, certificate.
    """

    process: asyncio.subprocess.Process
    facts: dict[str, Any]

    @classmethod
    async def start(cls, folder: Path, seed: int, log: Path) -> Plant:
        """Start it and wait until both its servers answer.

        Args:
            folder: Exists; certificates go there.
            seed: Same seed, same plant.
            log: Its standard error.

        Raises:
            PlantFailed: It ended or stayed silent for 60 s.
        """
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "connectors.simulator", "--seed", str(seed), "--folder", str(folder)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C is for the demo, which ends the plant itself
            )
        plant = cls(process, {})
        try:
            plant.facts = await plant._answer(60)
        except BaseException:  # also where the demo is stopped meanwhile
            if process.returncode is None:
                process.terminate()  # it does not listen to its standard input yet
            await plant.stop()
            raise
        return plant

    async def inject(self, fault: str, asset: str) -> int:
        """Make a fault begin now; returns when it took effect, ns."""
        return await self._say(f"inject {fault} {asset}")

    async def clear(self) -> int:
        """End all faults; returns when, ns."""
        return await self._say("clear")

    async def stop(self) -> None:
        """End it by closing its standard input; it stops by itself then."""
        if self.process.returncode is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()

    async def _say(self, line: str) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()
        answer = await self._answer(10)
        if "time" not in answer:
            msg = f"the plant answered {answer!r} to {line!r}"
            raise PlantFailed(msg)
        return int(answer["time"])

    async def _answer(self, seconds: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), seconds)
        except TimeoutError as error:
            msg = f"the plant said nothing for {seconds} s"
            raise PlantFailed(msg) from error
        if not line:
            msg = f"the plant ended with exit code {await self.process.wait()}"
            raise PlantFailed(msg)
        answer: dict[str, Any] = json.loads(line)
        return answer
