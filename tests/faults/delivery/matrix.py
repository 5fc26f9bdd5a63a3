"""Makes every fault of the outbox and prints the table; `--write` puts it into the README of cloud_sink."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT))

from tests.faults.delivery.rows import ROWS  # noqa: E402

README = ROOT / "cloud_sink" / "README.md"
BEGIN, END = "<!-- delivery faults: begin -->", "<!-- delivery faults: end -->"
HEAD = ("Fault", "What was done", "Runs", "Lost", "Twice", "Back after (s)", "Seen")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        rows.touch()
        environment = os.environ | {"FAULTS_TABLE": str(rows), "DELIVERY_FAULTS": "full"}
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "-m", "faults or not faults", str(HERE)]
        code = subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
        accounts = {(row["fault"], row["how"]): row for row in map(json.loads, rows.read_text().splitlines())}
    text = table(accounts)
    print(text)
    if missing := [row for row in ROWS if row not in accounts]:
        print("Not made here:", "; ".join(" ".join(row) for row in missing))
    if "--write" in sys.argv and code == 0 and not missing:
        head, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{head}{BEGIN}\n{text}{END}{rest.partition(END)[2]}")
    return code


def table(accounts: dict[tuple[str, str], dict[str, object]]) -> str:
    """Markdown; one row a fault."""
    lines = [
        f"{os.cpu_count()} cores, Python {platform.python_version()}; `make delivery-faults` makes it anew.",
        "",
        f"| {' | '.join(HEAD)} |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for name in ROWS:
        if (row := accounts.get(name)) is not None:
            back = "" if row["recovery_s"] is None else f"{row['recovery_s']:.2f}"
            cells = (row["fault"], row["how"], row["runs"], row["lost"], row["twice"], back, row["told"])
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
