"""Delivery to any web server: one PUT or POST an object, below a URL.

A "yes" alone is not believed. The answer must carry a digest of what arrived, or the object is read back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from typing import Literal

from cloud_sink.errors import DeliveryError, PermanentDeliveryError, PermanentReason, TransientReason
from cloud_sink.outcomes import Then, Verdict, judge, refusal, unproven
from cloud_sink.targets.base import Fetched, Receipt
from cloud_sink.targets.fetching import fetched
from cloud_sink.targets.sigv4 import encode_path
from cloud_sink.uplink.words import Answer, Door, Origin


class Https:
    """A `Dialect`."""

    def __init__(
        self,
        origin: Origin,
        path: str,
        method: Literal["PUT", "POST"] = "PUT",
        token: Callable[[], str] | None = None,
        verify: Literal["answer", "read_back"] = "answer",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Describe it.

        Args:
            origin: Who is talked to.
            path: Of the folder, "" or "/...".
            method: PUT names the object by its URL; POST too, for servers that want it so.
            token: Of the `Authorization: Bearer` header (RFC 6750), asked before every request; None = none.
            verify: `answer` = a digest in the answer, see `proven`; `read_back` = GET and compare.
            clock: Wall clock, s.
        """
        self._origin = origin
        self._path = path
        self._method = method
        self._token = token
        self._verify = verify
        self._clock = clock

    @property
    def name(self) -> str:
        """The URL."""
        return f"{self._origin}{self._path}"

    def put(self, door: Door, key: str, data: bytes) -> Receipt:
        """See `Dialect.put`."""
        path = f"{self._path}/{encode_path(key)}"
        sha256 = hashlib.sha256(data)
        headers = {
            **self._headers(),
            "content-type": "application/octet-stream",
            "repr-digest": f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:",  # RFC 9530
        }
        answer = door.exchange(self._method, path, headers, data)
        verdict = judge(answer)
        where = f"{self._method} {key} to {self.name}"
        if verdict.then is Then.COMPARE:
            return self._compare(door, path, data, where)
        if verdict.then is not Then.VERIFY:
            raise refusal(verdict, answer, where, self._clock())
        if self._verify == "answer" and not proven(answer, data):
            raise unproven(
                answer, where, "it carries no digest of what was sent; set verify = 'read_back' if it cannot"
            )
        if self._verify == "read_back":
            self._read_back(door, path, data, where)
        return Receipt(sha256.hexdigest())

    def replace(self, door: Door, key: str, data: bytes) -> Receipt:
        """See `Dialect.replace`: what a PUT does with what is there is the server's affair, and so is a refusal."""
        return self.put(door, key, data)

    def fetch(self, door: Door, key: str, most: int, tag: str) -> Fetched:
        """See `Dialect.fetch`."""
        headers = {**self._headers(), **({"if-none-match": tag} if tag else {})}
        answer = door.exchange("GET", f"{self._path}/{encode_path(key)}", headers, most=most + 1)
        return fetched(answer, judge(answer), f"GET {key} from {self.name}", most, self._clock())

    def _headers(self) -> dict[str, str]:
        return {} if self._token is None else {"authorization": f"Bearer {self._token()}"}

    def _read_back(self, door: Door, path: str, data: bytes, where: str) -> None:
        answer = self._get(door, path, len(data))
        if answer.status == 200 and answer.body == data:
            return
        if answer.status == 200:
            raise unproven(answer, where, "what is read back is not what was sent")
        raise self._refused(answer, where)

    def _compare(self, door: Door, path: str, data: bytes, where: str) -> Receipt:
        answer = self._get(door, path, len(data))
        if answer.status != 200:
            raise self._refused(answer, where)
        if answer.body == data:
            return Receipt(hashlib.sha256(data).hexdigest(), repeat=True)
        if "html" in answer.headers.get("content-type", "").lower():
            raise unproven(answer, where, "what is read back is a page")
        msg = f"{where}: another object lies there; two gateways with one name, or edited by hand"
        raise PermanentDeliveryError(PermanentReason.KEY_CONFLICT, msg)

    def _get(self, door: Door, path: str, size: int) -> Answer:
        return door.exchange("GET", path, self._headers(), most=size + 1)

    def _refused(self, answer: Answer, where: str) -> DeliveryError:
        verdict = judge(answer)
        if verdict.then in (Then.COMPARE, Then.SPLIT, Then.VERIFY):  # of a GET: nonsense
            verdict = Verdict(Then.HOLD, TransientReason.PROTOCOL)
        return refusal(verdict, answer, f"{where}, read back", self._clock())


def proven(answer: Answer, data: bytes) -> bool:
    """Whether an answer carries a digest of the data, in one of four forms.

    `Repr-Digest` or `Content-Digest: sha-256=:BASE64:` (RFC 9530), which a server must not merely repeat;
    an ETag that is the SHA-256 or the MD5 in hex, as object stores give; a JSON body {"sha256": "HEX"}.
    """
    sha256, md5 = hashlib.sha256(data), hashlib.md5(data, usedforsecurity=False).hexdigest()
    item = f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"
    for name in ("repr-digest", "content-digest"):
        if item in answer.headers.get(name, ""):
            return True
    if answer.headers.get("etag", "").strip().strip('"').lower() in (sha256.hexdigest(), md5):
        return True
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("sha256") == sha256.hexdigest()
