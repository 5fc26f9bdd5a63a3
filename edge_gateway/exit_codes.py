"""What an exit code of `sluicegate` means; scripts and supervisors may rely on these."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    FAILED = 1  # the command ran and its answer is no
    CONFIG = 2  # usage, configuration or files must be corrected first; a restart cannot help
    FLOW = 3  # the dataflow raised; its state is kept, a restart resumes before the item
