from __future__ import annotations

import base64
import hashlib

import pytest
from doors import ScriptedDoor, error_answer

from cloud_sink.errors import PermanentDeliveryError, PermanentReason, TransientDeliveryError, TransientReason
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.words import Answer, LinkError, Origin, Trouble

DATA = b"PAR1..PAR1"
MD5 = hashlib.md5(DATA).hexdigest()
SHA256 = hashlib.sha256(DATA).hexdigest()
YES = Answer(200, {"etag": f'"{MD5}"'})
HEAD = {"etag": f'"{MD5}"', "content-length": "10", "x-amz-meta-sha256": SHA256}
PLACE = Bucket(Origin("https", "s3.example", 443), "lake", prefix="plant/")


def target(*script, bucket=PLACE):
    door = ScriptedDoor(*script)
    return door, RemoteTarget(S3(bucket, lambda: Credentials("A", "S"), clock=lambda: 0.0), door)


def put(*script, bucket=PLACE):
    door, s3 = target(*script, bucket=bucket)
    receipt = s3.put("alerts/v1/site=a/x.gz", DATA)
    assert not door.script
    return door, receipt


def refused(*script, bucket=PLACE):
    _, s3 = target(*script, bucket=bucket)
    with pytest.raises((TransientDeliveryError, PermanentDeliveryError)) as caught:
        s3.put("k", DATA)
    return caught.value


def test_one_put_with_both_digests_and_no_overwriting():
    door, receipt = put(YES)
    ((method, path, headers, body),) = door.asked
    assert (method, path, body) == ("PUT", "/lake/plant/alerts/v1/site%3Da/x.gz", DATA)
    assert headers["content-md5"] == base64.b64encode(hashlib.md5(DATA).digest()).decode()
    assert headers["x-amz-content-sha256"] == headers["x-amz-meta-sha256"] == SHA256
    assert headers["if-none-match"] == "*"
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert set(signed) == headers.keys() - {"authorization"}, "nothing goes unsigned"
    assert (receipt.sha256, receipt.repeat, receipt.wire) == (SHA256, False, 110)


def test_virtual_hosts_and_endpoints_with_a_path():
    bucket = Bucket(Origin("http", "s3.example", 9000), "lake", style="virtual", path="/s3")
    door, _ = put(YES, bucket=bucket)
    assert door.asked[0][1] == "/s3/alerts/v1/site%3Da/x.gz"
    assert door.asked[0][2]["host"] == "lake.s3.example:9000"
    assert bucket.origin == Origin("http", "lake.s3.example", 9000)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200),
        Answer(200, {"etag": '"00000000000000000000000000000000"'}),
        Answer(204, {"etag": f'"{MD5}-1"'}),
    ],
)
def test_without_the_right_etag_it_is_not_delivered(answer):
    assert refused(answer).reason is TransientReason.VERIFY_FAILED


def test_a_log_in_page_is_a_portal():
    assert refused(Answer(200, {"content-type": "text/html"}, b"log in")).reason is TransientReason.PORTAL
    assert refused(Answer(302, {"location": "http://x"})).reason is TransientReason.PORTAL


@pytest.mark.parametrize("status", [409, 412])
def test_what_lies_there_is_ours(status):
    door, receipt = put(error_answer(status), Answer(200, HEAD))
    assert receipt.repeat
    assert door.asked[1][0] == "HEAD"
    assert receipt.wire == 210


@pytest.mark.parametrize(
    "wrong",
    [
        {"etag": '"0"', "x-amz-meta-sha256": "0"},
        {"content-length": "11", "x-amz-meta-sha256": "0"},
    ],
)
def test_what_lies_there_is_another_object(wrong):
    error = refused(error_answer(412), Answer(200, {**HEAD, **wrong}))
    assert error.reason is PermanentReason.KEY_CONFLICT
    assert error.wire == 210


def test_a_portal_between_the_two_is_no_conflict():
    page = Answer(200, {"content-type": "text/html", "content-length": "900"})
    assert refused(error_answer(412), page).reason is TransientReason.PORTAL


def test_comparing_without_the_right_to_holds_and_says_what_to_do():
    error = refused(error_answer(412), Answer(403))
    assert (error.reason, error.hold) == (TransientReason.CREDENTIALS, True)
    assert "s3:GetObject" in str(error)


@pytest.mark.parametrize("status", [404, 412, 500, 413])
def test_an_odd_answer_to_head_comes_again(status):
    assert isinstance(refused(error_answer(412), Answer(status)), TransientDeliveryError)


def test_an_encrypted_bucket_has_no_md5_and_is_looked_at():
    secret = {"x-amz-server-side-encryption": "aws:kms"}
    other = {"etag": '"ffff"'}
    _, receipt = put(Answer(200, {**other, **secret}), Answer(200, {**HEAD, **other, **secret}))
    assert receipt.sha256 == SHA256
    error = refused(Answer(200, {**other, **secret}), Answer(200, {**HEAD, **other}))
    assert error.reason is TransientReason.VERIFY_FAILED


@pytest.mark.parametrize("damage", [{"content-length": "5"}, {"etag": '"ffff"'}])
def test_what_is_ours_and_damaged_is_replaced(damage):
    door, s3 = target(error_answer(412), Answer(200, {**HEAD, **damage}), YES, YES)
    with pytest.raises(TransientDeliveryError, match="verify_failed"):
        s3.put("k", DATA)
    s3.put("k", DATA)
    s3.put("other", DATA)
    assert ["if-none-match" in headers for _, _, headers, _ in door.asked] == [True, False, False, True]


def test_a_server_that_does_not_know_conditions_is_asked_without():
    door, s3 = target(error_answer(501, "NotImplemented"), YES, YES)
    s3.put("k", DATA)
    s3.put("k", DATA)
    assert ["if-none-match" in headers for _, _, headers, _ in door.asked] == [True, False, False]


def test_the_code_says_more_than_the_status():
    assert refused(error_answer(403, "RequestTimeTooSkewed")).reason is TransientReason.CLOCK
    assert refused(error_answer(403, "SignatureDoesNotMatch")).reason is TransientReason.CREDENTIALS
    assert refused(error_answer(413)).reason is PermanentReason.TOO_LARGE


def test_no_answer():
    error = refused(LinkError(Trouble.DNS, "no such name"))
    assert (error.reason, error.wire) == (TransientReason.DNS, 110)


def test_credentials_are_asked_for_each_request():
    told = iter([Credentials("first", "S"), Credentials("second", "S")])
    door = ScriptedDoor(YES, YES)
    s3 = RemoteTarget(S3(PLACE, lambda: next(told), clock=lambda: 0.0), door)
    s3.put("k", DATA)
    s3.put("k", DATA)
    assert ["=second/" in headers["authorization"] for _, _, headers, _ in door.asked] == [False, True]


def test_the_name_tells_where_and_no_secret():
    assert target()[1].name == "s3:s3.example/lake"
