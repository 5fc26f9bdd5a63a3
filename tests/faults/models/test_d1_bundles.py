"""Fault D1: whatever a bundle does to get in, it is refused before the engine or any parser of weights sees it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper

from models import onnx_scorer
from models.bundle import BASELINE, CARD, GOLDEN, MANIFEST, MODEL, SIGNATURE, sign_bundle
from models.errors import BundleRejected, LifeRefused
from models.life import steps
from models.life.agreement import Figures
from models.life.record import Lives
from models.life.steps import Asked
from models.life.store import ModelStore
from models.onnx_scorer import OnnxScorer
from models.signature import ANYBODY, TrustedKeys, public_text

KEY = Ed25519PrivateKey.generate()
TRUSTED = TrustedKeys([public_text(KEY)])
Attack = Callable[[Path], None]


@pytest.fixture
def path(bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bundle, tmp_path / "bundle")


def manifest_of(path: Path) -> dict:
    return json.loads((path / MANIFEST).read_text())


def rewrite(path: Path, **change: object) -> None:
    (path / MANIFEST).write_text(json.dumps({**manifest_of(path), **change}))


def put(path: Path, name: str, content: bytes) -> None:
    """As somebody would who can write the folder: the manifest agrees."""
    (path / name).write_bytes(content)
    entries = manifest_of(path)["files"]
    for entry in entries:
        if entry["name"] == name:
            entry.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    rewrite(path, files=entries)


def changed(path: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load_from_string((path / MODEL).read_bytes())
    change(model)
    put(path, MODEL, model.SerializeToString())


def renamed(name: str) -> Attack:
    def attack(path: Path) -> None:
        entries = manifest_of(path)["files"]
        entries[0]["name"] = name
        rewrite(path, files=entries)

    return attack


def wrong_hash(path: Path) -> None:
    data = bytearray((path / MODEL).read_bytes())
    data[-1] ^= 1
    (path / MODEL).write_bytes(data)


def wrong_size(path: Path) -> None:
    (path / MODEL).write_bytes((path / MODEL).read_bytes() + b"\0")


def linked(name: str) -> Attack:
    def attack(path: Path) -> None:
        (path / name).rename(path.parent / "elsewhere")
        (path / name).symlink_to(path.parent / "elsewhere")

    return attack


def elsewhere(location: str) -> Attack:
    """Weights in another file: `location` is read from the disk by whoever loads the model by its path."""

    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return lambda path: changed(path, change)


def elsewhere_in_a_node(path: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        tensor = onnx.numpy_helper.from_array(np.zeros(3), "x")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")
        model.graph.node.append(helper.make_node("Constant", [], ["x"], value=tensor))

    changed(path, change)


def zip_bomb(name: str) -> Attack:
    def attack(path: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("rows.npy", bytes(200 << 20))
        put(path, name, buffer.getvalue())

    return attack


def array_bomb(path: Path) -> None:
    """A header of a hundred bytes that claims 8 TB."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rows.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        archive.writestr("score.npy", b"")
    put(path, GOLDEN, buffer.getvalue())


