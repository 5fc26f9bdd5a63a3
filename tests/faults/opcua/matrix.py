"""Runs the fault matrix against both servers and prints its table; `--write` puts it into the README of the driver."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
README = ROOT / "connectors" / "opcua" / "README.md"
BEGIN, END = "<!-- fault matrix: begin -->", "<!-- fault matrix: end -->"
SERVERS = ("asyncua", "node-opcua")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        rows.touch()
        environment = os.environ | {"FAULTS_TABLE": str(rows), "FAULTS_NODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-m", "faults", str(HERE)]
        code = subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
        accounts = [json.loads(line) for line in rows.read_text().splitlines()]
    text = table(accounts)
    print(text)
    if "--write" in sys.argv and code == 0:
        head, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{head}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")
    return code


def table(accounts: list[dict[str, object]]) -> str:
    """Markdown; one row a fault and server."""
    lines = [
        f"asyncua {version('asyncua')}, {_node_versions()}; Python {platform.python_version()}.",
        "",
        "| Fault | What was done | Server | First value (s) | Lost | Unreported | Twice | Wrong | Reported |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    accounts.sort(key=lambda row: (int(str(row["fault"])[1:]), row["how"].split(":")[0], row["server"]))  # type: ignore[attr-defined]
    for row in accounts:
        first = "-" if row["first_s"] is None else f"{row['first_s']:.2f}"
        cells = (row["fault"], row["how"], row["server"], first, row["lost"], row["unreported"], row["repeated"])
        lines.append(f"| {' | '.join(map(str, cells))} | {row['wrong']} | {row['reported'] or 'nothing'} |")
    return "\n".join(lines) + "\n"


def _node_versions() -> str:
    package = ROOT / "var" / "node" / "node_modules" / "node-opcua" / "package.json"
    if not package.exists():
        return "node-opcua not installed"
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return f"node-opcua {json.loads(package.read_text())['version']} on Node.js {node.removeprefix('v')}"


if __name__ == "__main__":
    sys.exit(main())
