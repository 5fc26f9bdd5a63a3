"""What a link to one OPC-UA server obeys. Units, ranges and reasons: README.md."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from connectors.opcua.tag import MAX_INTERVAL, MAX_PUBLISHING, MIN_POLL, MIN_PUBLISHING, OpcUaTag
from connectors.opcua.times import Initial, TimePolicy

__all__ = ["OpcUaSettings", "OpcUaTag"]

Policy = Literal["best", "None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]
Mode = Literal["None", "Sign", "SignAndEncrypt"]

BRIDGED_OUTAGE = timedelta(seconds=30)  # an automatic queue holds this much, so that so long an outage loses nothing
SMALLEST_QUEUE = 10
FRESH = timedelta(seconds=1)  # a value that is asked for and younger than this keeps its time


@dataclass(frozen=True)
class OpcUaSettings:
    """One server.

    Attributes:
        name: Unique in the gateway.
        endpoint: opc.tcp://host:port/path, without user or password.
        application_uri: Of this gateway; must stand in its certificate.
        policy: Security policy; "best" = the strongest that the server offers in this mode, never "None", which is for
            trials and closed cells only.
        mode: Security mode; "None" exactly when the policy is.
        certificate: This gateway's certificate, DER or PEM.
        private_key: Its key, PEM or DER.
        server_certificate: The one certificate that the server must show (pinned).
        trust_folder: Or: certificates of servers and authorities that are trusted, one a file (.der, .pem). What a
            server showed and was refused is kept in its folder `rejected/`.
        user: User name; None = anonymous.
        password: Never shown, logged or sent unencrypted (see `allow_plaintext_password`).
        user_certificate: Certificate of a user, instead of a name; DER or PEM.
        user_key: Its key, PEM or DER.
        allow_plaintext_password: Send the password readable if the server has no encryption for it.
        publishing_interval: How often the server sends what it has.
        keepalive: How often an idle server must say that it lives.
        connect_timeout: For socket, secure channel and session each.
        request_timeout: For one request.
        session_timeout: How long the server keeps session and queues while we are gone.
        reconnect_min: First delay before another try.
        reconnect_max: Longest delay.
        publish_in_flight: Publish requests that wait at the server.
        priority: Of the subscription among those of the server; higher ones are sent first.
        poll_interval: Read all tags this often instead of subscribing, for servers that cannot do it.
        time_past: A source time that lies further before the receipt is not believed.
        time_ahead: A source time that lies further after the receipt is not believed.
        initial: Time of a value that is read, or the first one after a connection, and did not change lately.
        backfill: Read holes in the data from the server's history, where it keeps one.
        backfill_limit: Of a longer hole, so much of its end is read.
        backfill_rate: Values a second that are read from history at most.
        tags: What to acquire.
    """

    name: str
    endpoint: str
    application_uri: str
    policy: Policy = "Basic256Sha256"
    mode: Mode = "SignAndEncrypt"
    certificate: Path | None = None
    private_key: Path | None = None
    server_certificate: Path | None = None
    trust_folder: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    user_certificate: Path | None = None
    user_key: Path | None = None
    allow_plaintext_password: bool = False
    publishing_interval: timedelta = timedelta(milliseconds=500)
    keepalive: timedelta = timedelta(seconds=5)
    connect_timeout: timedelta = timedelta(seconds=5)
    request_timeout: timedelta = timedelta(seconds=5)
    session_timeout: timedelta = timedelta(seconds=120)
    reconnect_min: timedelta = timedelta(milliseconds=250)
    reconnect_max: timedelta = timedelta(seconds=15)
    publish_in_flight: int = 3
    priority: int = 0
    poll_interval: timedelta | None = None
    time_past: timedelta = timedelta(days=7)
    time_ahead: timedelta = timedelta(seconds=10)
    initial: Initial = "as_now"
    backfill: bool = True
    backfill_limit: timedelta = timedelta(hours=24)
    backfill_rate: int = 10_000
    tags: tuple[OpcUaTag, ...] = ()

    def __post_init__(self) -> None:
        self._check_endpoint()
        self._check_security()
        for key, low, high in (
            ("publishing_interval", MIN_PUBLISHING, MAX_PUBLISHING),
            ("keepalive", timedelta(milliseconds=100), timedelta(hours=1)),
            ("connect_timeout", timedelta(milliseconds=100), timedelta(minutes=5)),
            ("request_timeout", timedelta(milliseconds=100), timedelta(minutes=5)),
            ("session_timeout", timedelta(seconds=1), timedelta(days=1)),
            ("time_past", timedelta(seconds=1), timedelta(days=36500)),
            ("time_ahead", timedelta(seconds=1), timedelta(days=36500)),
            ("backfill_limit", timedelta(seconds=1), timedelta(days=366)),
            ("reconnect_min", timedelta(milliseconds=10), self.reconnect_max),
            ("reconnect_max", timedelta(milliseconds=10), timedelta(hours=1)),
        ):
            value: timedelta = getattr(self, key)
            if not low <= value <= high:
                self._refuse(key, value, f"must be within {low} and {high}")
        if not 1 <= self.publish_in_flight <= 20:
            self._refuse("publish_in_flight", self.publish_in_flight, "must be within 1 and 20; 3 suits most servers")
        if not 1 <= self.backfill_rate <= 10_000_000:
            self._refuse("backfill_rate", self.backfill_rate, "must be within 1 and 10,000,000 values a second")
        if not 0 <= self.priority <= 255:
            self._refuse("priority", self.priority, "must be within 0 and 255")
        if self.poll_interval is not None and not MIN_POLL <= self.poll_interval <= MAX_INTERVAL:
            self._refuse("poll_interval", self.poll_interval, f"must be within {MIN_POLL} and 1 day")
        names = [(tag.asset, tag.tag) for tag in self.tags]
        if len(set(names)) != len(names):
            twice = sorted({"/".join(name) for name in names if names.count(name) > 1})
            self._refuse("tags", twice, "a tag may have one node only; remove the others")

    def _check_endpoint(self) -> None:
        try:
            url = urlsplit(self.endpoint)
            port = url.port
        except ValueError:
            self._refuse("endpoint", self.endpoint, "is no URL; write opc.tcp://host:port")
        if url.scheme != "opc.tcp" or not url.hostname or not port:
            self._refuse("endpoint", self.endpoint, "must have the form opc.tcp://host:port")
        if "@" in url.netloc:
            self._refuse("endpoint", "opc.tcp://...@...", "must not hold credentials; use user and password")

    def _check_security(self) -> None:
        if (self.policy == "None") != (self.mode == "None"):
            self._refuse("mode", self.mode, f"does not fit policy {self.policy!r}; both are 'None' or neither is")
        if self.policy != "None":
            for key in ("certificate", "private_key"):
                if getattr(self, key) is None:
                    self._refuse(key, None, f"is needed for policy {self.policy!r}; make one and name it")
            if (self.server_certificate is None) == (self.trust_folder is None):
                self._refuse(
                    "server_certificate / trust_folder",
                    (self.server_certificate, self.trust_folder),
                    "exactly one of them says which server to trust; set one",
                )
        if (self.user_certificate is None) != (self.user_key is None):
            self._refuse("user_key", self.user_key, "goes together with user_certificate; set both or neither")
        if self.user_certificate is not None and (self.user is not None or self.policy == "None"):
            self._refuse("user_certificate", self.user_certificate, "goes with a policy, and without user and password")
        if self.password is not None and self.user is None:
            self._refuse("user", None, "is needed beside a password")
        if self.password is not None and self.policy == "None" and not self.allow_plaintext_password:
            self._refuse(
                "policy", "None", "would send the password readable; use a policy, or set allow_plaintext_password"
            )

    def _refuse(self, key: str, value: object, rule: str) -> None:
        msg = f"opcua {self.name!r}: {key} = {value}: {rule}"
        raise ValueError(msg)

    @cached_property
    def polled(self) -> dict[int, timedelta]:
        """Handle -> interval of the tags that are read."""
        intervals = ((handle, tag.poll_interval or self.poll_interval) for handle, tag in enumerate(self.tags))
        return {handle: interval for handle, interval in intervals if interval is not None}

    @cached_property
    def subscribed(self) -> tuple[int, ...]:
        """Handles of the tags that are subscribed to."""
        return tuple(handle for handle in range(len(self.tags)) if handle not in self.polled)

    @property
    def time_policy(self) -> TimePolicy:
        """Which timestamps are believed."""
        fresh = max(FRESH, *(2 * self.publishing_of(tag) for tag in self.tags), 2 * self.publishing_interval)
        return TimePolicy(self.time_past, self.time_ahead, self.initial, fresh)

    def publishing_of(self, tag: OpcUaTag) -> timedelta:
        """How often the server sends what it has of the tag."""
        return tag.publishing_interval or self.publishing_interval

    def group_of(self, handle: int) -> tuple[timedelta, int]:
        """Publishing interval and priority of the tag: those that share both share a subscription."""
        tag = self.tags[handle]
        return self.publishing_of(tag), self.priority if tag.priority is None else tag.priority

    def sampling_of(self, tag: OpcUaTag) -> timedelta:
        """Half the publishing interval unless told otherwise: equal rates would alias."""
        return self.publishing_of(tag) / 2 if tag.sampling_interval is None else tag.sampling_interval

    def queue_of(self, tag: OpcUaTag) -> int:
        """Values the server is asked to keep between two notifications or during an outage."""
        if tag.queue_size is not None:
            return tag.queue_size
        sampling = self.sampling_of(tag)
        if not sampling:  # as fast as the server can: no ratio to compute from
            return 1000
        return max(SMALLEST_QUEUE, math.ceil(BRIDGED_OUTAGE / sampling))
