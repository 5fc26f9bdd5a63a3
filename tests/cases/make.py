"""Makes the recordings of the example cases anew: `python -m tests.cases.make`."""

from __future__ import annotations

from pathlib import Path

from connectors.recording import write_recording
from connectors.selection import Selection
from connectors.simulator.faults import Fault, Injection
from connectors.simulator.recorder import simulate

HERE = Path(__file__).parent
START = 1_767_225_600_000_000_000  # 2026-01-01
SECOND = 10**9


def clogged_filter(path: Path) -> None:
    """Two minutes of a pump's flow, head and current; its filter clogs after 80 s."""
    fault = Injection(Fault.CLOGGED_FILTER, "pump-1", 80 * SECOND)
    wanted = Selection(assets=frozenset({"pump-1"}), tags=frozenset({"flow", "head", "motor_current"}))
    write_recording(path, wanted.of(simulate(120, 7, START, [fault])))


def hot_motor(path: Path) -> None:
    """Ten minutes of a winding's temperature, a row in 5 s, as a historian exports it."""
    lines = ["time,winding_temperature"]
    for n in range(120):
        at = f"2026-01-01T00:{n * 5 // 60:02}:{n * 5 % 60:02}Z"
        lines.append(f"{at},{62 + n % 3 * 0.1 + max(0, n - 60) * 1.5 - max(0, n - 85) * 3:.1f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    clogged_filter(HERE / "clogged_filter" / "recording.parquet")
    hot_motor(HERE / "hot_motor" / "recording.csv")
