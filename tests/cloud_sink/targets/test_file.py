from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from cloud_sink.errors import PermanentDeliveryError, TransientDeliveryError
from cloud_sink.targets import file as file_module
from cloud_sink.targets.file import FileTarget

KEY = "alerts/v1/site=s/date=2026-01-01/g-1-abcdef01.jsonl.gz"


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "medium" / "sluicegate"
    root.mkdir(parents=True)
    return root


def test_writes_whole_files_and_says_what_it_read_back(root):
    receipt = FileTarget(root).put(KEY, b"data")
    assert (root / KEY).read_bytes() == b"data"
    assert receipt.sha256 == hashlib.sha256(b"data").hexdigest()
    assert not receipt.repeat
    assert [path.name for path in (root / KEY).parent.iterdir()] == [Path(KEY).name]


def test_the_same_again_is_a_repeat(root):
    target = FileTarget(root)
    target.put(KEY, b"data")
    assert target.put(KEY, b"data").repeat


def test_something_else_under_that_key_is_kept_and_refused(root):
    target = FileTarget(root)
    target.put(KEY, b"data")
    with pytest.raises(PermanentDeliveryError) as caught:
        target.put(KEY, b"other")
    assert caught.value.reason == "key_conflict"
    assert (root / KEY).read_bytes() == b"data"


def test_root_away_and_back(root, tmp_path):
    target = FileTarget(root)
    root.rmdir()
    with pytest.raises(TransientDeliveryError) as caught:
        target.put(KEY, b"data")
    assert caught.value.reason == "target_missing"
    assert not root.exists()
    root.mkdir()
    target.put(KEY, b"data")


def test_a_torn_file_of_a_crash_is_written_over(root):
    path = root / KEY
    path.parent.mkdir(parents=True)
    path.with_name(f".{path.name}.part").write_bytes(b"da")
    FileTarget(root).put(KEY, b"data")
    assert [child.name for child in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "target_full"),
        (errno.EDQUOT, "target_full"),
        (errno.EROFS, "target_denied"),
        (errno.EACCES, "target_denied"),
        (errno.EIO, "target_io"),
        (errno.ESTALE, "target_io"),
    ],
)
def test_trouble_is_named_and_held(root, monkeypatch, number, reason):
    def fail(*_args):
        raise OSError(number, "injected")

    monkeypatch.setattr(file_module, "_write", fail)
    with pytest.raises(TransientDeliveryError) as caught:
        FileTarget(root).put(KEY, b"data")
    assert caught.value.reason == reason


def test_what_does_not_read_back_is_not_delivered_and_not_in_the_way(root, monkeypatch):
    target = FileTarget(root)
    with monkeypatch.context() as patched:
        patched.setattr(file_module, "_read_back", lambda _path: "0" * 64)
        with pytest.raises(TransientDeliveryError) as caught:
            target.put(KEY, b"data")
    assert caught.value.reason == "verify_failed"
    assert not target.put(KEY, b"data").repeat


def test_folders_made_on_the_way_are_synced(root, monkeypatch):
    synced = []
    sync = file_module._sync_folder
    monkeypatch.setattr(file_module, "_sync_folder", lambda path: (synced.append(path), sync(path)))
    FileTarget(root).put("a/b/c", b"data")
    assert synced == [root, root / "a", root / "a" / "b"]


def test_a_repeat_counts_only_once_its_name_is_on_the_medium(root, monkeypatch):
    """It may have been written by a process that died before it synced the folders."""
    FileTarget(root).put("a/b/c", b"data")
    synced = []
    sync = file_module._sync_folder
    monkeypatch.setattr(file_module, "_sync_folder", lambda path: (synced.append(path), sync(path)))
    assert FileTarget(root).put("a/b/c", b"data").repeat
    assert set(synced) == {root, root / "a", root / "a" / "b"}
