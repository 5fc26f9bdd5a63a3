"""The window operator: blocks of samples in, closed windows out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import bytewax.operators as op
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic
from typing_extensions import override

from cloud_sink.records import Account, Event
from connectors.samples import Item
from flows.blocks import LateBlock
from flows.window_block import WindowBlock
from flows.window_kinds import AnyWindowSettings
from flows.window_state import WindowOutput, WindowState

T = TypeVar("T")


@dataclass(frozen=True)
class WindowStreams:
    """Streams returned from `window`, all keyed by asset.

    Attributes:
        closed: Windows that closed, in order of their start.
        late: Samples that came when all their windows were closed.
        events: Gaps, drops, migrations, and clocks that were followed.
        accounts: The books, cumulative, whenever something above was said and at the end of input.
    """

    closed: KeyedStream[WindowBlock]
    late: KeyedStream[LateBlock]
    events: KeyedStream[Event]
    accounts: KeyedStream[Account]


class _WindowLogic(StatefulBatchLogic[Item, WindowOutput, bytes]):
    def __init__(self, settings: AnyWindowSettings, resume_state: bytes | None) -> None:
        if resume_state is None:
            self._state = WindowState(settings)
        else:
            self._state = WindowState.restore(resume_state, settings)

    @override
    def on_batch(self, values: list[Item]) -> tuple[Iterable[WindowOutput], bool]:
        # One at a time, so that what is late does not depend on how many blocks one poll of the source brought.
        out: list[WindowOutput] = []
        for item in values:
            out += self._state.push(item)
        return out, self.RETAIN

    @override
    def on_eof(self) -> tuple[Iterable[WindowOutput], bool]:
        # Open windows stay open: a graceful stop must not emit half windows that a restart emits again.
        return [self._state.account()], self.RETAIN

    @override
    def snapshot(self) -> bytes:
        return self._state.snapshot()


@operator
def window(step_id: str, up: KeyedStream[Item], settings: AnyWindowSettings) -> WindowStreams:  # noqa: ARG001
    """Event-time windows per asset, in one stateful step.

    Args:
        step_id: Keys the recovery state: renaming it orphans all open windows.
        up: Blocks and notices keyed by asset.
        settings: `WindowSettings` (tumbling, hopping), `SessionSettings` or `CountSettings`. A change of the windows
            that are cut, on restart, closes out old windows as partial and says so in an event.

    Returns:
        See `WindowStreams`.
    """
    out = op.stateful_batch("state", up, lambda resume_state: _WindowLogic(settings, resume_state))
    return WindowStreams(
        closed=_only("closed", out, WindowBlock),
        late=_only("late", out, LateBlock),
        events=_only("events", out, Event),
        accounts=_only("accounts", out, Account),
    )


def _only(step_id: str, up: KeyedStream[Any], kind: type[T]) -> KeyedStream[T]:
    """The values of one type; a list comprehension per batch costs a tenth of a call per item."""

    def shim_mapper(items: list[tuple[str, Any]]) -> list[tuple[str, T]]:
        return [item for item in items if type(item[1]) is kind]

    return op.flat_map_batch(step_id, up, shim_mapper)
