"""Both ends of a flow that is timed: what stands ready goes in, a function takes what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition


class Polls(DynamicSource[Any]):
    """Hands out ready items, `size` at a time."""

    def __init__(self, items: list[Any], size: int) -> None:
        self._items, self._size = items, size

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSourcePartition[Any]:
        items, size = self._items, self._size

        class Part(StatelessSourcePartition[Any]):
            at = 0

            def next_batch(self) -> list[Any]:
                if self.at >= len(items):
                    raise StopIteration
                self.at += size
                return items[self.at - size : self.at]

        return Part()


class Each(DynamicSink[Any]):
    """Calls a function with every batch."""

    def __init__(self, take: Callable[[list[Any]], object]) -> None:
        self._take = take

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        take = self._take

        class Part(StatelessSinkPartition[Any]):
            def write_batch(self, items: list[Any]) -> None:
                take(items)

        return Part()
