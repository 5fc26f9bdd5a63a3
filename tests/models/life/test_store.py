from __future__ import annotations

import multiprocessing
import shutil
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.bundle import MODEL, SIGNATURE, sign_bundle, verify_bundle
from models.errors import BundleRejected, LifeRefused
from models.life import steps
from models.life.agreement import Agreement
from models.life.record import Lives
from models.life.steps import Asked
from models.life.store import ModelStore
from models.signature import TrustedKeys, public_text


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "data")


def test_a_bundle_is_copied_whole(store, report):
    assert store.add(report.bundle).model == "press@1"
    assert store.versions() == {"press": ["1"]}
    assert verify_bundle(store.folder("press", "1")).model == "press@1"
    assert [entry.name for entry in (store.root / "models" / "press").iterdir()] == ["1"]  # no draft left behind
    with pytest.raises(LifeRefused, match="never changes"):
        store.add(report.bundle)


def test_nothing_yet_is_empty(store):
    assert store.versions() == {}
    assert store.read() == Lives()
    assert store.agreement("press", "1") is None


def test_a_damaged_bundle_leaves_no_trace(store, report, tmp_path):
    path = shutil.copytree(report.bundle, tmp_path / "bundle")
    (path / MODEL).write_bytes(b"x")
    with pytest.raises(BundleRejected, match="SHA-256"):
        store.add(path)
    assert store.versions() == {}


def test_d1_an_unsigned_bundle_does_not_get_into_a_store_with_keys(report, tmp_path):
    key = Ed25519PrivateKey.generate()
    store = ModelStore(tmp_path / "data", TrustedKeys([public_text(key)]))
    path = shutil.copytree(report.bundle, tmp_path / "bundle")
    with pytest.raises(BundleRejected, match="is not signed"):
        store.add(path)
    sign_bundle(path, key.sign)
    store.add(path)
    assert (store.folder("press", "1") / SIGNATURE).read_bytes() == (path / SIGNATURE).read_bytes()


@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "/etc", "", ".hidden", "a\0b", "x" * 65])
def test_d1_a_name_that_leads_elsewhere_is_refused(store, name):
    for pair in ((name, "1"), ("press", name)):
        with pytest.raises(LifeRefused, match="first a letter or digit"):
            store.folder(*pair)
        with pytest.raises(LifeRefused, match="first a letter or digit"):
            store.keep_agreement(*pair, b"")


def test_what_a_step_raises_changes_nothing(store):
    store.change(lambda lives: steps.added(lives, "press", "1", Asked(1)))
    before = store.file.read_bytes()

    def refuse(lives):
        raise LifeRefused("press", "no", "no")

    with pytest.raises(LifeRefused):
        store.change(refuse)
    assert store.file.read_bytes() == before


def add_many(root, name):
    for at in range(20):
        ModelStore(root).change(lambda lives, at=at: steps.added(lives, name, str(at), Asked(at)))


def test_two_processes_lose_no_step_of_each_other(store):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add_many, args=(store.root, name)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    changes = store.read().changes
    assert [change.number for change in changes] == list(range(1, 41))
    assert {change.model for change in changes} == {"a", "b"}


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema": 9}', b"\x80\x04pickle"])
def test_a_damaged_record_is_told_and_not_overwritten(store, content):
    store.root.mkdir()
    store.file.write_bytes(content)
    with pytest.raises(LifeRefused, match=r"models\.json"):
        store.change(lambda lives: steps.added(lives, "press", "1", Asked(1)))
    assert store.file.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LifeRefused, match="cannot be written"):
        ModelStore(tmp_path / "file").change(lambda lives: steps.added(lives, "press", "1", Asked(1)))


def test_a_store_that_cannot_be_written_is_told(tmp_path, report):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").touch()
    with pytest.raises(LifeRefused, match="cannot be written"):
        ModelStore(tmp_path / "data").add(report.bundle)


def test_figures_of_a_shadow_are_kept_and_forgotten(store):
    agreement = Agreement("press@2", "press@1", windows=7)
    store.keep_agreement("press", "2", agreement.encode())
    assert store.agreement("press", "2") == agreement
    (kept,) = (store.root / "shadows").iterdir()
    assert stat.S_ISREG(kept.stat().st_mode)
    store.forget_agreement("press", "2")
    store.forget_agreement("press", "2")
    assert store.agreement("press", "2") is None
