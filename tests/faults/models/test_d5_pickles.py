"""Fault D5: no pickle in anything that crosses a trust boundary; recovery state is local and its owner's only."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import pickle
import shutil
import stat
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from connectors.commands.command import decode_command
from connectors.journal.reader import JournalReader
from connectors.recording import read_recording
from edge_gateway.claim import FolderRefused
from edge_gateway.own_folder import own_folder
from models.arrays import decode_arrays
from models.bundle import BASELINE, CARD, GOLDEN, MANIFEST, MODEL
from models.errors import BundleRejected, ImportRefused
from models.foreign.read import read_foreign
from models.life.agreement import decode_agreement
from models.life.record import decode_lives
from models.onnx_scorer import OnnxScorer
from models.signature import read_key

ROOMS = ("connectors", "flows", "models", "edge_gateway", "cloud_sink")
UNPICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "torch"}


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.place),)


def shapes_of(bomb: Bomb) -> dict[str, bytes]:
    """The ways in which a pickle comes along."""
    buffer = io.BytesIO()
    np.savez(buffer, rows=np.array([bomb], dtype=object), score=np.zeros(1))
    single = io.BytesIO()
    np.save(single, np.array([bomb], dtype=object), allow_pickle=True)
    return {"bare": pickle.dumps(bomb), "in an archive": buffer.getvalue(), "in an array": single.getvalue()}


@pytest.fixture(params=["bare", "in an archive", "in an array"])
def bomb(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[bytes]:
    place = tmp_path / "exploded"
    yield shapes_of(Bomb(place))[request.param]
    assert not place.exists()


def test_the_bomb_works(tmp_path: Path) -> None:
    for name, data in shapes_of(Bomb(tmp_path / "boom")).items():
        if name == "in an archive":
            np.load(io.BytesIO(data), allow_pickle=True)["rows"]
        else:
            (pickle.loads if name == "bare" else lambda one: np.load(io.BytesIO(one), allow_pickle=True))(data)
        (tmp_path / "boom").rmdir()


@pytest.mark.parametrize("name", [MANIFEST, MODEL, GOLDEN, BASELINE, CARD])
def test_d5_in_any_file_of_a_bundle(bundle: Path, tmp_path: Path, bomb: bytes, name: str) -> None:
    path = shutil.copytree(bundle, tmp_path / "bundle")
    (path / name).write_bytes(bomb)
    if name != MANIFEST:
        manifest = json.loads((path / MANIFEST).read_text())
        for entry in manifest["files"]:
            if entry["name"] == name:
                entry.update(size=len(bomb), sha256=hashlib.sha256(bomb).hexdigest())
        (path / MANIFEST).write_text(json.dumps(manifest))
    if name == CARD:  # text for people; nobody parses it
        OnnxScorer.load(path)
        return
    with pytest.raises(BundleRejected):
        OnnxScorer.load(path)


DECODERS: dict[str, Callable[[bytes], object]] = {
    "arrays": lambda data: decode_arrays(data, ("rows", "score"), 1 << 20),
    "lives of models": decode_lives,
    "figures of a shadow": decode_agreement,
    "a command": decode_command,
}


@pytest.mark.parametrize("decoder", DECODERS)
def test_d5_in_what_is_decoded(bomb: bytes, decoder: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        DECODERS[decoder](bomb)


def test_d5_in_a_model_from_elsewhere(bomb: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(bomb)
    with pytest.raises(ImportRefused):
        read_foreign(tmp_path / "model.onnx", 1, 1)


def test_d5_in_a_recording(bomb: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.parquet").write_bytes(bomb)
    with pytest.raises(ValueError, match=r"."):
        list(read_recording(tmp_path / "r.parquet"))


def test_d5_in_a_journal(bomb: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "00000000000000000000.seg").write_bytes(bomb)
    reader = JournalReader(folder, 0)
    assert reader.read() == []
    reader.close()


def test_d5_in_a_key(bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.touch(0o600)
    path.write_bytes(bomb)
    with pytest.raises(Exception, match="no private key"):
        read_key(path)


def test_d5_nothing_here_can_unpickle() -> None:
    """Bytewax does, of its own recovery store alone."""
    found = []
    sources = [path for room in ROOMS for path in Path(str(import_module(room).__file__)).parent.rglob("*.py")]
    assert len(sources) > 300
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if {name.split(".")[0] for name in names} & UNPICKLERS:
                found.append(f"{source}:{node.lineno} imports {names}")
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
                found.append(f"{source}:{node.value.lineno} allows pickles")
    assert not found


def test_d5_recovery_state_is_its_owners_only(tmp_path: Path) -> None:
    own_folder(tmp_path / "data" / "recovery")
    folder = tmp_path / "data" / "recovery"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o777)  # of an older version, or of somebody who meant well
    own_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_d5_recovery_state_of_somebody_else_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "recovery").symlink_to(tmp_path / "theirs")
    with pytest.raises(FolderRefused, match="not a folder of this user's own"):
        own_folder(tmp_path / "recovery")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(FolderRefused, match="run as its owner"):
        own_folder(tmp_path / "theirs")
    (tmp_path / "file").touch()
    with pytest.raises(FolderRefused, match="cannot be made"):
        own_folder(tmp_path / "file" / "recovery")
