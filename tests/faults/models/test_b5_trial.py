"""Fault B5: a bundle is opened for the first time where it can do no harm, whatever it does."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from models.arrays import encode_arrays
from models.bundle import GOLDEN, MANIFEST, Golden, read_bundle
from models.errors import BundleNotJudged, BundleRejected
from models.signature import ANYBODY, TrustedKeys
from models.trial import try_bundle

BUDGET = timedelta(milliseconds=500)


def test_a_good_one_passes(bundle: Path) -> None:
    passed = try_bundle(bundle, ANYBODY, BUDGET)
    assert passed.model == "press@1"
    assert 0 < passed.p99_ms < 500


def golden(score: float, folder: Path) -> None:
    found = read_bundle(folder).golden
    data = encode_arrays(Golden(found.rows, np.full_like(found.score, score)), ("rows", "score"))
    (folder / GOLDEN).write_bytes(data)
    manifest = json.loads((folder / MANIFEST).read_text())
    for entry in manifest["files"]:
        if entry["name"] == GOLDEN:
            entry.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_golden_rows_that_get_other_scores(bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle, tmp_path / "bundle")
    golden(0.123, folder)
    with pytest.raises(BundleRejected, match="golden rows do not get their scores") as refused:
        try_bundle(folder, ANYBODY, BUDGET)
    assert not isinstance(refused.value, BundleNotJudged)


@pytest.mark.parametrize(
    ("limits", "budget", "rule"),
    [
        ({"memory": 200 << 20}, BUDGET, "ended by|takes more than|bad_alloc"),
        ({"seconds": 0.02}, BUDGET, "was not ready after 0.04 s"),
        ({}, timedelta(microseconds=1), "may take 0 ms|and .* time_budget is 0 ms"),
    ],
    ids=["memory", "time", "slow"],
)
def test_one_that_takes_too_much(bundle: Path, limits: dict[str, float], budget: timedelta, rule: str) -> None:
    with pytest.raises(BundleNotJudged, match=rule):
        try_bundle(bundle, ANYBODY, budget, **limits)  # type: ignore[arg-type]


def test_the_keys_are_asked_for_there_too(bundle: Path) -> None:
    with pytest.raises(BundleNotJudged, match="is not signed"):
        try_bundle(bundle, TrustedKeys(["A" * 43 + "="]), BUDGET)
