"""The one door to influxdb-client: a write, and what was answered. Synchronous and without its batching.

Its batching mode gives a batch up after some retries and keeps no count (measured: an outage of 8 s lost a tenth of the
lines); here the ring keeps them. No redirect is followed, and no proxy is asked.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cloud_sink.uplink.words import split_url

Api = Literal["v1", "v2", "v3"]


@dataclass(frozen=True, slots=True)
class InfluxServer:
    """Where to and how.

    Attributes:
        url: `http(s)://host:port`, without a path.
        api: `v1` for InfluxDB 1.x, `v2` for 2.x, `v3` for 3.x.
        database: Database of 1.x (with `/policy` where a retention policy is named) and 3.x, bucket of 2.x.
        org: Of 2.x.
        ca_file: Authorities that are trusted instead of the system's; "" = the system's.
        connect_s: Longest time to connect.
        answer_s: Longest silence of the server.
    """

    url: str
    api: Api
    database: str
    org: str = ""
    ca_file: str = ""
    connect_s: float = 5.0
    answer_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status; 0 = nothing came.
        body: Text of the answer, or what went wrong.
        retry_after: The header, as it came.
    """

    status: int
    body: str
    retry_after: str = ""


class InfluxWriter:
    """Writes lines. Not for threads."""

    def __init__(self, server: InfluxServer, secret: Callable[[], str]) -> None:
        """Nothing is sent yet.

        Args:
            server: Where to.
            secret: The token of 2.x and 3.x, `user:password` of 1.x, or "" for none; asked before every write, so that
                it may change.
        """
        from influxdb_client.client.influxdb_client import InfluxDBClient  # noqa: PLC0415 - slow, and only where used

        self._server = server
        self._secret = secret
        self._client: Any = InfluxDBClient(
            url=server.url, token="", org=server.org, ssl_ca_cert=server.ca_file or None, retries=False
        )

    @property
    def name(self) -> str:
        """Of the server, for people and the egress ledger."""
        return f"influx:{split_url(self._server.url)[0].authority}"

    def write(self, body: bytes) -> Answer:
        """Send lines.

        Args:
            body: gzip of lines with times in nanoseconds.
        """
        from influxdb_client.rest import ApiException  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        server = self._server
        path, query = _address(server)
        secret = self._secret()
        whose = _authorization(server.api, secret)
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8", **whose}
        timeout = (server.connect_s * 1000, server.answer_s * 1000)
        try:
            _, status, _ = self._client.api_client.call_api(
                path, "POST", {}, list(query.items()), headers, body=body, auth_settings=[], _request_timeout=timeout
            )
        except ApiException as error:
            said = error.headers.get("Retry-After", "") if error.headers else ""
            # A server or a proxy may repeat what it was sent, and the answer goes into the log.
            told = str(error.body or error.reason)
            for hidden in (secret, *(value.partition(" ")[2] for value in whose.values())):
                told = told.replace(hidden, "***") if hidden else told
            return Answer(error.status or 0, told, said)
        except (HTTPError, UnicodeDecodeError) as error:  # the second: an answer that is no text
            return Answer(0, f"{type(error).__name__}: {error}")
        return Answer(status, "")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _address(server: InfluxServer) -> tuple[str, Mapping[str, str]]:
    """Path and query of a write, as the three documentations have them."""
    match server.api:
        case "v1":
            database, _, policy = server.database.partition("/")
            return "/write", {"db": database, "precision": "ns", **({"rp": policy} if policy else {})}
        case "v2":
            return "/api/v2/write", {"org": server.org, "bucket": server.database, "precision": "ns"}
        case "v3":
            return "/api/v3/write_lp", {"db": server.database, "precision": "nanosecond", "accept_partial": "true"}


def _authorization(api: Api, secret: str) -> dict[str, str]:
    if not secret:
        return {}
    match api:
        case "v1":
            return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
        case "v2":
            return {"Authorization": f"Token {secret}"}
        case "v3":
            return {"Authorization": f"Bearer {secret}"}
