"""Whether the assets of one model still look as in its training: windows in, changes of state out. Pure."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_sink.records import Event
from flows.drift_settings import DriftSettings
from flows.errors import StateError
from models.drift import PERIOD, Reference, at_or_below, judge
from models.drift_tally import Tally

NONE, DRIFTING, STALE = "none", "drifting", "stale"

_MAGIC = b"SGD1"  # the digit is the version of the format
_SIZE = struct.Struct("<I")
_TOGETHER = 64  # assets judged at a time: their counts stay in the cache
_MOST_NAMED = 5


@dataclass(slots=True, eq=False)
class DriftRows:
    """Windows of one asset that count, thinned.

    Attributes:
        asset: Its name.
        start: int64[k], ns.
        values: float64[k, columns], finite: the features, tag by tag, and the score.
    """

    asset: str
    start: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(slots=True)
class Standing:
    """How an asset stands since its last full period.

    Attributes:
        asset: Its name.
        state: NONE, DRIFTING, or STALE: drifting, and every window of the period above the model's threshold.
        since: Start of the first period that was so, ns; 0 = none was ever full.
        checked: End of the last full period, ns; 0 = there was none.
        worst: Columns with the largest index, largest first, and the index: of those that drifted, else of all.
        begun: Start of the running period, ns.
        above: Windows of the running period above the model's threshold.
    """

    asset: str
    state: str = NONE
    since: int = 0
    checked: int = 0
    worst: tuple[tuple[str, float], ...] = ()
    begun: int = 0
    above: int = 0


class DriftState:
    """All assets of one model. Windows on which the model abstained do not come here.

    Attributes:
        standings: Of each asset, in the order in which they came.
        judged: Periods since the start of the process.
    """

    def __init__(self, of: Reference, settings: DriftSettings) -> None:
        self._of = of
        self._columns = of.columns
        self._stride, self._limit = settings.stride(of.every_ns), settings.limit(of)
        self._tally = Tally(len(of.edges))
        self.standings: list[Standing] = []
        self.judged = 0
        self._at: dict[str, int] = {}

    def push(self, items: Sequence[DriftRows]) -> list[Event]:
        """Count them, window by window over all assets; hand back what changed."""
        waiting = _by_asset(items)
        at = [self._place(asset) for asset in waiting]
        self._tally.grow(len(self.standings) - len(self._tally.windows))
        out: list[Event] = []
        for row in range(max((len(rows.start) for rows in waiting.values()), default=0)):
            present = [(place, rows) for place, rows in zip(at, waiting.values(), strict=True) if len(rows.start) > row]
            out += self._count(present, row)
        return out

    def _count(self, present: list[tuple[int, DriftRows]], row: int) -> list[Event]:
        values = np.stack([rows.values[row] for _, rows in present])
        for (place, rows), score in zip(present, values[:, -1].tolist(), strict=True):
            standing = self.standings[place]
            if not self._tally.windows[place]:
                standing.begun, standing.above = int(rows.start[row]), 0
            standing.above += score > 1.0
        full = self._tally.count(np.array([place for place, _ in present]), at_or_below(values, self._of.edges))
        if not len(full):
            return []
        ends = {place: int(rows.start[row]) + self._of.every_ns for place, rows in present}
        self.judged += len(full)
        chunks = [full[low : low + _TOGETHER] for low in range(0, len(full), _TOGETHER)]
        return [event for chunk in chunks for event in self._judge(chunk, ends)]

    def _judge(self, full: NDArray[np.intp], ends: dict[int, int]) -> Iterable[Event]:
        verdicts = judge(self._tally.counts(full), self._of, stride=self._stride, limit=self._limit)
        for place, psi, drifted in zip(full.tolist(), verdicts.psi, verdicts.drifted, strict=True):
            standing = self.standings[place]
            was, standing.checked = standing.state, ends[place]
            standing.state = NONE if not drifted.any() else STALE if standing.above == PERIOD else DRIFTING
            order = np.argsort(-np.where(drifted, psi, -1.0) if drifted.any() else -psi, kind="stable")
            named = order[: min(_MOST_NAMED, int(drifted.sum()) or _MOST_NAMED)]
            standing.worst = tuple((self._columns[column], round(float(psi[column]), 3)) for column in named)
            if standing.state != was:
                standing.since = standing.begun if NONE in (was, standing.state) else standing.since
                yield self._event(standing, int(drifted.sum()))

    def _event(self, standing: Standing, count: int) -> Event:
        asset, model = standing.asset, self._of.model
        named = ", ".join(f"{name} ({psi:.2f})" for name, psi in standing.worst)
        more = f" and {count - len(standing.worst)} more" if count > len(standing.worst) else ""
        if standing.state == NONE:
            detail = f"The windows of {asset} look again as {model} was trained on."
        elif standing.state == DRIFTING:
            detail = f"The windows of {asset} do not look as {model} was trained on: {named}{more} (PSI)."
        else:
            detail = (
                f"All windows of {asset} are above the threshold of {model}, and {named}{more} (PSI) are not as it was "
                "trained on: it is stale, or a fault stands. Look at the machine, then train it again."
            )
        reason = "ended" if standing.state == NONE else standing.state
        return Event(asset, "drift", reason, standing.begun, standing.checked, count, model, detail)

    def _place(self, asset: str) -> int:
        place = self._at.setdefault(asset, len(self._at))
        if place == len(self.standings):
            self.standings.append(Standing(asset))
        return place

    def forget(self, asset: str) -> bool:
        """It has another model now; False = it was not known here."""
        place = self._at.pop(asset, None)
        if place is None:
            return False
        del self.standings[place]
        self._tally.forget(place)
        self._at = {standing.asset: number for number, standing in enumerate(self.standings)}
        return True

    def snapshot(self) -> bytes:
        """Magic with the version, a length, a JSON text, then the columns of the tally."""
        head = {
            "fingerprint": self._of.fingerprint,
            "stride": self._stride,
            "assets": [asdict(standing) for standing in self.standings],
        }
        text = json.dumps(head).encode()
        return b"".join([_MAGIC, _SIZE.pack(len(text)), text, *self._tally.dump()])

    @classmethod
    def restore(cls, data: bytes, of: Reference, settings: DriftSettings) -> DriftState:
        """Inverse of `snapshot`. With another baseline or period, what was counted is forgotten; how it stood is not.

        Raises:
            StateError: Another format, or damaged.
        """
        head, at = _head(data)
        state = cls(of, settings)
        try:
            for kept in head["assets"]:
                worst = tuple((name, psi) for name, psi in kept.pop("worst"))
                state.standings.append(Standing(**kept, worst=worst))
            state._at = {standing.asset: place for place, standing in enumerate(state.standings)}
            if (head["fingerprint"], head["stride"]) == (of.fingerprint, state._stride):
                state._tally = Tally.load(memoryview(data)[at:], len(of.edges), len(state.standings))
            else:
                state._tally.grow(len(state.standings))
        except (ValueError, TypeError, KeyError) as error:
            raise StateError("drift", f"damaged ({error})") from error
        return state


def assets_in(data: bytes) -> set[str]:
    """Whose a snapshot is.

    Raises:
        StateError: Another format, or damaged.
    """
    try:
        return {kept["asset"] for kept in _head(data)[0]["assets"]}
    except (TypeError, KeyError) as error:
        raise StateError("drift", f"damaged ({error})") from error


def _head(data: bytes) -> tuple[dict[str, Any], int]:
    if data[: len(_MAGIC)] != _MAGIC:
        raise StateError("drift", f"format {data[: len(_MAGIC)]!r} where {_MAGIC!r} is read")
    try:
        (size,) = _SIZE.unpack_from(data, len(_MAGIC))
        at = len(_MAGIC) + _SIZE.size + size
        head: dict[str, Any] = json.loads(data[at - size : at])
        if not {"fingerprint", "stride", "assets"} <= head.keys():
            raise StateError("drift", "cut short or damaged")
    except (ValueError, AttributeError, struct.error) as error:
        raise StateError("drift", f"cut short or damaged ({error})") from error
    return head, at


def _by_asset(items: Sequence[DriftRows]) -> dict[str, DriftRows]:
    """The rows of each asset in one piece; an asset may come twice in a pass."""
    out: dict[str, DriftRows] = {}
    for item in items:
        first = out.get(item.asset)
        if first is not None:
            start, values = np.append(first.start, item.start), np.concatenate([first.values, item.values])
            item = DriftRows(item.asset, start, values)  # noqa: PLW2901
        out[item.asset] = item
    return out
