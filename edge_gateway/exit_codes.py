"""What an exit code of `sluicegate` means; scripts and supervisors may rely on these."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; `meaning` is what README and help say of each."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Exit:
        """A code and what it says."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    OK = 0, "The command did what it was asked for."
    FAILED = (
        1,
        "The command ran, and its answer is no: something is missing, bad, out of reach or not what was expected.",
    )
    CONFIG = 2, "Usage, configuration or files must be corrected first; a restart cannot help."
    FLOW = 3, "The dataflow raised. Its state is kept: a restart resumes before the item."
