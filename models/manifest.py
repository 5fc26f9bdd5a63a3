"""The manifest: what a bundle says about itself, and the only file of it that is read before it is trusted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter

from models.features import FeatureSet
from models.onnx_names import ROWS
from models.state import StatePort
from models.strict_json import read_strict

SCHEMA = 2
THRESHOLD = 1.0  # scores are divided by the calibrated limit inside the graph, so the threshold never varies

NAME_RULE = "1-64 letters, digits, '.', '_' or '-', first a letter or digit"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PORT = re.compile(r"[a-z][a-z0-9_]{0,31}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class FeatureSetId:
    """Which feature set the rows were made with.

    Attributes:
        name: Of the set.
        version: Of the set.
        hash: Of names, formulas, order and version; a gateway with another hash must not serve the bundle.
    """

    __pydantic_config__ = _STRICT

    name: str
    version: int
    hash: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """Where the limit came from, and what can honestly be said about false alarms.

    Attributes:
        limit: Squared Mahalanobis distance (or whatever the detector measures) that became score 1.0.
        method: "budget" (a quantile that keeps the budget on held-out rows) or "max_times_margin".
        margin: Factor on the largest held-out score; 1.0 for "budget".
        blocks: Contiguous blocks of the cross-validation.
        embargo: Rows left out on both sides of the block that is scored.
        rows: Held-out scores the limit rests on.
        days: Time they cover, added up over the assets they came from.
        budget_per_day: False-alarm episodes a day that were asked for.
        false_alarms_per_day_at_most: What the rows can vouch for, as long as the plant stays as it was recorded.
        heldout_over_in_sample: Largest held-out score over the largest in-sample score; far above 1 = over-fitted or
            drifting.
    """

    __pydantic_config__ = _STRICT

    limit: float
    method: str
    margin: float
    blocks: int
    embargo: int
    rows: int
    days: float
    budget_per_day: float
    false_alarms_per_day_at_most: float
    heldout_over_in_sample: float

    @property
    def covers(self) -> str:
        """`days` for people."""
        if self.days >= 1:
            return f"{self.days:.1f} days"
        hours = self.days * 24
        return f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.1f} minutes"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the bundle.

    Attributes:
        name: Plain name in the folder of the bundle.
        size: Bytes.
        sha256: Hex digest of its bytes.
    """

    __pydantic_config__ = _STRICT

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything a gateway must know to serve a model, and a person to trust it.

    Attributes:
        schema: Of this file; a newer one is refused.
        name: Of the model.
        version: Of the model, given by whoever trained it.
        detector: Kind of model, for people.
        tags: In the order of the rows.
        units: Engineering unit of each tag, "" where it has none.
        features: Of each tag, in the order of the rows.
        feature_set: The set they came from.
        window_length_ns: Length of the windows.
        window_every_ns: From the start of one window to the start of the next.
        threshold: Always 1.0: see `Calibration.limit`.
        calibration: See `Calibration`.
        min_coverage: Smallest share of expected good samples per tag, 0..1, below which the model abstains.
        state: What the model remembers of an asset from row to row; empty = nothing, it judges each row by itself.
        warm_up: Rows at the beginning of an asset that get no score.
        fingerprint: SHA-256 (hex) of what it was trained on: see `fingerprint_of`.
        counter: Grows with every version of the model of this name; one that is older does not replace a newer one.
        trained_from_ns: Start of the first training window, event time, ns since the epoch.
        trained_to_ns: End of the last training window, event time, ns since the epoch.
        rows: Windows the model was fitted on.
        warnings: What was noticed in training, in sentences.
        libraries: Version of each library that took part.
        files: Everything else in the folder.

    Raises:
        ValueError: A value that no bundle can have.
    """

    __pydantic_config__ = _STRICT

    schema: int
    name: str
    version: str
    detector: str
    tags: tuple[str, ...]
    units: tuple[str, ...]
    features: tuple[str, ...]
    feature_set: FeatureSetId
    window_length_ns: int
    window_every_ns: int
    threshold: float
    calibration: Calibration
    min_coverage: float
    state: tuple[StatePort, ...]
    warm_up: int
    fingerprint: str
    counter: int
    trained_from_ns: int
    trained_to_ns: int
    rows: int
    warnings: tuple[str, ...]
    libraries: dict[str, str]
    files: tuple[FileEntry, ...] = ()

    def __post_init__(self) -> None:
        for key, name in (("name", self.name), ("version", self.version)):
            if not is_name(name):
                _refuse(key, name, "1-64 letters, digits, '.', '_' or '-', first a letter or digit")
        for key, names in (("tags", self.tags), ("features", self.features)):
            if not names or len(set(names)) != len(names):
                _refuse(key, names, "at least one, each once")
        if len(self.units) != len(self.tags):
            _refuse("units", self.units, f"one per tag, and there are {len(self.tags)} tags")
        if not 0 < self.window_every_ns <= self.window_length_ns:
            _refuse("window_every_ns", self.window_every_ns, f"from 1 to window_length_ns = {self.window_length_ns}")
        if self.threshold != THRESHOLD:
            _refuse("threshold", self.threshold, f"{THRESHOLD}, for the limit is divided out inside the graph")
        if not 0 <= self.min_coverage <= 1:
            _refuse("min_coverage", self.min_coverage, "from 0 to 1")
        ports = [port.name for port in self.state]
        if len(set(ports)) != len(ports) or not all(_PORT.fullmatch(port) and port != ROWS for port in ports):
            _refuse("state", ports, f"names of small letters, digits and '_', each once and none {ROWS!r}")
        if any(length < 1 for port in self.state for length in port.shape):
            _refuse("state", [list(port.shape) for port in self.state], "shapes of lengths >= 1")
        if self.warm_up < 0 or (self.warm_up and not self.state):
            _refuse("warm_up", self.warm_up, "0 or more, and 0 without state")
        if not _DIGEST.fullmatch(self.fingerprint):
            _refuse("fingerprint", self.fingerprint, "64 hexadecimal digits")
        if self.counter < 0:
            _refuse("counter", self.counter, "0 or more")
        if self.trained_to_ns < self.trained_from_ns:
            _refuse("trained_to_ns", self.trained_to_ns, f"not before trained_from_ns = {self.trained_from_ns}")

    @property
    def model(self) -> str:
        """What is stamped on every score: "name@version"."""
        return f"{self.name}@{self.version}"

    def encode(self) -> bytes:
        """As JSON with sorted keys, the same bytes for the same manifest."""
        return (json.dumps(asdict(self), indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def decode_manifest(data: bytes) -> Manifest:
    """Inverse of `Manifest.encode`. Strict: unknown, missing and mistyped keys are refused.

    Raises:
        ValueError: One line that names each key that is wrong.
    """
    return read_strict(data, SCHEMA, _reader)


@cache
def _reader() -> TypeAdapter[Manifest]:
    """Takes 3 ms to make: not at import, and not again at every swap of a model."""
    return TypeAdapter(Manifest)


def is_name(text: str) -> bool:
    """Whether a model or a version may be called so; such a name is also safe as the name of a folder."""
    return _NAME.fullmatch(text) is not None


def fingerprint_of(rows: NDArray[np.float64], tags: Sequence[str], features: Sequence[str]) -> str:
    """What tells one set of training rows from another, without holding any of them.

    Args:
        rows: float64[n, tags, features] that the model was fitted on.
        tags: Names, in order.
        features: Names, in order.

    Returns:
        SHA-256 (hex) of the rows' bytes in C order and of the names as JSON.
    """
    digest = hashlib.sha256(np.ascontiguousarray(rows, dtype="<f8").tobytes())
    digest.update(json.dumps([list(tags), list(features)]).encode())
    return digest.hexdigest()


def feature_misfit(manifest: Manifest, feature_set: FeatureSet) -> tuple[str, str] | None:
    """What is wrong where a model is to be served with a feature set, and what to do; None = it was trained on it."""
    trained, given = manifest.feature_set, f"{feature_set.name}@{feature_set.version}"
    if trained.hash == feature_set.hash:
        return None
    told = f"{trained.name}@{trained.version}"
    lies = f"[features] gives {given}" if told != given else "the features of that name here have other formulas"
    return f"was trained on feature set {told}, and {lies}", "Set [features] so, or train it again."


def _refuse(key: str, value: object, rule: str) -> None:
    msg = f"{key} = {value!r}: must be {rule}"
    raise ValueError(msg)
