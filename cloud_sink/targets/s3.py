"""Delivery into a bucket of any server that speaks Amazon's S3: one signed PUT an object.

A PUT in one request either makes the whole object or none. It carries Content-MD5 and the SHA-256 that is signed with
it, so that a server refuses a damaged body; and the ETag of the answer must be the MD5 of what was sent.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cloud_sink.errors import DeliveryError, PermanentDeliveryError, PermanentReason, TransientReason
from cloud_sink.outcomes import Then, Verdict, judge, refusal, unproven
from cloud_sink.targets.base import Fetched, Receipt
from cloud_sink.targets.fetching import fetched
from cloud_sink.targets.sigv4 import Credentials, encode_path, sign
from cloud_sink.uplink.words import Answer, Door, Origin

_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_SHA256 = "x-amz-meta-sha256"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects go.

    Attributes:
        endpoint: Of the service, without the bucket.
        path: Of the endpoint, "" or "/...".
        name: Of the bucket.
        region: As the service calls it.
        prefix: Before every key, "" or ending in a slash.
        style: `path` = endpoint/bucket/key, understood everywhere; `virtual` = bucket.endpoint/key.
        conditional: Ask the server not to replace what is there (`If-None-Match: *`); off where it does not know this.
    """

    endpoint: Origin
    name: str
    region: str = "us-east-1"
    prefix: str = ""
    style: Literal["path", "virtual"] = "path"
    path: str = ""
    conditional: bool = True

    @property
    def origin(self) -> Origin:
        """Who is talked to."""
        host = f"{self.name}.{self.endpoint.host}" if self.style == "virtual" else self.endpoint.host
        return Origin(self.endpoint.scheme, host, self.endpoint.port)

    def path_of(self, key: str) -> str:
        """Encoded path of an object."""
        bucket = "" if self.style == "virtual" else f"/{self.name}"
        return self.path + encode_path(f"{bucket}/{self.prefix}{key}")


class S3:
    """A `Dialect`."""

    def __init__(
        self, bucket: Bucket, credentials: Callable[[], Credentials], clock: Callable[[], float] = time.time
    ) -> None:
        """Describe it.

        Args:
            bucket: Where to.
            credentials: Asked before every request.
            clock: Wall clock, s; a server refuses one that is 15 min wrong.
        """
        self._bucket = bucket
        self._credentials = credentials
        self._clock = clock
        self._conditional = bucket.conditional
        self._replace = ""  # key of an object that we put there and that came out wrong

    @property
    def name(self) -> str:
        """Bucket and server."""
        return f"s3:{self._bucket.endpoint.authority}/{self._bucket.name}"

    def put(self, door: Door, key: str, data: bytes) -> Receipt:
        """See `Dialect.put`."""
        answer = self._put(door, key, data)
        if answer.status == 501 and self._conditional:  # NotImplemented: it does not know If-None-Match
            self._conditional = False
            answer = self._put(door, key, data)
        verdict = judge(answer, _code(answer))
        where = f"PUT {key} to {self.name}"
        if verdict.then is Then.COMPARE:
            return self._compare(door, key, data)
        if verdict.then is not Then.VERIFY:
            raise refusal(verdict, answer, where, self._clock())
        if _etag(answer) == hashlib.md5(data, usedforsecurity=False).hexdigest():
            return Receipt(_sha256(data))
        if _encrypted(answer):
            return self._compare(door, key, data)
        self._replace = key
        raise unproven(answer, where, f"ETag {_etag(answer)[:40]!r} is not the MD5 of what was sent")

    def replace(self, door: Door, key: str, data: bytes) -> Receipt:
        """See `Dialect.replace`."""
        self._replace = key
        return self.put(door, key, data)

    def fetch(self, door: Door, key: str, most: int, tag: str) -> Fetched:
        """See `Dialect.fetch`."""
        headers = {"if-none-match": tag} if tag else {}
        answer = self._exchange(door, "GET", key, headers, b"", most + 1)
        return fetched(answer, judge(answer, _code(answer)), f"GET {key} from {self.name}", most, self._clock())

    def _put(self, door: Door, key: str, data: bytes) -> Answer:
        md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        headers = {"content-md5": md5, "content-type": "application/octet-stream", _SHA256: _sha256(data)}
        if self._conditional and key != self._replace:
            headers["if-none-match"] = "*"
        return self._exchange(door, "PUT", key, headers, data)

    def _compare(self, door: Door, key: str, data: bytes) -> Receipt:
        """Something lies there: is it what we would put there?

        The MD5 says so, or in an encrypted bucket the SHA-256 that was put beside it. With our SHA-256 beside it and
        another content it is ours and was damaged on the way: it is replaced by the next attempt.
        """
        answer = self._exchange(door, "HEAD", key, {}, b"")
        where = f"HEAD {key} at {self.name}"
        if answer.status != 200:
            raise self._head_refused(answer, where)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        ours = answer.headers.get(_SHA256) == _sha256(data)
        whole = answer.headers.get("content-length") == str(len(data))
        if whole and (_etag(answer) == md5 or (ours and _encrypted(answer))):
            return Receipt(_sha256(data), repeat=True)
        if ours:
            self._replace = key
            raise unproven(answer, where, "what lies there is ours and damaged; it is replaced")
        if not _etag(answer):
            raise unproven(answer, where, "it is not the answer of an S3 server: there is no ETag")
        msg = f"{where}: another object lies there; two gateways with one name, or edited by hand"
        raise PermanentDeliveryError(PermanentReason.KEY_CONFLICT, msg)

    def _head_refused(self, answer: Answer, where: str) -> DeliveryError:
        hint = " (comparing needs s3:GetObject; without it set overwrite = true)" if answer.status == 403 else ""
        verdict = judge(answer)
        if verdict.then in (Then.COMPARE, Then.SPLIT, Then.VERIFY):  # of a HEAD: nonsense
            verdict = Verdict(Then.HOLD, TransientReason.PROTOCOL)
        return refusal(verdict, answer, where + hint, self._clock())

    def _exchange(
        self, door: Door, method: str, key: str, headers: dict[str, str], data: bytes, most: int | None = None
    ) -> Answer:
        path = self._bucket.path_of(key)
        headers = {"host": self._bucket.origin.authority, **headers}
        signed = sign(method, path, "", headers, _sha256(data), self._credentials(), self._bucket.region, self._clock())
        return door.exchange(method, path, signed, data, most)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _etag(answer: Answer) -> str:
    return answer.headers.get("etag", "").strip().strip('"').lower()


def _code(answer: Answer) -> str:
    found = _CODE.search(answer.body) if answer.status >= 300 else None
    return found[1].decode() if found else ""


def _encrypted(answer: Answer) -> bool:
    """With SSE-KMS and SSE-C the ETag is not the MD5 ("Common response headers" of the Amazon S3 API reference)."""
    kms = answer.headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
    return kms or "x-amz-server-side-encryption-customer-algorithm" in answer.headers
