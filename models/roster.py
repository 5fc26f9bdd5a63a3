"""Which models serve which asset, changed under the hands of a running flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.served import Outcome, Served, Verdict


class Roster:
    """Implements `models.served.Models`.

    Thread-safe without a lock: `put` replaces one tuple, and a flow reads it once for each block. Windows that are
    still open lose nothing when models change, for scorers hold no state; what the flow remembers for a stateful model
    belongs to its version, and stays as long as that version is at the asset, as a shadow or not.
    """

    def __init__(self, posts: Mapping[str, Iterable[Served]] | None = None) -> None:
        self._posts: dict[str, tuple[Served, ...]] = {}
        for asset, served in (posts or {}).items():
            self.put(asset, served)

    def put(self, asset: str, served: Iterable[Served]) -> None:
        """From the next block of the asset on, these are its models.

        Raises:
            ValueError: Two of them say that they are the same one.
        """
        chosen = tuple(served)
        names = [one.scorer.model for one in chosen]
        if len(set(names)) != len(names):
            msg = f"models of {asset} = {names}: each version must be there once only, active or as a shadow"
            raise ValueError(msg)
        self._posts[asset] = chosen

    @property
    def assets(self) -> frozenset[str]:
        """Those that have models."""
        return frozenset(asset for asset, served in self._posts.items() if served)

    def of(self, asset: str) -> Sequence[Served]:
        """See `Models.of`."""
        return self._posts.get(asset, ())

    def noted(self, outcome: Outcome) -> None:
        """Nothing is made of it here."""

    def judged(self, asset: str, ends: NDArray[np.int64], verdicts: Sequence[Verdict]) -> None:
        """Nothing is made of it here."""
