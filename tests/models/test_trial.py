"""What the process in which a bundle is opened may do to the one that asked for it."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from models import trial
from models.errors import BundleNotJudged
from models.signature import ANYBODY
from models.trial import try_bundle

BUDGET = timedelta(milliseconds=500)


def instead(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Another programme in the place of the interpreter."""
    path = folder / "other"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(trial.sys, "executable", str(path))


def test_one_that_talks_without_end_is_not_listened_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead(monkeypatch, tmp_path, "head -c 1000000 /dev/zero; exec sleep 2")
    with pytest.raises(BundleNotJudged, match="said more than 65536 bytes"):
        try_bundle(tmp_path, ANYBODY, BUDGET, seconds=0.5)


@pytest.mark.parametrize(
    ("script", "rule"),
    [("exec sleep 2", "not ready after 0.2 s"), ("exec >&-; exec sleep 2", "not ready"), ("kill -9 $$", "by SIGKILL")],
    ids=["silent", "closed", "dead"],
)
def test_one_that_dies_or_is_late_was_not_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, rule: str
) -> None:
    instead(monkeypatch, tmp_path, script)
    with pytest.raises(BundleNotJudged, match=rule):
        try_bundle(tmp_path, ANYBODY, BUDGET, seconds=0.1)


def test_where_it_may_not_be_made_nice_it_is_tried_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = "import os\ndef nice(by): raise PermissionError\nos.nice = nice\nfrom models import trial\ntrial.main()"
    instead(monkeypatch, tmp_path, f"exec {sys.executable} -P -c '{code}'")
    with pytest.raises(BundleNotJudged, match=r"manifest\.json: it cannot be read"):
        try_bundle(tmp_path, ANYBODY, BUDGET)
