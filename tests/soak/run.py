"""The whole gateway for minutes or days, while it is disturbed at random: does anything grow, does anything get lost?

make soak                          5 minutes
make soak MINUTES=480 SEED=7       a night; the same seed does the same things in the same order
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edge_gateway.status import PAGE, ROLES
from tests.soak.books import Books, close_books
from tests.soak.faults import DISTURBING, ENDING
from tests.soak.gauges import Gauges
from tests.soak.world import World, world

CALM_S = 30.0  # at the end: what was disturbed comes back
MOST = {"memory MB": 12.0, "threads": 3.0, "handles": 8.0, "tasks": 5.0}
"""What may be added over the whole soak, as far as the slope is sure of it (two standard errors)."""

JUDGED_S = 240.0
"""A soak of so many seconds has, in its second half, a life of every process that is long enough."""

SPARE = 2
"""Lives of a process beyond those that were ended on purpose: one that was frozen may be taken for one that hangs."""

console = Console(highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=5.0, help="mean seconds between two faults")
    parser.add_argument("--folder", type=Path, default=Path("var/soak"))
    wish = parser.parse_args(arguments)
    return asyncio.run(soak(wish.folder.resolve(), wish.minutes * 60, wish.seed, wish.pause))


async def soak(folder: Path, seconds: float, seed: int, pause: float) -> int:
    """Exit code: 0 = nothing grew, nothing was lost."""
    draw, gauges, done = random.Random(seed), Gauges(), Counter[str]()
    async with world(folder, seed) as made:
        await made.start()
        looking = asyncio.create_task(_look(made, gauges))
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end - CALM_S:
                await asyncio.sleep(min(draw.expovariate(1 / pause), 4 * pause))
                await _disturb(made, draw, done, end, seconds)
            await asyncio.sleep(max(0.0, end - time.monotonic()))
        finally:
            looking.cancel()
        await made.stop()
        drained = await made.command("run", str(made.files.config), "--only", "deliver", "--drain")
        books = await asyncio.to_thread(close_books, made)
        books.wrong += made.wrong
        if drained:
            books.wrong.append(f"draining ended with exit code {drained}")
        for code, took in made.stops:
            if code or took > 20:
                books.wrong.append(f"a stop took {took:.1f} s and ended with exit code {code}")
    grown = _report(gauges, done, books, seconds)
    (folder / "report.json").write_text(_as_json(gauges, done, books))
    for line in [*books.wrong, *grown]:
        console.print(f"✗ {line}", style="bold red", soft_wrap=True)
    if not books.wrong and not grown:
        console.print("✓ nothing grew, nothing was lost, nothing is there twice", style="bold green")
    return 1 if books.wrong or grown else 0


async def _disturb(made: World, draw: random.Random, done: Counter[str], end: float, seconds: float) -> None:
    # Each in turn, in an order of chance, so that a short soak has them all as well.
    # Processes are ended in the first half only: what grows shows in a life that is long.
    left = end - time.monotonic()
    faults = {**DISTURBING, **ENDING} if left > seconds / 2 else DISTURBING
    fewest = min(done[name] for name in faults)
    name = draw.choice([name for name in faults if done[name] == fewest])
    done[name] += 1
    console.print(f"{max(0, left):5.0f} s left  {name}", style="dim")
    await faults[name](made, draw)


async def _look(made: World, gauges: Gauges) -> None:
    while True:
        if made.gateway is not None and made.gateway.returncode is None:
            gauges.look("supervisor", made.gateway.pid, None)
        for role in (*ROLES, PAGE):
            if pid := made.pid(role):
                status = made.status(role)
                gauges.look(role, pid, status.get("tasks") if status.get("pid") == pid else None)
        await asyncio.sleep(1)


def _report(gauges: Gauges, done: Counter[str], books: Books, seconds: float) -> list[str]:
    """Print the tables; what grew."""
    table = Table("process", "lives", "gauge", "from", "to", "slope an hour", "", title=f"{seconds / 60:.0f} minutes")
    grown = []
    for role in ("supervisor", *ROLES, PAGE):
        ended = done[f"kill -9 {role}"] + done["gateway restarted"]
        if (lives := gauges.lives(role)) > 1 + ended + SPARE:
            grown.append(f"{role} had {lives} lives, and was ended {ended} times")
        for gauge, most in MOST.items():
            slope = gauges.slope(role, gauge)
            if slope is None:
                if gauge == "memory MB" and seconds >= JUDGED_S:
                    grown.append(f"{role} never lived for long enough to be judged")
                continue
            sure = (slope.per_hour - 2 * slope.error) * seconds / 3600
            if sure > most:
                grown.append(f"{gauge} of {role} grows by {slope.per_hour:.1f} an hour (+- {2 * slope.error:.1f})")
            table.add_row(
                *(role, str(gauges.lives(role)), gauge, f"{slope.low:.0f}", f"{slope.high:.0f}"),
                *(f"{slope.per_hour:+.1f} ± {2 * slope.error:.1f}", "GROWS" if sure > most else "flat"),
            )
    console.print(table)
    table = Table("invariant", "", show_header=False)
    table.add_row("faults", ", ".join(f"{count} x {name}" for name, count in sorted(done.items())))
    table.add_row("received", f"{books.received:,}")
    table.add_row("= placed + late + dropped", f"{books.placed:,} + {books.late:,} + {dict(books.dropped) or 0}")
    table.add_row("windows, alerts, gaps told", f"{books.windows:,}, {books.alerts}, {books.gaps}")
    console.print(table)
    return grown


def _as_json(gauges: Gauges, done: Counter[str], books: Books) -> str:
    slopes = {
        f"{role} {gauge}": None if (slope := gauges.slope(role, gauge)) is None else slope.per_hour
        for role in gauges.looks
        for gauge in MOST
    }
    counted = {name: getattr(books, name) for name in Books.__slots__}
    return json.dumps({"slope_an_hour": slopes, "faults": done, "books": counted}, indent=1, default=str)


if __name__ == "__main__":
    sys.exit(main())
