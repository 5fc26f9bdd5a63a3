"""Who asks at the command line, and whether there is a gateway to hear it."""

from __future__ import annotations

import getpass
import os
import time

from edge_gateway.commands.refusal import Refusal
from edge_gateway.layout import Layout
from edge_gateway.status import read_status

_FRESH_NS = 5 * 10**9  # a process that runs says so twice a second


def user() -> str:
    """The person behind this command.

    Raises:
        Refusal: This user has no name.
    """
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError) as error:
        raise Refusal("--by", None, "is required, since this user has no name", "Say who asks.") from error


def is_running(layout: Layout, role: str) -> bool:
    """Whether that process of the gateway is there."""
    said = read_status(layout.status, role).get("time", 0)
    return bool(abs(time.time_ns() - said) < _FRESH_NS)
