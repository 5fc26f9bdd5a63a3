"""The S3 target against Ceph's radosgw, which refuses what is wrong: with a reason for each, and nothing lies there."""

from __future__ import annotations

import hashlib
import time

import pytest

from cloud_sink.deliver import Deliverer
from cloud_sink.egress import EgressLedger
from cloud_sink.errors import PermanentDeliveryError, TransientDeliveryError, TransientReason
from cloud_sink.outcomes import judge
from cloud_sink.records import Lane
from cloud_sink.settings import DeliverySettings
from cloud_sink.slots import InlineSlot
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket, _code
from cloud_sink.targets.sigv4 import Credentials, sign
from cloud_sink.uplink.connection import Uplink
from tests.cloud_sink.peers.ceph import KEYS, MISSING, serving

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian: ceph-common, -mon, -osd, radosgw)"
    ),
    pytest.mark.timeout(180),
]
KEY = "alerts/v1/site=plant/date=2023-11-14/gw é'(1)-1700000100.jsonl.gz"
R = TransientReason


@pytest.fixture(scope="module")
def ceph(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("ceph")) as ceph:
        for name in ("lake", "small"):
            assert ask(ceph.origin, "PUT", f"/{name}").status == 200
        yield ceph


def ask(origin, method, path, headers=(), body=b"", at=None):
    """A signed request, as wrong as its headers."""
    sha256 = hashlib.sha256(body).hexdigest()
    signed = sign(
        method, path, "", {"host": origin.authority, **dict(headers)}, sha256, KEYS, "default", at or time.time()
    )
    door = Uplink(origin)
    try:
        return door.exchange(method, path, signed, body)
    finally:
        door.close()


@pytest.fixture
def target(ceph):
    doors = []

    def make(bucket="lake", keys=KEYS, clock=time.time, **options):
        place = Bucket(ceph.origin, bucket, "default", "plant/", **options)
        doors.append(Uplink(place.origin))
        return RemoteTarget(S3(place, lambda: keys, clock), doors[-1])

    yield make
    for door in doors:
        door.close()


def lies_there(ceph, key, bucket="lake"):
    answer = ask(ceph.origin, "GET", Bucket(ceph.origin, bucket, prefix="plant/").path_of(key))
    return answer.body if answer.status == 200 else None


@pytest.mark.parametrize("size", [0, 1, 42_000, 1_000_000])
def test_what_is_put_lies_there(ceph, target, size):
    data = bytes(i % 251 for i in range(size))
    receipt = target().put(f"{KEY}-{size}", data)
    assert receipt.sha256 == hashlib.sha256(data).hexdigest()
    answer = ask(ceph.origin, "HEAD", Bucket(ceph.origin, "lake", prefix="plant/").path_of(f"{KEY}-{size}"))
    assert answer.headers["content-length"] == str(size)
    assert answer.headers["etag"].strip('"') == hashlib.md5(data).hexdigest()


def test_again_is_a_repeat_and_other_bytes_are_a_conflict_and_nothing_is_overwritten(ceph, target):
    """`If-None-Match: *` is known here: 412."""
    s3 = target()
    assert not s3.put("again", b"one").repeat
    assert s3.put("again", b"one").repeat
    with pytest.raises(PermanentDeliveryError, match="key_conflict"):
        s3.put("again", b"two")
    assert lies_there(ceph, "again") == b"one"
    assert target(conditional=False).put("again", b"two")
    assert lies_there(ceph, "again") == b"two"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"keys": Credentials(KEYS.access_key, "not the secret")}, R.CREDENTIALS),
        ({"keys": Credentials("AKIANOBODY", "x")}, R.CREDENTIALS),
        ({"clock": lambda: time.time() - 1200}, R.CLOCK),
        ({"clock": lambda: time.time() + 1200}, R.CLOCK),
        ({"bucket": "nobody"}, R.TARGET_MISSING),
    ],
    ids=["secret", "access key", "20 min slow", "20 min fast", "bucket"],
)
def test_what_a_person_must_mend_holds(ceph, target, wrong, reason):
    with pytest.raises(TransientDeliveryError) as caught:
        target(**wrong).put("refused", b"one")
    assert (caught.value.reason, caught.value.hold) == (reason, True)
    assert "not the secret" not in str(caught.value)
    assert lies_there(ceph, "refused") is None


@pytest.mark.parametrize("headers", [{"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"content-md5": "no digest"}])
def test_a_body_that_is_damaged_on_the_way_is_refused(ceph, headers):
    answer = ask(ceph.origin, "PUT", "/lake/plant/damaged", headers, b"one")
    assert answer.status == 400
    assert judge(answer, _code(answer)).reason is R.VERIFY_FAILED
    assert lies_there(ceph, "damaged") is None


def test_a_body_other_than_the_signed_one_is_refused(ceph):
    path, headers = "/lake/plant/other", {"host": ceph.origin.authority}
    signed = sign("PUT", path, "", headers, hashlib.sha256(b"one").hexdigest(), KEYS, "default", time.time())
    door = Uplink(ceph.origin)
    answer = door.exchange("PUT", path, signed, b"two")
    door.close()
    assert judge(answer, _code(answer)).reason is R.VERIFY_FAILED
    assert lies_there(ceph, "other") is None


def test_an_exhausted_quota_holds_loses_nothing_and_ends(ceph, queue, writer, make, tmp_path, naming, steady, target):
    quota = ("--quota-scope=bucket", "--uid=gateway")
    target("small").put("first", b"one")
    slot = InlineSlot(target("small"))
    deliverer = Deliverer(
        queue, "small", slot, slot, EgressLedger(tmp_path), naming, DeliverySettings(), monotonic=steady
    )
    ceph.admin("quota", "set", *quota, "--max-objects=1")
    ceph.admin("quota", "enable", *quota)
    try:
        writer.put([make.alert(0)])
        assert deliverer.step() > 100
        assert deliverer.stats.trouble == "target_full"
        assert writer.stat().backlog[Lane.ALERT].count == 1
    finally:
        ceph.admin("quota", "disable", *quota)
    steady.now += 300
    assert deliverer.step() == 0
    assert deliverer.stats.records == {Lane.ALERT: 1}
    assert not writer.stat().losses
