"""A child process that does not outlive its supervisor."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the supervisor dies, also by kill -9. Linux only; elsewhere does nothing.

    Called first thing by each process that the supervisor starts; without a supervisor it does nothing.
    """
    parent = os.environ.get("SLUICEGATE_PARENT")
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it died before we asked
        os.kill(os.getpid(), signal.SIGTERM)
