"""A store that pyarrow has a file system for: Azure, Google Cloud Storage, HDFS. What is told to its client, and heard.

The client runs in a process of its own (`store_client`), for two reasons seen with pyarrow 26: an answer that the Azure
client does not expect, a captive portal's for example, ends the whole process (std::terminate); and no call has a
time-out that a caller could set. So a crash costs an attempt, and a call that hangs is killed.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from cloud_sink.uplink.words import LinkError, Trouble

SCHEMES = ("abfs", "abfss", "gs", "hdfs")
_GRACE_S = 5.0  # the client ends itself first
_PATIENCE_S = 60.0  # for what does not depend on the size
_SLOWEST = 1000  # bytes a second, 8 kbit/s: the object goes up and comes down again
_LONGEST_REPLY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Store:
    """Where.

    Attributes:
        scheme: One of `SCHEMES`; `abfs` is Azure without encryption.
        host: Of the service, with its port where one is told; "" = Google's.
        account: Of Azure.
        root: Container or bucket and folder, without slashes around; of HDFS the folder.
    """

    scheme: str
    host: str
    account: str
    root: str

    @property
    def encrypted(self) -> bool:
        """Whether it is spoken to over TLS. HDFS has a protection of its own, which is its own matter."""
        return self.scheme in {"abfss", "gs"}

    def path_of(self, key: str) -> str:
        """Of an object, as pyarrow wants it; one of HDFS without a slash in front is below the user's own folder."""
        path = f"{self.root}/{key}".lstrip("/")
        return f"/{path}" if self.scheme == "hdfs" else path

    def __str__(self) -> str:
        who = f"{self.account}@" if self.account and ".dfs." not in self.host else ""
        host = f"{who}{self.host}/" if self.host else ""
        return f"{self.scheme}://{host}{self.root}"


def parse_store(uri: str) -> Store:
    """Of `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER`, `gs://BUCKET/FOLDER`, `hdfs://HOST:PORT/FOLDER`.

    Also `abfs[s]://ACCOUNT@HOST:PORT/CONTAINER/FOLDER` for a server of one's own.

    Raises:
        ValueError: Not in one of these forms, or with a password or a query.
    """
    parts = urlsplit(uri)
    if parts.password is not None or parts.query or parts.fragment:
        msg = "must be without password, query and fragment"
        raise ValueError(msg)
    host, who, folder = parts.netloc.rpartition("@")[2], parts.username or "", unquote(parts.path).strip("/")
    if parts.scheme == "gs" and host and not who:
        return Store("gs", "", "", f"{host}/{folder}".strip("/"))
    if parts.scheme == "hdfs" and host and not who:
        return Store("hdfs", host, "", folder)
    if parts.scheme in {"abfs", "abfss"} and host and who:
        account, dfs, _ = host.partition(".dfs.")
        if dfs:
            return Store(parts.scheme, host, account, f"{who}/{folder}".strip("/"))
        if folder:
            return Store(parts.scheme, host, who, folder)
    msg = "must be abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER, gs://BUCKET/FOLDER or hdfs://HOST:PORT/FOLDER"
    raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client says.

    Attributes:
        outcome: `read`: `size` bytes follow. `delivered`: it lies there, as read back. `repeat`: it lay there.
            `damaged`: what is read back is not what was written. `other`: something else lies there, `alike` of the
            same kind. `error`: see `text`.
        sent: Bytes of the object that were handed on.
        alike: Whether what lies there begins as ours does.
        text: Of an error, or the beginning of what lies there.
        errno: Of an error, 0 = none.
        size: Of the object that was read.
    """

    outcome: str
    sent: int = 0
    alike: bool = False
    text: str = ""
    errno: int = 0
    size: int = 0


class StoreClient:
    """One client process, started when it is needed. For one thread at a time."""

    def __init__(self, store: Store, seconds: Callable[[int], float] = lambda size: _PATIENCE_S + 2 * size / _SLOWEST):
        """Describe it; nothing is started yet.

        Args:
            store: To talk to.
            seconds: That an object of so many bytes may take.
        """
        self._store = store
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def put(self, path: str, data: bytes, secret: str, *, replace: bool) -> Reply:
        """Write one object and read it back.

        Args:
            path: Below the root.
            data: All of it.
            secret: The account's key; "" = none.
            replace: Also where something else lies there.

        Raises:
            LinkError: The client was killed since it hung, or it died.
        """
        limit = self._seconds(len(data))
        reply, _ = self._ask(path, data, secret, limit, replace=replace)
        return reply

    def get(self, path: str, most: int, secret: str) -> tuple[Reply, bytes]:
        """Read one object, up to a byte more than `most`.

        Args:
            path: Below the root.
            most: Bytes.
            secret: The account's key; "" = none.

        Raises:
            LinkError: See `put`.
        """
        return self._ask(path, b"", secret, self._seconds(most), most=most)

    def _ask(
        self, path: str, data: bytes, secret: str, limit: float, *, replace: bool = False, most: int = 0
    ) -> tuple[Reply, bytes]:
        head = {
            "scheme": self._store.scheme,
            "host": self._store.host,
            "account": self._store.account,
            "path": self._store.path_of(path),
            "secret": secret,
            "size": len(data),
            "replace": replace,
            "most": most,
            "seconds": limit,
        }
        give_up = time.monotonic() + limit + _GRACE_S
        try:
            process = self._running()
            assert process.stdin is not None
            process.stdin.write(json.dumps(head).encode() + b"\n" + data)
            process.stdin.flush()
            line, rest = _line(process, give_up)
            reply = Reply(**json.loads(line)) if line else Reply("")
            found = _rest(process, rest, reply.size, give_up)
        except OSError as error:  # also a broken pipe
            self.close()
            raise LinkError(Trouble.CUT, f"{self._store}: its client: {error}") from error
        if not line or found is None:
            raise LinkError(*self._died(limit))
        return reply, found

    def close(self) -> None:
        """End the client."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(OSError):  # what was not written any more
                    pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            # Nothing that is secret is among the arguments. A proxy of the environment would be somebody to talk to
            # who is not configured.
            environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cloud_sink.uplink.store_client"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        return self._process

    def _died(self, limit: float) -> tuple[Trouble, str]:
        assert self._process is not None
        try:
            code = self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            code = None
        self.close()
        if code is None or code == -14:  # SIGALRM: it gave itself up
            return Trouble.SILENT, f"{self._store} did not take the object within {limit:g} s"
        return Trouble.FOREIGN, f"{self._store} gave an answer that its client died of (exit {code})"


def _line(process: subprocess.Popen[bytes], give_up: float) -> tuple[bytes, bytes]:
    """A line of the client's, and what came with it; empty = none came, or it died."""
    heard = b""
    while b"\n" not in heard and len(heard) < _LONGEST_REPLY:
        part = _heard(process, give_up)
        if not part:
            return b"", b""
        heard += part
    line, _, rest = heard.partition(b"\n")
    return line, rest


def _rest(process: subprocess.Popen[bytes], begun: bytes, size: int, give_up: float) -> bytes | None:
    """The object behind a line; None = it did not come whole."""
    parts, missing = [begun], size - len(begun)
    while missing > 0:
        part = _heard(process, give_up)
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _heard(process: subprocess.Popen[bytes], give_up: float) -> bytes:
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    ready, _, _ = select.select([pipe], [], [], max(0.0, give_up - time.monotonic()))
    return os.read(pipe, _LONGEST_REPLY) if ready else b""
