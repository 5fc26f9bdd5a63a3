from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from models.errors import RowsRefused
from models.onnx_scorer import OnnxScorer

# Runs in a process of its own, for onnxruntime reads its switch once, at its import, and this process has it already.
SERVE = """
import json, os, sys
import importlib.abc

seen = []

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "onnxruntime":
            seen.append(os.environ.get("ORT_DISABLE_TELEMETRY"))

sys.meta_path.insert(0, Watch())
from pathlib import Path
import numpy as np
from models.onnx_scorer import OnnxScorer

imported_early = "onnxruntime" in sys.modules
scorer = OnnxScorer.load(Path(sys.argv[1]))
for _ in range(20):
    scorer.score(np.zeros((3, len(scorer.tags), len(scorer.features))))
heavy = {"sklearn", "onnx", "scipy", "joblib"} & {name.partition(".")[0] for name in sys.modules}
print(json.dumps({"seen": seen, "early": imported_early, "heavy": sorted(heavy)}))
"""


@pytest.fixture(scope="module")
def served(report, tmp_path_factory):
    """What a process did that loaded a bundle and scored, and the files it left in its home."""
    home = tmp_path_factory.mktemp("home")
    # A clean environment: CI and its like would silence the telemetry by themselves, and the test would prove nothing.
    env = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-B", "-c", SERVE, str(report.bundle)], env=env, capture_output=True, text=True, check=True
    )
    left = sorted(str(file.relative_to(home)) for file in home.rglob("*"))
    return {**json.loads(done.stdout), "left": left, "stderr": done.stderr}


def test_telemetry_is_off_before_the_engine_is_imported(served):
    assert served["seen"] == ["1"]


def test_no_device_id_or_event_store_is_written(served):
    assert served["left"] == []


def test_importing_the_scorer_does_not_import_the_engine(served):
    assert not served["early"]


def test_serving_needs_nothing_of_what_trains(served):
    assert served["heavy"] == []


def test_serving_says_nothing_on_its_own(served):
    assert served["stderr"] == ""


def test_it_is_what_its_manifest_says(report):
    scorer = OnnxScorer.load(report.bundle)
    assert scorer.tags == ("flow", "pressure")
    assert scorer.features == ("mean", "std", "max")
    assert scorer.min_coverage == 0.8
    assert scorer.manifest.model == "press@1"


@pytest.mark.parametrize("shape", [(2, 3), (1, 3, 2), (1, 2, 4), (6,)])
def test_rows_of_another_shape_are_refused(report, shape):
    with pytest.raises(RowsRefused, match="press@1 wants"):
        OnnxScorer.load(report.bundle).score(np.zeros(shape))


def test_it_takes_any_layout_and_type_of_rows(report, rows):
    scorer = OnnxScorer.load(report.bundle)
    given = rows(10)
    want = scorer.score(given).score
    np.testing.assert_array_equal(scorer.score(np.asfortranarray(given)).score, want)
    np.testing.assert_array_equal(scorer.score(np.repeat(given, 2, axis=0)[::2]).score, want)
    np.testing.assert_allclose(scorer.score(given.astype(np.float32)).score, want, rtol=1e-2)


def test_it_leaves_the_rows_alone(report, rows):
    given = rows(10)
    given[3, 0, 0] = np.nan
    before = given.copy()
    given.setflags(write=False)
    OnnxScorer.load(report.bundle).score(given)
    np.testing.assert_array_equal(given, before)
