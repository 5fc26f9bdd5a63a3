"""Delivery into a store that pyarrow has a file system for. Each object is written, read back and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cloud_sink.errors import DeliveryError, PermanentDeliveryError, PermanentReason, TransientDeliveryError
from cloud_sink.errors import TransientReason as Reason
from cloud_sink.outcomes import no_answer, store_error
from cloud_sink.targets.base import Fetched, Receipt
from cloud_sink.targets.fetching import too_large
from cloud_sink.uplink.store import Reply, Store, StoreClient
from cloud_sink.uplink.words import LinkError


class StoreTarget:
    """A `Target`.

    What goes over the wire beside the objects is the client library's affair: `wire` counts the object alone.
    """

    def __init__(self, store: Store, client: StoreClient, secret: Callable[[], str]) -> None:
        """Describe it; nothing is sent yet.

        Args:
            store: Where.
            client: That talks to it.
            secret: Asked before every object; "" = none.
        """
        self._store = store
        self._client = client
        self._secret = secret
        self._replace = ""  # key of an object that we put there and that came out wrong

    @property
    def name(self) -> str:
        """The store."""
        return str(self._store)

    def put(self, key: str, data: bytes) -> Receipt:
        """See `Target.put`."""
        where = f"{key} in {self.name}"
        secret = self._secret()
        try:
            reply = self._client.put(key, data, secret, replace=key == self._replace)
        except LinkError as error:
            failed = no_answer(error, where)
            failed.wire = len(data)  # at most: nobody is left to ask
            raise failed from error
        if reply.outcome in {"delivered", "repeat"}:
            return Receipt(hashlib.sha256(data).hexdigest(), reply.outcome == "repeat", reply.sent)
        if reply.outcome == "damaged":
            self._replace = key
        failure = _failure(reply, where)
        failure.wire = reply.sent
        raise failure

    def replace(self, key: str, data: bytes) -> Receipt:
        """See `Shelf.replace`."""
        self._replace = key
        return self.put(key, data)

    def fetch(self, key: str, most: int, tag: str = "") -> Fetched:
        """See `Shelf.fetch`. It is always read: the tag is its SHA-256."""
        where = f"{key} in {self.name}"
        try:
            reply, data = self._client.get(key, most, self._secret())
        except LinkError as error:
            raise no_answer(error, where) from error
        if reply.outcome != "read":
            raise _failure(reply, where)
        if len(data) > most:
            raise too_large(where, most)
        found = hashlib.sha256(data).hexdigest()
        return Fetched(None if found == tag else data, found)


def _failure(reply: Reply, where: str) -> DeliveryError:
    if reply.outcome == "error":
        return store_error(reply.errno, reply.text, where)
    if reply.outcome == "other" and reply.alike:
        msg = f"{where}: another object lies there; two gateways with one name, or edited by hand"
        return PermanentDeliveryError(PermanentReason.KEY_CONFLICT, msg)
    reason = Reason.PORTAL if "<html" in reply.text.lower() else Reason.VERIFY_FAILED
    return TransientDeliveryError(reason, f"{where}: what is read back is not what was sent")
