"""Every parser of bytes from outside, with what it may answer and sound inputs to begin from.

A door takes any bytes. It hands back a value that is checked, or raises one of the errors it promises; anything else
is a finding. `test_doors.py` tries mutations of the seeds with every `make test`; `hunt.py` looks for more, guided by
coverage (`make fuzz`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Door:
    """One parser.

    Attributes:
        enter: Takes the bytes and checks what comes of them with `assert`.
        errors: What it promises to raise for bytes it does not take.
        seeds: Makes sound inputs; mutations of these get further in than noise does.
        tries: Mutations in `make test`; fewer where one is slow.
    """

    enter: Callable[[bytes], None]
    errors: tuple[type[Exception], ...]
    seeds: Callable[[], list[bytes]]
    tries: int = 150


def knock(door: Door, data: bytes) -> bool:
    """Whether the door takes these bytes.

    Raises:
        Exception: A finding: neither taken nor refused as promised.
    """
    try:
        door.enter(data)
    except door.errors:
        return False
    return True


def all_doors() -> dict[str, Door]:
    """By name. Imports what they are made of."""
    from tests.fuzz import doors_cloud, doors_devices, doors_disk, doors_people

    return {**doors_devices.DOORS, **doors_cloud.DOORS, **doors_disk.DOORS, **doors_people.DOORS}
