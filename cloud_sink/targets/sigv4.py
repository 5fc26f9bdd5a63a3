"""AWS Signature Version 4 for one request with a signed payload. Pure.

"Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk (AWS Signature
Version 4)" of the Amazon S3 API reference; its examples are the tests.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs.

    Attributes:
        access_key: May be told.
        secret_key: Never is.
        session_token: Of temporary credentials; "" = none.
    """

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def encode_path(path: str) -> str:
    """As S3 signs it: each byte but the unreserved ones and the slash as %XX (UriEncode of the reference)."""
    return quote(path, safe="/-_.~")


def sign(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload_sha256: str,
    credentials: Credentials,
    region: str,
    now: float,
) -> dict[str, str]:
    """The headers with those that sign all of them.

    Args:
        method: Of the request.
        path: Encoded by `encode_path`.
        query: Canonical: sorted and encoded; "" = none.
        headers: All that are to be signed, `host` among them; names in lower case.
        payload_sha256: Of the body, hex.
        credentials: Who signs.
        region: Of the bucket.
        now: Wall clock, s.
    """
    at = datetime.fromtimestamp(now, UTC)
    stamp, date = f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%d}"
    signed = {**headers, "x-amz-content-sha256": payload_sha256, "x-amz-date": stamp}
    if credentials.session_token:
        signed["x-amz-security-token"] = credentials.session_token
    names = sorted(signed)
    canonical_headers = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in names)
    signed_names = ";".join(names)
    canonical = "\n".join([method, path, query, canonical_headers, signed_names, payload_sha256])
    scope = f"{date}/{region}/s3/aws4_request"
    to_sign = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    who = f"Credential={credentials.access_key}/{scope}"
    signed["authorization"] = f"{_ALGORITHM} {who}, SignedHeaders={signed_names}, Signature={signature}"
    return signed
