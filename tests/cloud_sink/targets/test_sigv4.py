"""The examples of the Amazon S3 API reference, "Signature Calculations for the Authorization Header"."""

from __future__ import annotations

import hashlib

import pytest

from cloud_sink.targets.sigv4 import Credentials, encode_path, sign

EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = {"host": "examplebucket.s3.amazonaws.com"}
AT = 1369353600.0  # 2013-05-24T00:00:00Z
EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "signature"),
    [
        (
            "GET",
            "/test.txt",
            "",
            {"range": "bytes=0-9"},
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            encode_path("/test$file.text"),
            "",
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/", "lifecycle=", {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "GET",
            "/",
            "max-keys=2&prefix=J",
            {},
            b"",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_examples_of_the_reference(method, path, query, headers, body, signature):
    sha256 = hashlib.sha256(body).hexdigest()
    signed = sign(method, path, query, {**HOST, **headers}, sha256, EXAMPLE, "us-east-1", AT)
    assert signed["authorization"].endswith(f"Signature={signature}")


def test_the_whole_header():
    signed = sign("GET", "/", "", HOST, EMPTY, EXAMPLE, "eu-central-1", AT)
    assert signed["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/eu-central-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
    )
    assert signed["x-amz-date"] == "20130524T000000Z"
    assert signed["x-amz-content-sha256"] == EMPTY


def test_a_session_token_is_sent_and_signed():
    temporary = Credentials("A", "S", "TOKEN")
    signed = sign("GET", "/", "", HOST, EMPTY, temporary, "r", AT)
    assert signed["x-amz-security-token"] == "TOKEN"
    assert ";x-amz-security-token," in signed["authorization"]


def test_paths_are_encoded_as_s3_signs_them():
    assert encode_path("/a b/site=x/é~_-.*'()") == "/a%20b/site%3Dx/%C3%A9~_-.%2A%27%28%29"


def test_the_secret_is_in_no_text():
    assert "wJalr" not in repr(EXAMPLE)
    assert "TOKEN" not in repr(Credentials("A", "S", "TOKEN"))
    assert "wJalr" not in str(sign("GET", "/", "", HOST, EMPTY, EXAMPLE, "r", AT))
