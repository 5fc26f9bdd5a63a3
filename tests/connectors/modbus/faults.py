"""A pump, the values it answers with, and a fault that happens once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

TAGS = {"flow": "holding:10:uint16", "head": "holding:11:uint16", "level": "input:40:uint16"}
RIGHT = {"flow": 1010.0, "head": 1011.0, "level": 1040.0}
MS = timedelta(milliseconds=1)


def first_time(action: Callable[[Any, Any], Awaitable[None] | None], *, of_function: int = 3) -> Any:
    """A script that does something odd once, to the second request with this function code, and is honest else."""
    seen = [0]

    async def script(asked: Any, writer: Any) -> None:
        seen[0] += asked.fields[2] == of_function
        if asked.fields[2] == of_function and seen[0] == 2:
            result = action(asked, writer)
            if result is not None:
                await result
        else:
            writer.write(asked.answer())

    return script
