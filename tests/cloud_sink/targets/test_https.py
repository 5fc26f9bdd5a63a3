from __future__ import annotations

import base64
import hashlib
import json

import pytest
from doors import ScriptedDoor

from cloud_sink.errors import PermanentDeliveryError, PermanentReason, TransientDeliveryError, TransientReason
from cloud_sink.targets.https import Https, proven
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.uplink.words import Answer, Origin

DATA = b"0123456789"
SHA256 = hashlib.sha256(DATA)
DIGEST = f"sha-256=:{base64.b64encode(SHA256.digest()).decode()}:"
YES = Answer(201, {"repr-digest": DIGEST})


def target(*script, **options):
    door = ScriptedDoor(*script)
    return door, RemoteTarget(Https(Origin("https", "hub", 443), "/in", clock=lambda: 0.0, **options), door)


def refused(*script, **options):
    _, https = target(*script, **options)
    with pytest.raises((TransientDeliveryError, PermanentDeliveryError)) as caught:
        https.put("a/b=c.gz", DATA)
    return caught.value


def test_one_put_below_the_url():
    door, https = target(YES, token=lambda: "t0k")
    receipt = https.put("a/b=c.gz", DATA)
    ((method, path, headers, body),) = door.asked
    assert (method, path, body) == ("PUT", "/in/a/b%3Dc.gz", DATA)
    assert headers["authorization"] == "Bearer t0k"
    assert headers["repr-digest"] == DIGEST
    assert (receipt.sha256, receipt.wire) == (SHA256.hexdigest(), 110)
    assert https.name == "https://hub/in"


def test_post():
    door, https = target(YES, method="POST")
    https.put("k", DATA)
    assert door.asked[0][0] == "POST"
    assert "authorization" not in door.asked[0][2]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"repr-digest": DIGEST}),
        Answer(200, {"content-digest": f"sha-512=:x:, {DIGEST}"}),
        Answer(200, {"etag": f'"{SHA256.hexdigest()}"'}),
        Answer(200, {"etag": f'"{hashlib.md5(DATA).hexdigest()}"'}),
        Answer(200, {}, json.dumps({"sha256": SHA256.hexdigest()}).encode()),
    ],
)
def test_proof(answer):
    assert proven(answer, DATA)
    assert not proven(answer, DATA + b"!")


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'"x"', b'{"sha256": null}', b"\xff", b'{"sha256": "'])
def test_no_proof(body):
    assert not proven(Answer(200, {"etag": 'W/"7-8"'}, body), DATA)


def test_without_proof_it_is_not_delivered():
    assert refused(Answer(200, {}, b"ok")).reason is TransientReason.VERIFY_FAILED
    assert refused(Answer(200, {"content-type": "text/html"}, b"<html>")).reason is TransientReason.PORTAL


def test_read_back():
    door, https = target(Answer(204), Answer(200, {}, DATA), verify="read_back")
    https.put("k", DATA)
    assert [method for method, *_ in door.asked] == ["PUT", "GET"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(200, {}, DATA[:-1]), TransientReason.VERIFY_FAILED),
        (Answer(200, {}, DATA + b"!"), TransientReason.VERIFY_FAILED),
        (Answer(404), TransientReason.TARGET_MISSING),
        (Answer(413), TransientReason.PROTOCOL),
    ],
)
def test_what_is_read_back_is_not_it(answer, reason):
    assert refused(Answer(204), answer, verify="read_back").reason is reason


def test_an_object_that_is_there_already_is_compared():
    _, https = target(Answer(412), Answer(200, {}, DATA))
    assert https.put("k", DATA).repeat
    assert refused(Answer(409), Answer(200, {}, b"other")).reason is PermanentReason.KEY_CONFLICT
    page = Answer(200, {"content-type": "text/html"}, b"log in")
    assert refused(Answer(409), page).reason is TransientReason.PORTAL


def test_the_token_is_in_no_error():
    assert "t0k" not in str(refused(Answer(401), token=lambda: "t0k"))