def lying_bomb(path: Path) -> None:
    """The archive's directory says that the member is small; its deflated data is not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.npy", bytes(200 << 20))
    data = bytearray(buffer.getvalue())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    put(path, GOLDEN, bytes(data))


def foreign_operators(path: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node[0].domain = "com.evil"
        model.opset_import.append(helper.make_opsetid("com.evil", 1))

    changed(path, change)


def endless_loop(path: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        body = helper.make_graph([], "body", [], [])
        model.graph.node.append(helper.make_node("Loop", ["", ""], ["x"], body=body))

    changed(path, change)


def stranger_beside(path: Path) -> None:
    (path / "libcustom.so").write_bytes(b"\x7fELF")


def deep_manifest(path: Path) -> None:
    (path / MANIFEST).write_text("[" * 100_000)


def endless_manifest(path: Path) -> None:
    (path / MANIFEST).unlink()
    (path / MANIFEST).symlink_to("/dev/zero")


ATTACKS: dict[str, tuple[Attack, str]] = {
    "wrong hash": (wrong_hash, "SHA-256"),
    "wrong size": (wrong_size, "SHA-256"),
    **{
        f"name {name!r}": (renamed(name), "is not a plain name")
        for name in ("../model.onnx", "/etc/passwd", "..", "a/b", "", ".hidden", "a\0b", "model.onnx\n", "C:\\x")
    },
    **{f"link for {name}": (linked(name), "cannot be read") for name in (MANIFEST, MODEL, GOLDEN, BASELINE, CARD)},
    **{
        f"weights in {location}": (elsewhere(location), "external data")
        for location in ("/etc/passwd", "../../secret", "card.md")
    },
    "weights of a node elsewhere": (elsewhere_in_a_node, "external data"),
    "zip bomb in golden.npz": (zip_bomb(GOLDEN), "inflates to more than"),
    "zip bomb in baseline.npz": (zip_bomb(BASELINE), "inflates to more than"),
    "array of 8 TB": (array_bomb, "is not an archive of the arrays"),
    "zip bomb that lies": (lying_bomb, "is not an archive of the arrays"),
    "foreign operators": (foreign_operators, "com.evil"),
    "a loop": (endless_loop, "subgraph"),
    "a library beside it": (stranger_beside, "libcustom.so"),
    "a deep manifest": (deep_manifest, "nested too deep"),
    "an endless manifest": (endless_manifest, "cannot be read"),
}


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_d1_refused_before_the_engine_opens_it(
    path: Path, attack: str, signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the harm is signed: a signature says who made it, not that it is sound."""
    harm, rule = ATTACKS[attack]
    monkeypatch.setattr(onnx_scorer, "open_session", lambda *_: pytest.fail("the engine opened it"))
    harm(path)
    if signed and not (path / MANIFEST).is_symlink():
        (path / SIGNATURE).write_bytes(KEY.sign((path / MANIFEST).read_bytes()))
    tracemalloc.start()
    with pytest.raises(BundleRejected, match=rule) as refusal:
        OnnxScorer.load(path, TRUSTED if signed and not (path / MANIFEST).is_symlink() else ANYBODY)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refusal.value.fix
    assert most < 64 << 20


def test_d1_a_bad_signature_is_refused_before_anything_else_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_bundle(path, Ed25519PrivateKey.generate().sign)
    for name in (MODEL, GOLDEN, BASELINE, CARD):  # opening one of these would wait for ever
        (path / name).unlink()
        os.mkfifo(path / name)
    with pytest.raises(BundleRejected, match="signed this manifest"):
        OnnxScorer.load(path, TRUSTED)


def test_d1_an_older_counter_is_refused() -> None:
    lives = steps.promote(Lives(), "press", "2", 7, Figures(), 1, Asked(1, "anna"))
    with pytest.raises(LifeRefused, match="counter 6 is older than 7"):
        steps.shadow(lives, "press", "1", 6, Asked(2, "anna"))
    rolled = steps.fail(lives, "press", "2", Asked(3, "", "cannot be loaded", force=True))
    with pytest.raises(LifeRefused, match="counter 6 is older than 7"):
        steps.promote(rolled, "press", "1", 6, Figures(), 1, Asked(4, "anna"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_d1_nothing_of_it_gets_into_the_store(path: Path, attack: str, tmp_path: Path) -> None:
    ATTACKS[attack][0](path)
    store = ModelStore(tmp_path / "data")
    with pytest.raises(BundleRejected):
        store.add(path)
    assert store.versions() == {}


@pytest.mark.parametrize("key", ["name", "version"])
@pytest.mark.parametrize("value", ["../../etc", "..", "a/b", "/x", "", "x" * 65])
def test_d1_a_manifest_cannot_name_its_way_out_of_the_store(path: Path, key: str, value: str, tmp_path: Path) -> None:
    rewrite(path, **{key: value})
    with pytest.raises(BundleRejected, match=key):
        ModelStore(tmp_path / "data").add(path)
    assert not (tmp_path / "data").exists()
