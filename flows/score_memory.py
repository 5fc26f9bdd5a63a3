"""What one stateful model remembers of all its assets: one array per state port, one row per asset. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.state import State, StatePort, begin

LONG_AGO = 1 << 60  # rows; "never", in a counter of rows


class ScoreMemory:
    """Rows of arrays by name of the asset.

    Beside the model's own state it counts, of each asset: `seen`, rows since its beginning; `whole`, rows since the
    last one with a hole; `last`, start of its last window, ns.
    """

    def __init__(self, ports: Sequence[StatePort]) -> None:
        self.ports = tuple(ports)
        self._at: dict[str, int] = {}
        self._state: State = begin(self.ports, 0)
        self._counts: NDArray[np.int64] = np.empty((3, 0), dtype=np.int64)

    def __len__(self) -> int:
        return len(self._at)

    @property
    def assets(self) -> list[str]:
        """In the order of the rows."""
        return list(self._at)

    @property
    def seen(self) -> NDArray[np.int64]:
        """int64[assets], rows since the beginning."""
        column: NDArray[np.int64] = self._counts[0]
        return column

    @property
    def whole(self) -> NDArray[np.int64]:
        """int64[assets], rows since the last one in which a tag was missing."""
        column: NDArray[np.int64] = self._counts[1]
        return column

    @property
    def last(self) -> NDArray[np.int64]:
        """int64[assets], start of the last window, event time, ns."""
        column: NDArray[np.int64] = self._counts[2]
        return column

    def places(self, assets: Sequence[str]) -> NDArray[np.int64]:
        """Row of each asset; those it does not know yet begin."""
        fresh = [asset for asset in dict.fromkeys(assets) if asset not in self._at]
        if fresh:
            self._state = tuple(
                np.concatenate([kept, more])
                for kept, more in zip(self._state, begin(self.ports, len(fresh)), strict=True)
            )
            self._counts = np.concatenate([self._counts, np.zeros((3, len(fresh)), dtype=np.int64)], axis=1)
            for asset in fresh:
                self._at[asset] = len(self._at)
        return np.array([self._at[asset] for asset in assets], dtype=np.int64)

    def begin_again(self, places: NDArray[np.int64]) -> None:
        """Forget all that was seen of these assets."""
        if len(places):
            for array, start in zip(self._state, begin(self.ports, len(places)), strict=True):
                array[places] = start
            self.seen[places] = 0
            self.whole[places] = LONG_AGO

    def take(self, places: NDArray[np.int64]) -> State:
        """State of these assets; the arrays themselves where these are all of them, in order."""
        if self._are_all(places):
            return self._state
        return tuple(array[places] for array in self._state)

    def put(self, places: NDArray[np.int64], state: State) -> None:
        """What became of what `take` gave."""
        if self._are_all(places):
            self._state = tuple(np.ascontiguousarray(array) for array in state)
            return
        for array, after in zip(self._state, state, strict=True):
            array[places] = after

    def forget(self, assets: Sequence[str]) -> None:
        """The model serves them no longer; some it may not know."""
        gone = [self._at.pop(asset) for asset in assets if asset in self._at]
        if gone:
            self._at = {asset: place for place, asset in enumerate(self._at)}
            self._state = tuple(np.delete(array, gone, axis=0) for array in self._state)
            self._counts = np.delete(self._counts, gone, axis=1)

    def _are_all(self, places: NDArray[np.int64]) -> bool:
        return len(places) == len(self._at) and bool((places == np.arange(len(places))).all())

    def to_json(self) -> dict[str, Any]:
        """All but the numbers."""
        return {
            "assets": self.assets,
            "ports": [[port.name, list(port.shape), port.start] for port in self.ports],
        }

    def dump(self) -> list[bytes]:
        """The numbers."""
        return [self._counts.astype("<i8").tobytes(), *(array.astype("<f8").tobytes() for array in self._state)]

    @classmethod
    def load(cls, head: dict[str, Any], data: bytes, at: int) -> tuple[ScoreMemory, int]:
        """Inverse of `to_json` and `dump`; also where the next numbers begin.

        Raises:
            ValueError: Cut short, or damaged.
        """
        memory = cls([StatePort(name, tuple(shape), start) for name, shape, start in head["ports"]])
        assets = [str(asset) for asset in head["assets"]]
        memory._at = {asset: place for place, asset in enumerate(assets)}
        memory._counts = np.frombuffer(data, "<i8", 3 * len(assets), at).reshape(3, -1).astype(np.int64)
        at += 3 * 8 * len(assets)
        state = []
        for port in memory.ports:
            shape = (len(assets), *port.shape)
            count = int(np.prod(shape))
            state.append(np.frombuffer(data, "<f8", count, at).reshape(shape).astype(np.float64))
            at += 8 * count
        memory._state = tuple(state)
        return memory, at
