"""What is read from a target: whole, bounded, and not again where it has not changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from doors import ScriptedDoor, error_answer

from cloud_sink.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError, TransientReason
from cloud_sink.targets.file import FileTarget
from cloud_sink.targets.https import Https
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.words import Answer, LinkError, Origin, Trouble

KEY = "models/press/channel-stable.signed"
ORIGIN = Origin("https", "store.example", 443)


def s3(door):
    return RemoteTarget(S3(Bucket(ORIGIN, "lake"), lambda: Credentials("AK", "secret"), lambda: 1e9), door)


def https(door):
    return RemoteTarget(Https(ORIGIN, "/plant", token=lambda: "hush", clock=lambda: 1e9), door)


BOTH = pytest.mark.parametrize("target", [s3, https])


@BOTH
def test_an_object_and_its_tag(target):
    door = ScriptedDoor(Answer(200, {"etag": '"abc"'}, b"hello"))
    found = target(door).fetch(KEY, 5)
    assert (found.data, found.tag) == (b"hello", '"abc"')
    assert found.wire == door.sent > 0
    ((method, path, headers, body),) = door.asked
    assert (method, path.rpartition("/models/")[2], body) == ("GET", "press/channel-stable.signed", b"")
    assert "if-none-match" not in headers
    assert "hush" in headers["authorization"] or "Signature=" in headers["authorization"]


@BOTH
def test_one_that_has_not_changed(target):
    door = ScriptedDoor(Answer(304, {"etag": '"abc"'}))
    assert target(door).fetch(KEY, 5, '"abc"').data is None
    assert door.asked[0][2]["if-none-match"] == '"abc"'
    if target is s3:
        assert "if-none-match" in door.asked[0][2]["authorization"]


@BOTH
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error_answer(404, "NoSuchKey"), TransientReason.TARGET_MISSING),
        (error_answer(403, "AccessDenied"), TransientReason.CREDENTIALS),
        (error_answer(503, "SlowDown"), TransientReason.THROTTLED),
        (Answer(302, {"location": "http://login.invalid"}), TransientReason.PORTAL),
        (Answer(200, {"content-type": "text/html"}, b"<html>log in"), TransientReason.PORTAL),
        (Answer(206, {}, b"he"), TransientReason.PROTOCOL),
        (Answer(412), TransientReason.PROTOCOL),
        (LinkError(Trouble.UNREACHABLE, "nobody"), TransientReason.UNREACHABLE),
    ],
)
def test_what_is_no_object(target, answer, reason):
    with pytest.raises(TransientDeliveryError) as error:
        target(ScriptedDoor(answer)).fetch(KEY, 5)
    assert error.value.reason is reason
    assert error.value.wire > 0


@BOTH
def test_one_that_is_too_large(target):
    with pytest.raises(PermanentDeliveryError, match="larger than 5 bytes"):
        target(ScriptedDoor(Answer(200, {}, b"hello!"))).fetch(KEY, 5)


@BOTH
def test_a_tag_that_could_be_a_header_of_its_own_is_not_sent_back(target):
    found = target(ScriptedDoor(Answer(200, {"etag": '"a"\r\nx: y'}, b"hello"))).fetch(KEY, 5)
    assert found.tag == ""


def test_what_changes_is_replaced():
    md5 = "5d41402abc4b2a76b9719d911017c592"  # of b"hello"
    door = ScriptedDoor(Answer(200, {"etag": f'"{md5}"'}))
    s3(door).replace(KEY, b"hello")
    assert "if-none-match" not in door.asked[0][2]
    with pytest.raises(DeliveryError):
        s3(ScriptedDoor(Answer(200, {"etag": '"0"'}))).replace(KEY, b"hello")


def test_a_folder(tmp_path: Path):
    target = FileTarget(tmp_path)
    with pytest.raises(TransientDeliveryError) as error:
        target.fetch(KEY, 5)
    assert error.value.reason is TransientReason.TARGET_MISSING
    target.replace(KEY, b"hello")
    target.replace(KEY, b"world")
    found = target.fetch(KEY, 5)
    assert (found.data, found.wire) == (b"world", 0)
    assert target.fetch(KEY, 5, found.tag).data is None
    with pytest.raises(PermanentDeliveryError):
        target.fetch(KEY, 4)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_in_a_folder_holds_nobody(tmp_path: Path, make):
    make(tmp_path / "odd")
    with pytest.raises(TransientDeliveryError):
        FileTarget(tmp_path).fetch("odd", 5)
