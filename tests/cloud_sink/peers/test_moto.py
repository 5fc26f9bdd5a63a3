"""The S3 target against moto's server in a process of its own, read back by Amazon's own client.

moto takes any signature; that ours is right is held by the reference's examples, and by botocore's signer here.
"""

from __future__ import annotations

import json

import pytest

from cloud_sink.errors import PermanentDeliveryError, TransientDeliveryError, TransientReason
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.sigv4 import Credentials, encode_path, sign
from cloud_sink.uplink.connection import Uplink
from tests.cloud_sink.peers.moto_server import KEYS, MOTO, S3_CLIENT, client

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KEY = "alerts/v1/site=plant/date=2023-11-14/gw é'(1)-1700000100.jsonl.gz"


@pytest.fixture
def target(server):
    doors = []

    def make(bucket="lake", keys=KEYS, **options):
        place = Bucket(server, bucket, "eu-central-1", "plant/", **options)
        doors.append(Uplink(place.origin))
        return RemoteTarget(S3(place, lambda: keys), doors[-1])

    yield make
    for door in doors:
        door.close()


def test_what_is_put_is_what_amazons_client_reads(server, target):
    data = bytes(range(256)) * 600
    receipt = target().put(KEY, data)
    assert receipt.wire > len(data)
    found = client(
        S3_CLIENT
        + """
import hashlib
found = s3.get_object(Bucket="lake", Key=sys.argv[2])
print(json.dumps({"sha256": hashlib.sha256(found["Body"].read()).hexdigest(), "meta": found["Metadata"]["sha256"]}))
""",
        server,
        "plant/" + KEY,
    )
    assert found == {"sha256": receipt.sha256, "meta": receipt.sha256}


def test_again_is_a_repeat_and_other_bytes_are_a_conflict(target):
    s3 = target()
    assert not s3.put("again", b"one").repeat
    assert s3.put("again", b"one").repeat
    with pytest.raises(PermanentDeliveryError, match="key_conflict"):
        s3.put("again", b"two")
    assert target(conditional=False).put("again", b"two")


def test_no_such_bucket(target):
    with pytest.raises(TransientDeliveryError) as caught:
        target("nobody").put("k", b"x")
    assert (caught.value.reason, caught.value.hold) == (TransientReason.TARGET_MISSING, True)


def test_only_the_right_secret_is_let_in(server, target):
    """moto checks signatures once it is told to; botocore recomputes ours."""
    made = client(
        S3_CLIENT
        + """
iam = boto3.client("iam", endpoint_url=sys.argv[1], region_name="eu-central-1",
                   aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret/with+signs")
iam.create_user(UserName="gateway")
policy = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::lake/plant/*"}]}
iam.put_user_policy(UserName="gateway", PolicyName="put", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="gateway")["AccessKey"]
print(json.dumps([key["AccessKeyId"], key["SecretAccessKey"]]))
""",
        server,
    )
    check_after(server, b"0")
    try:
        right, wrong = Credentials(*made), Credentials(made[0], made[1][::-1])
        assert target(keys=right).put(KEY + "2", b"one")
        assert target(keys=right).put(KEY + "2", b"one").repeat, "PutObject and GetObject are enough"
        for keys, bucket in ((wrong, "lake"), (Credentials("AKIANOBODY", "x"), "lake"), (right, "other")):
            with pytest.raises(TransientDeliveryError) as caught:
                target(bucket, keys=keys).put(KEY + "3", b"one")
            assert (caught.value.reason, caught.value.hold) == (TransientReason.CREDENTIALS, True)
    finally:
        check_after(server, b"Infinity")


def check_after(server, requests):
    answer = Uplink(server).exchange("POST", "/moto-api/reset-auth", {"content-type": "text/plain"}, requests)
    assert answer.status == 200


@pytest.mark.skipif(not (MOTO / "bin" / "python").exists(), reason="moto is not installed: make var/moto/.ready")
def test_botocore_signs_alike():
    """The same request, signed by both."""
    at, path, headers = 1_700_000_000.0, encode_path("/lake/" + KEY), {"host": "s3.example:9000", "if-none-match": "*"}
    ours = sign("PUT", path, "", headers, "0" * 64, KEYS, "eu-central-1", at)
    theirs = client(
        """
import datetime
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
import botocore.auth
path, headers, at = sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3])
now = datetime.datetime.fromtimestamp(at, datetime.UTC).replace(tzinfo=None)
botocore.auth.get_current_datetime = lambda *_, **__: now
request = AWSRequest("PUT", "http://s3.example:9000" + path, headers=headers)
request.context["payload_signing_enabled"] = True
auth = S3SigV4Auth(Credentials("AKIAEXAMPLE", "secret/with+signs", "token=="), "s3", "eu-central-1")
auth.payload = lambda _request: "0" * 64
auth.add_auth(request)
print(json.dumps(dict(request.headers)))
""",
        path,
        json.dumps({"host": headers["host"], "if-none-match": "*"}),
        at,
    )
    assert theirs["Authorization"] == ours["authorization"]


def test_what_is_read_and_what_has_not_changed(target):
    s3 = target()
    with pytest.raises(TransientDeliveryError) as caught:
        s3.fetch("channel", 100)
    assert caught.value.reason is TransientReason.TARGET_MISSING
    s3.replace("channel", b"one")
    first = s3.fetch("channel", 100)
    assert (first.data, s3.fetch("channel", 100, first.tag).data) == (b"one", None)
    s3.replace("channel", b"two")
    assert s3.fetch("channel", 100, first.tag).data == b"two"
    with pytest.raises(PermanentDeliveryError, match="larger than 2 bytes"):
        s3.fetch("channel", 2)
