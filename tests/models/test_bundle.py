from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import zipfile

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper

from models.bundle import BASELINE, CARD, GOLDEN, MANIFEST, MAX_BYTES, MODEL, read_bundle, verify_bundle, write_bundle
from models.errors import BundleRejected
from models.onnx_scorer import OnnxScorer


@pytest.fixture
def path(report, tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(report.bundle, tmp_path / "bundle")


def edit(path, **change):
    data = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**data, **change}))


def replace_file(path, name, content):
    """Change a file and make the manifest agree, as someone who means harm would."""
    (path / name).write_bytes(content)
    entries = json.loads((path / MANIFEST).read_text())["files"]
    for entry in entries:
        if entry["name"] == name:
            entry.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    edit(path, files=entries)


def refused(path, rule):
    with pytest.raises(BundleRejected) as refusal:
        OnnxScorer.load(path)
    assert rule in str(refusal.value)
    assert refusal.value.fix


def test_a_whole_bundle_passes(path):
    assert verify_bundle(path).model == "press@1"
    assert "press@1" in read_bundle(path).card


def test_the_same_bundle_is_written_as_the_same_bytes(report, tmp_path):
    write_bundle(tmp_path / "again", read_bundle(report.bundle))
    for name in (MANIFEST, MODEL, GOLDEN, BASELINE, CARD):
        assert (tmp_path / "again" / name).read_bytes() == (report.bundle / name).read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["again"]  # no draft left behind


def test_a_bundle_is_never_overwritten(path):
    with pytest.raises(BundleRejected, match="never overwritten"):
        write_bundle(path, read_bundle(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.sampled_from([MODEL, GOLDEN, BASELINE, CARD]), st.data())
def test_one_flipped_bit_anywhere_is_found(path, name, data):
    whole = (path / name).read_bytes()
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (path / name).write_bytes(damaged)
    refused(path, "SHA-256")
    (path / name).write_bytes(whole)


@pytest.mark.parametrize("name", [MANIFEST, MODEL, GOLDEN, BASELINE, CARD])
def test_a_missing_file_is_said(path, name):
    (path / name).unlink()
    refused(path, "cannot be read")


def test_a_missing_folder_is_said(tmp_path):
    refused(tmp_path / "nothing", "cannot be read")


@pytest.mark.parametrize("schema", [1, 3])
def test_another_schema_is_refused(path, schema):
    edit(path, schema=schema)
    refused(path, f"schema = {schema}: this software reads schema 2")
    refused(path, "train it again")


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "..", ".hidden", "a/b", "", "model.onnx\n", "a\0b"])
def test_names_that_leave_the_folder_are_refused(path, name):
    entries = json.loads((path / MANIFEST).read_text())["files"]
    entries[0]["name"] = name
    edit(path, files=entries)
    refused(path, "is not a plain name")


def test_other_files_than_the_known_are_refused(path):
    (path / "weights.bin").write_bytes(b"")
    refused(path, "files the manifest does not list: ['weights.bin']")


@pytest.mark.parametrize("files", [[], [0, 0, 1, 2, 3], [0, 1, 2]])
def test_a_list_of_other_files_is_refused(path, files):
    entries = json.loads((path / MANIFEST).read_text())["files"]
    edit(path, files=[entries[at] for at in files])
    refused(path, "it must list")


def test_a_link_is_not_followed(path, tmp_path):
    (path / MODEL).rename(tmp_path / "elsewhere")
    (path / MODEL).symlink_to(tmp_path / "elsewhere")
    refused(path, "cannot be read")


def test_a_pipe_does_not_hang_it(path):
    (path / MODEL).unlink()
    os.mkfifo(path / MODEL)
    refused(path, "not a regular file")


def test_a_file_that_is_too_large_is_refused_before_it_is_read_whole(path):
    os.truncate(path / GOLDEN, MAX_BYTES[GOLDEN] + 1)
    refused(path, "larger than")


