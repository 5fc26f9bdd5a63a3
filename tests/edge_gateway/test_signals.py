"""Signals that come while another one is being handled."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

# The handler of the first signal is interrupted by more, at every line: what a burst of signals does by chance.
BURST = """
import os, signal, sys
from edge_gateway.signals import StopFlag
flag = StopFlag()
sent = 0
def each_line(frame, event, arg):
    global sent
    if frame.f_code.co_filename.endswith(("signals.py", "threading.py")):
        sent += 1
        signal.raise_signal(signal.SIGTERM)
    return each_line
signal.alarm(20)
sys.settrace(each_line)
signal.raise_signal(signal.SIGTERM)
sys.settrace(None)
print(flag.is_set(), sent)
"""


def test_a_burst_of_signals_neither_hangs_nor_is_lost() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", BURST], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != -signal.SIGALRM, "it hangs"
    is_set, sent = done.stdout.split()
    assert is_set == "True"
    assert int(sent) > 1
