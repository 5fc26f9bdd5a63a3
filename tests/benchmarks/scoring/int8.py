"""Imported autoencoders in float32 and in int8, dynamic and static: do they alarm alike, and what does a call cost.

256 columns through 256-64-256, as PyTorch exports it: 660 kB of weights. Beside the speed the share of windows, half of
them broken, for which the int8 bundle and the float bundle agree whether it is an alarm.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from models.feature_rows import FeatureRows
from models.features import FeatureSet
from models.foreign.importing import import_model
from models.onnx_scorer import OnnxScorer

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "foreign"))

from graphs import autoencoder

TAGS, FEATURES, ROWS = 16, 16, 2000
SECOND = 10**9


def learnt() -> FeatureRows:
    rng = np.random.default_rng(0)
    load = rng.normal(size=(ROWS, 1, 1))
    return FeatureRows(
        values=50.0 + 3.0 * load + rng.normal(size=(ROWS, TAGS, FEATURES)),
        starts=np.arange(ROWS) * SECOND,
        tags=tuple(f"tag{at}" for at in range(TAGS)),
        feature_set=FeatureSet.from_names(tuple(f"quantile:{at / 32:g}" for at in range(1, FEATURES + 1)), "bench"),
        window_length_ns=SECOND,
        window_every_ns=SECOND,
    )


class Reader(CalibrationDataReader):
    def __init__(self, rows: FeatureRows) -> None:
        self.batches = iter([{"input": rows.flat[:500].astype(np.float32)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


def measured(best: Callable[[Callable[[], object]], float]) -> list[dict[str, Any]]:
    rows = learnt()
    broken = rows.values.copy()
    broken[:, 0] += 3.0 * np.sin(np.arange(ROWS))[:, None] + 6.0
    judged = np.concatenate([rows.values, broken])
    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        plain = autoencoder(path / "float32.onnx", TAGS * FEATURES, 256, 64)
        quantize_dynamic(plain, path / "dynamic.onnx", weight_type=QuantType.QInt8)
        quantize_static(plain, path / "static.onnx", Reader(rows), quant_format=QuantFormat.QDQ, per_channel=True)
        took: dict[tuple[str, int], float] = {}
        want = np.empty(0, dtype=np.bool_)
        for kind in ("float32", "static", "dynamic"):
            out = path / kind
            import_model(path / f"{kind}.onnx", rows, name="bench", version="1", out=out)
            scorer = OnnxScorer.load(out)
            alarms = scorer.score(judged).score > 1.0
            want = alarms if kind == "float32" else want
            for n in (1, 100):
                some = rows.values[:n].copy()
                ours = took[kind, n] = best(lambda some=some, scorer=scorer: scorer.score(some))
                base = took["float32", n]
                agree = "" if kind == "float32" else f", {np.mean(alarms == want):.1%} of alarms alike"
                results.append(
                    {
                        "name": f"scoring: imported autoencoder 256-64-256, {kind}, {n} rows{agree}",
                        "figure": ours,
                        "unit": "us a call",
                        "against": "" if kind == "float32" else f"float32 {base:.0f} us",
                        "ratio": None if kind == "float32" else base / ours,
                        "goal": "",
                        "met": None,
                    }
                )
    return results
