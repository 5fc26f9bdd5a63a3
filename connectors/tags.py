"""Tags: the process variables of an asset, and the table that numbers them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_TAGS = 65_535  # the column that names the tag is a uint16


@dataclass(frozen=True, slots=True)
class Tag:
    """One process variable of one asset.

    Attributes:
        name: Unique within its asset.
        unit: Engineering unit of the value after scaling, "" where there is none.
        interval_s: Expected time between two samples in seconds; for a waveform the time between two samples of the
            array (1 / sampling rate). 0 = unknown or report-by-exception: coverage is then not judged.
        waveform: The device hands over arrays of evenly spaced samples.
    """

    name: str
    unit: str = ""
    interval_s: float = 0.0
    waveform: bool = False


@dataclass(frozen=True)
class TagTable:
    """The tags of one asset; the position of a tag here is its number in every `SampleBatch` of that asset."""

    asset: str
    tags: tuple[Tag, ...]

    def __post_init__(self) -> None:
        names = [tag.name for tag in self.tags]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            msg = f"asset {self.asset!r}: tag names must be unique, {twice} stand more than once"
            raise ValueError(msg)
        if len(names) > MAX_TAGS:
            msg = f"asset {self.asset!r}: {len(names)} tags, at most {MAX_TAGS} are possible; split the asset"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.tags)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Tag names in order."""
        return tuple(tag.name for tag in self.tags)

    @cached_property
    def interval_s(self) -> NDArray[np.float64]:
        """Expected interval of each tag in seconds, 0 where unknown."""
        return np.array([tag.interval_s for tag in self.tags], dtype=np.float64)

    @cached_property
    def waveform(self) -> NDArray[np.bool_]:
        """Which tags are waveforms."""
        return np.array([tag.waveform for tag in self.tags], dtype=np.bool_)

    @cached_property
    def units(self) -> NDArray[np.str_]:
        """Engineering unit of each tag."""
        return np.array([tag.unit for tag in self.tags], dtype=np.str_)

    def index(self, name: str) -> int:
        """Number of a tag; KeyError that lists what there is."""
        try:
            return self.names.index(name)
        except ValueError:
            msg = f"asset {self.asset!r} has no tag {name!r}; it has {', '.join(self.names)}"
            raise KeyError(msg) from None

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the journal's segment header and the recording's metadata."""
        return {"asset": self.asset, "tags": [asdict(tag) for tag in self.tags]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TagTable:
        """Inverse of `to_json`."""
        return cls(data["asset"], tuple(Tag(**tag) for tag in data["tags"]))
