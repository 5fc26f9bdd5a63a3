"""Looks for inputs that a door neither takes nor refuses as promised, guided by coverage (atheris, libFuzzer).

    make fuzz                       every door for 20 s
    make fuzz ONLY=modbus SECONDS=600

What was found on the way is kept in var/fuzz/corpus, an input that is a finding in var/fuzz/findings.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path("var/fuzz")
MOST_BYTES, MOST_MB, SLOWEST_S = 65_536, 2048, 10


def main() -> int:
    """Every door in a process of its own, since libFuzzer ends the one that it runs in."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="part of a door's name")
    parser.add_argument("--seconds", type=int, default=20, help="for each door")
    parser.add_argument("--door", help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.door:
        hunt(wish.door, wish.seconds)
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: `make fuzz` installs it.", file=sys.stderr)
        return 2
    from tests.fuzz.doors import all_doors

    names = [name for name in all_doors() if wish.only in name]
    cores = os.cpu_count() or 1
    print(f"{len(names)} doors, {wish.seconds} s each, {cores} at a time", flush=True)
    with ThreadPoolExecutor(cores) as pool:
        sound = list(pool.map(lambda name: _sound(name, wish.seconds), names))
    print(f"{sum(sound)} of {len(names)} doors without a finding")
    return 0 if all(sound) else 1


def _sound(name: str, seconds: int) -> bool:
    """Hunt at one door, and print what came of it."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz.hunt", "--door", name, "--seconds", str(seconds)]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    told = [line for line in run.stderr.splitlines() if "cov:" in line][-1:]
    last = " ".join(told[0].split()[:4]) if told else ""
    word = "FINDING" if run.returncode else "ok"
    trace = "\n" + "\n".join(run.stderr.splitlines()[-40:]) if run.returncode else ""
    print(f"{word:7} {name:24} {time.monotonic() - began:4.0f} s  {last}{trace}", flush=True)
    return not run.returncode


def hunt(name: str, seconds: int) -> None:
    """One door. Does not return."""
    import atheris

    with atheris.instrument_imports(include=["cloud_sink", "connectors", "edge_gateway", "models"]):
        from tests.fuzz.doors import all_doors, knock

        door = all_doors()[name]
        seeds = door.seeds()
    corpus, findings = FOLDER / "corpus" / name, FOLDER / "findings" / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    enter: Callable[[bytes], object] = lambda data: knock(door, data)  # noqa: E731 - what libFuzzer calls
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MOST_BYTES}",
        f"-rss_limit_mb={MOST_MB}",
        f"-timeout={SLOWEST_S}",
    ]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={findings}{os.sep}", str(corpus)], enter)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
