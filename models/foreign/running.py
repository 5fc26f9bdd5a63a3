"""The model as it came, through the engine: what a bundle made of it must agree with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detectors.row_detector import RowDetector
from models.errors import BundleRejected, ImportRefused
from models.foreign.read import Foreign
from models.foreign.wrap import Scale
from models.onnx_scorer import GOLDEN_TOLERANCE, open_session

FAR = 100.0  # spreads
_PROBED = 16  # rows, for what takes a call each
_SMALLEST = 1e-3  # of the median error: below it a relative difference says nothing


class Columns(RowDetector):
    """Only centre and spread of the columns: what is constant gets a spread as every detector of rows gives it."""

    def _learn(self, z: NDArray[np.float64]) -> None:
        pass

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.square(z)


def run_original(path: Path, foreign: Foreign, flat: NDArray[np.float64], *, together: bool) -> NDArray[np.float64]:
    """What the file, untouched, gives for rows float64[n, columns]: float64[n, columns] or float64[n, 1].

    Args:
        path: Of the file.
        foreign: What was read of it.
        flat: Finite rows.
        together: In one call; False = a call for each.

    Raises:
        ImportRefused: The engine refuses the model or fails at a row.
    """
    session = _session(path)
    fed = flat.astype(foreign.dtype)
    if foreign.by_tag:
        shape = session.get_inputs()[0].shape[1:]
        fed = fed.reshape(-1, *shape)
    name, output = foreign.input.removeprefix("model/"), foreign.output.removeprefix("model/")
    parts = [fed] if together else [fed[at : at + 1] for at in range(len(fed))]
    try:
        made = np.concatenate([session.run([output], {name: part})[0] for part in parts])
    # The engine's own exceptions have no common root but Exception; whatever it says, the model cannot be used.
    except Exception as error:
        told = str(error).splitlines()[0]
        raise ImportRefused("model", "failing", f"it cannot be run on rows ({told})", "export it again") from error
    if len(made) != len(flat):
        rule = f"{len(flat)} rows give {len(made)} results; the first axis must count rows"
        raise ImportRefused("output", output, rule, "export it with a dynamic batch")
    return np.asarray(made, dtype=np.float64).reshape(len(flat), -1)


def errors_of(
    foreign: Foreign, made: NDArray[np.float64], flat: NDArray[np.float64], scale: Scale
) -> NDArray[np.float64]:
    """Raw scores float64[n] of what the model gave: the mean squared error in spreads, or its own score, rising."""
    if foreign.reconstructs:
        raw: NDArray[np.float64] = np.mean(np.square((flat - made) / scale.spread), axis=1)
        return raw
    return -made[:, 0] if scale.falls else made[:, 0]


def far_from(flat: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Some of the rows, a hundred spreads up, and as many down."""
    some = flat[-_PROBED:]
    return np.concatenate([some + FAR * scale.spread, some - FAR * scale.spread])


def is_coupled(foreign: Foreign, path: Path, flat: NDArray[np.float64], scale: Scale) -> bool:
    """Whether a row's score depends on its company, beyond rounding: asked with a far one among them."""
    if foreign.one_by_one:
        return False
    probe = np.concatenate([flat[:_PROBED], far_from(flat, scale)[:1]])
    made = [run_original(path, foreign, probe, together=together) for together in (True, False)]
    scores = [errors_of(foreign, one, probe, scale)[:-1] for one in made]
    smallest = _SMALLEST * max(float(np.median(np.abs(scores[1]))), 1e-30)
    return bool(np.any(np.abs(scores[0] - scores[1]) > GOLDEN_TOLERANCE * np.maximum(np.abs(scores[1]), smallest)))


def _session(path: Path) -> Any:
    try:
        return open_session(path.read_bytes(), path)
    except BundleRejected as refused:
        raise ImportRefused("model", path.name, refused.rule, refused.fix) from refused
