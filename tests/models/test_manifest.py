from __future__ import annotations

import json
from dataclasses import replace

import pytest

from models.bundle import read_manifest
from models.manifest import decode_manifest


@pytest.fixture
def manifest(report):
    return read_manifest(report.bundle)


def test_what_is_written_is_what_is_read(manifest):
    assert decode_manifest(manifest.encode()) == manifest
    assert manifest.model == "press@1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 1}, "schema = 1: this software reads schema 2"),
        ({"state": [{"name": "rows", "shape": [2], "start": "nan"}]}, "each once and none 'rows'"),
        ({"state": [{"name": "ring", "shape": [2], "start": "one"}]}, "state.0.start"),
        ({"state": [{"name": "ring", "shape": [0], "start": "nan"}]}, "lengths >= 1"),
        ({"warm_up": 3}, "0 without state"),
        ({"fingerprint": "abc"}, "64 hexadecimal digits"),
        ({"counter": -1}, "counter = -1: must be 0 or more"),
        ({"schema": None}, "schema = None"),
        ({"surprise": 1}, "surprise"),
        ({"rows": "many"}, "rows"),
        ({"tags": ["flow", 3]}, "tags"),
        ({"tags": ["flow", "flow"]}, "at least one, each once"),
        ({"units": ["bar"]}, "one per tag, and there are 2 tags"),
        ({"threshold": 2.0}, "the limit is divided out inside the graph"),
        ({"min_coverage": 1.5}, "from 0 to 1"),
        ({"window_every_ns": 0}, "window_every_ns = 0"),
        ({"trained_to_ns": 0}, "trained_to_ns = 0"),
        ({"name": "../up"}, "name = '../up'"),
        ({"calibration": {"limit": 1.0}}, "calibration"),
    ],
)
def test_what_no_bundle_can_say_is_refused(manifest, change, said):
    with pytest.raises(ValueError, match=r".") as refusal:
        decode_manifest(json.dumps({**json.loads(manifest.encode()), **change}).encode())
    assert said in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_missing_key_is_refused(manifest):
    data = json.loads(manifest.encode())
    del data["feature_set"]["hash"]
    with pytest.raises(ValueError, match="hash"):
        decode_manifest(json.dumps(data).encode())


@pytest.mark.parametrize("junk", [b"", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_junk_is_refused(junk):
    with pytest.raises(ValueError, match=r"."):
        decode_manifest(junk)


@pytest.mark.parametrize(("days", "said"), [(0.01, "14.4 minutes"), (0.5, "12.0 hours"), (3.25, "3.2 days")])
def test_time_covered_is_said_in_the_unit_that_fits(manifest, days, said):
    assert replace(manifest.calibration, days=days).covers == said
