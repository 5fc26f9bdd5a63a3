"""A bundle in ONNX Runtime. The only file that imports it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import MODEL, Bundle, read_bundle
from models.errors import BundleRejected, RowsRefused
from models.manifest import Manifest
from models.onnx_names import CONTRIBUTIONS, ROWS, SCORE
from models.scores import Scores
from models.signature import ANYBODY, TrustedKeys

GOLDEN_TOLERANCE = 1e-4  # relative: what other processors' rounding may change, and no wrong model passes


class OnnxScorer:
    """Scores rows with the model of a bundle; a `models.scores.Scorer`.

    One call of the engine for all rows of a call, on the caller's thread. Holds no state between calls.

    Args:
        bundle: From `read_bundle`.

    Raises:
        BundleRejected: The engine refuses the model, its inputs, outputs or metadata are not what the manifest says,
            or the golden rows do not get their scores.
    """

    def __init__(self, bundle: Bundle, path: Path = Path(MODEL)) -> None:
        self._manifest = manifest = bundle.manifest
        self._shape = (len(manifest.tags), len(manifest.features))
        self._session = _open(bundle.model, path)
        _check_interface(self._session, manifest, path)
        self._check_golden(bundle, path)

    @classmethod
    def load(cls, path: Path, keys: TrustedKeys = ANYBODY) -> OnnxScorer:
        """Read, check and open the bundle in folder `path`.

        Raises:
            BundleRejected: See `read_bundle` and the class.
        """
        return cls(read_bundle(path, keys), path / MODEL)

    @property
    def manifest(self) -> Manifest:
        """Of the bundle."""
        return self._manifest

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags the model wants, in order."""
        return self._manifest.tags

    @property
    def features(self) -> tuple[str, ...]:
        """Features the model wants of each tag, in order."""
        return self._manifest.features

    @property
    def min_coverage(self) -> float:
        """Smallest share of expected good samples per tag below which the model abstains, 0..1."""
        return self._manifest.min_coverage

    def score(self, rows: NDArray[np.float64]) -> Scores:
        """Score rows float64[n, tags, features]; n may be 0.

        A row that is not finite abstains: it never reaches the engine, and changes no other row's score.

        Raises:
            RowsRefused: Another shape.
        """
        if rows.ndim != 3 or rows.shape[1:] != self._shape:
            raise RowsRefused(self._manifest.model, rows.shape, self._shape)
        n = len(rows)
        flat = np.ascontiguousarray(rows, dtype=np.float64).reshape(n, self._shape[0] * self._shape[1])
        usable = np.isfinite(flat).all(axis=1)
        if n and usable.all():
            score, contributions = self._run(flat)
        else:
            score, contributions = np.full(n, np.nan), np.full((n, self._shape[0]), np.nan)
            if usable.any():
                score[usable], contributions[usable] = self._run(flat[usable])
        return Scores(score, contributions, self._manifest.tags, self._manifest.model)

    def _run(self, flat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        score, contributions = self._session.run([SCORE, CONTRIBUTIONS], {ROWS: flat})
        return score, contributions

    def _check_golden(self, bundle: Bundle, path: Path) -> None:
        got, want = self.score(bundle.golden.rows).score, bundle.golden.score
        off = np.abs(got - want) > GOLDEN_TOLERANCE * np.abs(want)
        if off.any() or not np.isfinite(got).all():
            rule = f"{np.count_nonzero(off | ~np.isfinite(got))} of {len(want)} golden rows do not get their scores"
            raise BundleRejected(path, rule, "this machine's engine computes otherwise; train again with its version")


def _open(model: bytes, path: Path) -> Any:
    # From 1.29 on, the Linux wheels report to their maker: importing them is enough to write a device id and an event
    # store to disk and to look for the collector. The switch is read once, at that import (Privacy.md of the wheel).
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime as ort  # noqa: PLC0415 - after the switch, and only where a model is served

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the flow has one worker; more threads only add jitter to it
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; they are raised as well
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    # The engine's own exceptions have no common root but Exception; whatever it says, the bundle is refused.
    except Exception as error:
        rule = f"ONNX Runtime {ort.__version__} refuses it ({str(error).splitlines()[0]})"
        raise BundleRejected(path, rule, "export it with an older opset, or upgrade onnxruntime") from error


def _check_interface(session: Any, manifest: Manifest, path: Path) -> None:
    """Names, types and shapes of inputs and outputs, and what the graph says it is, against the manifest."""
    tags, columns = len(manifest.tags), len(manifest.tags) * len(manifest.features)
    got = [(port.name, port.type, port.shape[1:]) for port in (*session.get_inputs(), *session.get_outputs())]
    want = [
        (ROWS, "tensor(double)", [columns]),
        (SCORE, "tensor(double)", []),
        (CONTRIBUTIONS, "tensor(double)", [tags]),
    ]
    if got != want:
        raise BundleRejected(path, f"inputs and outputs are {got}, they must be {want}", "export it to this interface")
    said = session.get_modelmeta().custom_metadata_map
    for key, value in {
        "name": manifest.name,
        "version": manifest.version,
        "tags": json.dumps(list(manifest.tags)),
        "features": json.dumps(list(manifest.features)),
    }.items():
        if said.get(key) != value:
            rule = f"its {key} is {said.get(key)!r}, the manifest says {value!r}"
            raise BundleRejected(path, rule, "model and manifest belong to different bundles; fetch the bundle again")
