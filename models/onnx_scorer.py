"""A bundle in ONNX Runtime. The only file that imports it."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import MODEL, Bundle, read_bundle
from models.drift import Reference, reference_of
from models.errors import BundleNotJudged, BundleRejected, RowsRefused, ScoringFailed, StateRefused
from models.manifest import THRESHOLD, Manifest
from models.onnx_names import ALARM, CONTRIBUTIONS, ROWS, SCORE, next_of
from models.scores import Scores, follow
from models.signature import ANYBODY, TrustedKeys
from models.state import State, StatePort, begin
from models.watchdog import Watchdog

GOLDEN_TOLERANCE = 1e-4  # relative: what other processors' rounding may change, and no wrong model passes


class OnnxScorer:
    """Scores rows with the model of a bundle; a `models.scores.Scorer`.

    One call of the engine for all rows of a call, on the caller's thread. Holds no state between calls; that of a
    stateful model is the caller's to keep.

    Args:
        bundle: From `read_bundle`.
        path: For messages.
        time_budget: What a call may take; None = as long as it likes.
        watchdog: Ends one that takes longer, at the next node of the graph; None = it is only found out afterwards.

    Raises:
        BundleRejected: The engine refuses the model, its inputs, outputs or metadata are not what the manifest says,
            or the golden rows do not get their scores.
    """

    def __init__(
        self,
        bundle: Bundle,
        path: Path = Path(MODEL),
        time_budget: timedelta | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._budget_s = inf if time_budget is None else time_budget.total_seconds()
        self._watchdog = watchdog if time_budget is not None else None
        self._manifest = manifest = bundle.manifest
        self._model = manifest.model
        self._shape = (len(manifest.tags), len(manifest.features))
        self._reference = _reference(bundle)
        self._session = open_session(bundle.model, path)
        self._options = _run_options()
        self._inputs = [ROWS, *(port.name for port in manifest.state)]
        self._outputs = [SCORE, CONTRIBUTIONS, *(next_of(port.name) for port in manifest.state)]
        _check_interface(self._session, manifest, path)
        # A graph that is declared for a single row, as one must be whose rows influence one another's scores.
        self._one_by_one = self._session.get_inputs()[0].shape[0] == 1
        self._check_hole(path)
        self._check_golden(bundle, path)

    @classmethod
    def load(
        cls,
        path: Path,
        keys: TrustedKeys = ANYBODY,
        time_budget: timedelta | None = None,
        watchdog: Watchdog | None = None,
    ) -> OnnxScorer:
        """Read, check and open the bundle in folder `path`.

        Raises:
            BundleRejected: See `read_bundle` and the class.
        """
        return cls(read_bundle(path, keys), path / MODEL, time_budget, watchdog)

    def watched_by(self, watchdog: Watchdog) -> None:
        """From now on it is called by a thread that has this watchdog."""
        if self._watchdog is not None:
            self._watchdog = watchdog

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

    @property
    def model(self) -> str:
        """Name and version of the model."""
        return self._model

    @property
    def state(self) -> tuple[StatePort, ...]:
        """What the model remembers of an asset; empty = nothing."""
        return self._manifest.state

    @property
    def warm_up(self) -> int:
        """Rows at the beginning of an asset that get no score."""
        return self._manifest.warm_up

    @property
    def every_ns(self) -> int:
        """From the start of one window to the start of the next, ns."""
        return self._manifest.window_every_ns

    @property
    def reference(self) -> Reference:
        """What the windows of its assets are held against for drift."""
        return self._reference

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        """Score rows float64[n, tags, features]; n may be 0. See `models.scores.Scorer`.

        For a stateless model a row that is not finite abstains: it never reaches the engine, and changes no other
        row's score.

        Raises:
            RowsRefused: Another shape.
            StateRefused: A state of another shape, or of another number of rows.
            ScoringFailed: The engine failed, or the call took longer than it may.
        """
        if rows.ndim != 3 or rows.shape[1:] != self._shape:
            raise RowsRefused(self._manifest.model, rows.shape, self._shape)
        n = len(rows)
        flat = np.ascontiguousarray(rows, dtype=np.float64).reshape(n, self._shape[0] * self._shape[1])
        if self._manifest.state:
            return self._step(flat, state)
        usable = np.isfinite(flat).all(axis=1)
        if n and usable.all():
            score, contributions = self._run(flat)
        else:
            score, contributions = np.full(n, np.nan), np.full((n, self._shape[0]), np.nan)
            if usable.any():
                score[usable], contributions[usable] = self._run(flat[usable])
        return Scores(score, contributions, self._manifest.tags, self._manifest.model)

    def _step(self, flat: NDArray[np.float64], state: State) -> Scores:
        n, ports = len(flat), self._manifest.state
        if [array.shape for array in state] != [(n, *port.shape) for port in ports]:
            told = f"{[array.shape for array in state]} for {n} rows"
            raise StateRefused(self._manifest.model, told, {port.name: port.shape for port in ports})
        if not n:
            return Scores(np.empty(0), np.empty((0, self._shape[0])), self._manifest.tags, self._manifest.model, state)
        score, contributions, *after = self._run(flat, state)
        return Scores(score, contributions, self._manifest.tags, self._manifest.model, tuple(after))

    def _run(self, flat: NDArray[np.float64], state: State = ()) -> list[NDArray[np.float64]]:
        began = time.monotonic()
        if self._watchdog is not None:
            self._watchdog.watch(self._budget_s, self._end)
        try:
            found = self._call(flat, state)
        # The engine's own exceptions have no common root but Exception; whatever it says, there are no scores.
        except Exception as error:
            if not self._options.terminate:
                said = str(error).splitlines()[0]
                raise ScoringFailed(self.model, "failed", f"ONNX Runtime failed ({said})") from error
            raise self._too_slow(began) from None
        finally:
            if self._watchdog is not None:
                self._watchdog.release()
                self._options.terminate = False
        if time.monotonic() - began > self._budget_s:
            raise self._too_slow(began)
        return found

    def _call(self, flat: NDArray[np.float64], state: State) -> list[NDArray[np.float64]]:
        if self._one_by_one and len(flat) > 1:
            places = [slice(at, at + 1) for at in range(len(flat))]
            rows = [self._call(flat[one], tuple(array[one] for array in state)) for one in places]
            return [np.concatenate(column) for column in zip(*rows, strict=True)]
        fed = dict(zip(self._inputs, (flat, *state), strict=True))
        found: list[NDArray[np.float64]] = self._session.run(self._outputs, fed, self._options)
        return found

    def _end(self) -> None:
        self._options.terminate = True

    def _too_slow(self, began: float) -> ScoringFailed:
        took, may = time.monotonic() - began, self._budget_s
        return ScoringFailed(self.model, "slow", f"a call took {took * 1e3:.0f} ms and may take {may * 1e3:.0f} ms")

    def _check_hole(self, path: Path) -> None:
        """Without any value there is no score, or one that was made for it; and no score is an alarm: `NaN > 1` is not.

        Only a model that remembers may have one: it can count how long there has been no value.
        """
        hole = np.full((1, self._shape[0] * self._shape[1]), np.nan)
        fed = dict(zip(self._inputs, (hole, *begin(self.state, 1)), strict=True))
        try:
            score, alarm = self._session.run([SCORE, ALARM], fed)
        # The engine's own exceptions have no common root but Exception; a graph that cannot be run is refused.
        except Exception as error:
            rule = f"it cannot be run ({str(error).splitlines()[0]})"
            raise BundleRejected(path, rule, "export it again") from error
        if not (np.isnan(score).all() or self.state) or alarm.tolist() != [not score[0] <= THRESHOLD]:
            rule = f"a row of NaN gets score {score.tolist()} and alarm {alarm.tolist()}, it must get NaN and true"
            raise BundleRejected(path, rule, "end the graph with Not(LessOrEqual(score, 1.0))")

    def _check_golden(self, bundle: Bundle, path: Path) -> None:
        want = bundle.golden.score
        try:
            got = follow(self, bundle.golden.rows).score
        except ScoringFailed as failure:
            fix = "train a smaller model, or give it a larger time_budget"
            kind = BundleNotJudged if failure.trouble == "slow" else BundleRejected
            raise kind(path, f"its golden rows get no scores: {failure.detail}", fix) from failure
        right = np.isclose(got, want, rtol=GOLDEN_TOLERANCE, atol=0.0, equal_nan=True)
        if not right.all():
            rule = f"{np.count_nonzero(~right)} of {len(want)} golden rows do not get their scores"
            raise BundleRejected(path, rule, "this machine's engine computes otherwise; train again with its version")


def _reference(bundle: Bundle) -> Reference:
    """From the baseline; the scores in it are of the rows kept back, a quarter of the others."""
    manifest = bundle.manifest
    return reference_of(
        bundle.baseline,
        model=manifest.model,
        tags=manifest.tags,
        features=manifest.features,
        rows=manifest.rows,
        score_rows=max(1, manifest.rows // 4),
        every_ns=manifest.window_every_ns,
        fingerprint=manifest.fingerprint,
    )


def open_session(model: bytes, path: Path) -> Any:
    """Open a model in the engine, on one thread.

    Args:
        model: The file's bytes.
        path: Of the file, for the error.

    Raises:
        BundleRejected: The engine refuses it.
    """
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
        raise BundleNotJudged(path, rule, "export it with an older opset, or upgrade onnxruntime") from error


def _run_options() -> Any:
    import onnxruntime as ort  # noqa: PLC0415 - `_open` has set its switch

    return ort.RunOptions()


def _check_interface(session: Any, manifest: Manifest, path: Path) -> None:
    """Names, types and shapes of inputs and outputs, and what the graph says it is, against the manifest."""
    tags, columns = len(manifest.tags), len(manifest.tags) * len(manifest.features)
    got = [(port.name, port.type, port.shape[1:]) for port in (*session.get_inputs(), *session.get_outputs())]
    want = [
        (ROWS, "tensor(double)", [columns]),
        *((port.name, "tensor(double)", list(port.shape)) for port in manifest.state),
        (SCORE, "tensor(double)", []),
        (ALARM, "tensor(bool)", []),
        (CONTRIBUTIONS, "tensor(double)", [tags]),
        *((next_of(port.name), "tensor(double)", list(port.shape)) for port in manifest.state),
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
