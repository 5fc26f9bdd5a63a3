"""Runs the benchmarks and keeps their results: `python tests/benchmarks/run.py [--only NAME]`.

Each `bench_NAME.py` beside this file has `run() -> list[dict]`; a result has the keys name, figure, unit, against (what
it is compared with), ratio, goal, met, and may have more. Figures of one benchmark are taken in one run.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
KEYS = ("name", "figure", "unit", "against", "ratio", "goal", "met")


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


def main() -> int:
    names = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=names, help="one benchmark")
    parser.add_argument("--out", type=Path, default=Path("var/bench"))
    chosen = parser.parse_args()
    console = Console()
    results: list[dict[str, Any]] = []
    chosen.out.mkdir(parents=True, exist_ok=True)
    os.environ["SLUICEGATE_BENCH_OUT"] = str(chosen.out)  # where one may look for what another found last
    for name in [chosen.only] if chosen.only else names:
        started = time.monotonic()
        with console.status(f"bench {name} ..."):
            found = load(HERE / f"bench_{name}.py").run()
            results += found
            (chosen.out / f"{name}.json").write_text(json.dumps(found, indent=2, default=float))
        console.print(f"{name}: {time.monotonic() - started:.1f} s")
    told = [
        f"{result['name']}: " + ", ".join(f"{key} {text(result[key])}" for key in result if key not in KEYS)
        for result in results
        if set(result) - set(KEYS)
    ]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    table = Table(title=f"Benchmarks ({machine})")
    for key in KEYS:
        table.add_column(key, overflow="fold")
    for result in results:
        table.add_row(*(text(result.get(key)) for key in KEYS))
    (chosen.out / "results.json").write_text(json.dumps(results, indent=2, default=float))
    rows = ["| " + " | ".join(text(result.get(key)) for key in KEYS) + " |" for result in results]
    head = [f"Measured on {machine}.", "", "| " + " | ".join(KEYS) + " |", "|" + "---|" * len(KEYS)]
    markdown = "\n".join([*head, *rows, "", *(f"- {line}" for line in told)]) + "\n"
    (chosen.out / "results.md").write_text(markdown)
    if console.is_terminal:
        console.print(table, *told, sep="\n")
    else:
        print(markdown)
    missed = [result["name"] for result in results if result.get("met") is False]
    if missed:
        console.print(f"goals missed: {', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