@pytest.mark.parametrize("name", [GOLDEN, BASELINE])
def test_arrays_that_inflate_are_refused(path, name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.npy", b"\0" * (MAX_BYTES[name] + 1))
    replace_file(path, name, buffer.getvalue())
    refused(path, "inflates to more than")


@pytest.mark.parametrize("name", [GOLDEN, BASELINE])
def test_arrays_are_never_unpickled(path, name):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(path / "exploded"),)

    bomb = np.array([Bomb()], dtype=object)
    for content in (pickle.dumps(Bomb()), npz(rows=bomb, score=np.zeros(1), edges=bomb)):
        replace_file(path, name, content)
        refused(path, "is not an archive of the arrays")
        assert not (path / "exploded").exists()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("arrays", "rule"),
    [
        ({"rows": np.zeros((2, 3, 2)), "score": np.zeros(2)}, "rows must be float64[n, 2, 3]"),
        ({"rows": np.zeros((2, 2, 3)), "score": np.zeros(3)}, "rows must be float64[n, 2, 3]"),
        ({"rows": np.zeros((2, 2, 3), np.float32), "score": np.zeros(2)}, "rows must be float64[n, 2, 3]"),
        ({"rows": np.zeros((0, 2, 3)), "score": np.zeros(0)}, "finite, and at least one"),
        ({"rows": np.zeros((1, 2, 3)), "score": np.full(1, np.nan)}, "finite, and at least one"),
        ({"rows": np.zeros((1, 2, 3))}, "is not an archive of the arrays"),
        ({"rows": np.zeros((2, 2, 3)), "score": np.zeros(2)}, "2 of 2 golden rows do not get their scores"),
    ],
)
def test_golden_rows_of_another_model_are_refused(path, arrays, rule):
    replace_file(path, GOLDEN, npz(**arrays))
    refused(path, rule)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"edges": np.zeros((2, 3, 8))}, "edges must be float64[2, 3, 9], it is float64[2, 3, 8]"),
        ({"edges": np.zeros((2, 3, 9), np.float32)}, "edges must be float64"),
        ({"edges": np.full((2, 3, 9), np.nan)}, "edges must be finite"),
        ({"score_edges": np.arange(9.0)[::-1].copy()}, "score_edges must never fall"),
        ({"shares": np.full((2, 3, 10), 0.2)}, "shares must be shares that sum to 1"),
        ({"score_shares": np.array([-1.0, *[2 / 9] * 9])}, "score_shares must be shares"),
        ({"shares": None}, "is not an archive of the arrays edges, shares, score_edges and score_shares"),
    ],
)
def test_a_baseline_that_is_none_is_refused(path, change, rule):
    with np.load(path / BASELINE) as arrays:
        mixed = {**arrays, **change}
    replace_file(path, BASELINE, npz(**{name: array for name, array in mixed.items() if array is not None}))
    refused(path, rule)


def changed_model(path, change):
    model = onnx.load_from_string((path / MODEL).read_bytes())
    change(model)
    replace_file(path, MODEL, model.SerializeToString())


def other_weights(model):
    divisor = next(node.input[1] for node in model.graph.node if node.op_type == "Div")
    (scale,) = [tensor for tensor in model.graph.initializer if tensor.name == divisor]
    scale.raw_data = (onnx.numpy_helper.to_array(scale) * 1.0002).tobytes()


def other_name(model):
    helper.set_model_props(model, {"name": "other"})


def other_output(model):
    model.graph.output.pop()


def silenced_alarm(model):
    """As `Greater` would have it: nothing is known, so nothing is wrong."""
    (end,) = [node for node in model.graph.node if node.op_type == "Not"]
    (before,) = [node for node in model.graph.node if node.op_type == "LessOrEqual"]
    end.op_type, end.input[:] = "Greater", before.input


def foreign_operator(model):
    model.graph.node[0].domain = "com.evil"
    model.opset_import.append(helper.make_opsetid("com.evil", 1))


def unknown_operator(model):
    model.graph.node[0].op_type = "NoSuchThing"


def weights_elsewhere(model):
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "../../secret")
    tensor.data_location = onnx.TensorProto.EXTERNAL


def too_many_nodes(model):
    for at in range(10_001):
        model.graph.node.append(helper.make_node("Identity", ["rows"], [f"copy{at}"]))


def breaks_when_run(model):
    """Well-formed, and opened without complaint: the shape is wrong only for the rows that come."""
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 4], np.int64), "four"))
    model.graph.node.insert(0, helper.make_node("Reshape", ["rows", "four"], ["fours"]))
    model.graph.node.insert(1, helper.make_node("ReduceSum", ["fours"], ["unused"]))
    model.graph.node.insert(2, helper.make_node("Add", ["rows", "unused"], ["rows2"]))
    model.graph.node[3].input[0] = "rows2"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (breaks_when_run, "it cannot be run"),
        (other_weights, "golden rows do not get their scores"),
        (other_name, "its name is 'other', the manifest says 'press'"),
        (other_output, "inputs and outputs are"),
        (silenced_alarm, "a row of NaN gets score [nan] and alarm [False], it must get NaN and true"),
        (foreign_operator, "it needs operators of ['com.evil']"),
        (unknown_operator, "ONNX Runtime"),
        (weights_elsewhere, "it holds external data"),
        (too_many_nodes, "at most 10000 may be"),
    ],
)
def test_a_model_that_is_not_the_trained_one_is_refused(path, change, rule):
    changed_model(path, change)
    refused(path, rule)


def test_a_pickle_in_the_place_of_the_model_is_refused(path):
    replace_file(path, MODEL, pickle.dumps({"weights": [1, 2, 3]}))
    refused(path, "is not an ONNX model")
