"""Servers that take line protocol, each a process on loopback that ends with this one: Debian's own.

No InfluxDB 2 or 3 can be had as a package. A shim in front of 1.x takes their writes, so that their addresses, headers
and bodies are followed by a real server's answers; it says nothing about those servers themselves.
"""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN, USER, PASSWORD = "t0ken", "gateway", "pass word"
_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"


def find(name: str) -> str | None:
    """Debian puts servers where users do not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def process(*command: str, port: int) -> Iterator[int]:
    """A server; its process id, once it takes connections."""
    program = subprocess.Popen(
        [sys.executable, "-c", _WITH_PARENT, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert program.poll() is None, f"{command[0]} did not start"
                time.sleep(0.1)
        yield program.pid
    finally:
        program.terminate()
        program.wait(20)


@dataclass(frozen=True)
class Influx:
    """An influxd 1.x.

    Attributes:
        port: Of its HTTP API.
        pid: Of its process.
    """

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def query(self, text: str, database: str = "plant") -> list[dict[str, Any]]:
        """Series of the first statement, each with name, tags, columns and values.

        Raises:
            AssertionError: The server says that something is wrong with it.
        """
        asked = urllib.parse.urlencode({"q": text, "db": database, "epoch": "ns"})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        connection.request("POST", f"/query?{asked}", headers={"Authorization": f"Basic {basic}"})
        found = json.loads(connection.getresponse().read())
        connection.close()
        (result,) = found["results"]
        assert "error" not in result, (text, result)
        series: list[dict[str, Any]] = result.get("series", [])
        return series


@contextmanager
def influxd(folder: Path) -> Iterator[Influx]:
    """With the database `plant` (kept for a day of 2 h groups) and a user, as a plant would have it."""
    http_port, rpc_port = free_port(), free_port()
    config = folder / "influxdb.conf"
    config.write_text(
        f"""
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http_port}"
  auth-enabled = true
  log-enabled = false
""",
        encoding="utf-8",
    )
    with process(find("influxd") or "influxd", "-config", str(config), port=http_port) as pid:
        server = Influx(http_port, pid)
        server.query(f"CREATE USER {USER} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES")
        server.query("CREATE DATABASE plant")
        yield server


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[int]:
    """Takes the writes of InfluxDB 2; the port."""
    port = free_port()
    data = f"-storageDataPath={folder}"
    with process(find("victoria-metrics") or "", data, f"-httpListenAddr=127.0.0.1:{port}", port=port):
        yield port


@contextmanager
def shim(behind: Influx) -> Iterator[int]:
    """The writes of 2.x and 3.x, handed on to 1.x; the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            path, _, query = self.path.partition("?")
            asked = dict(urllib.parse.parse_qsl(query))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            match path, asked.get("precision"):
                case "/api/v2/write", "ns" if asked.get("org") == "works":
                    database, secret = asked["bucket"], f"Token {TOKEN}"
                case "/api/v3/write_lp", "nanosecond" if asked.get("accept_partial") == "true":
                    database, secret = asked["db"], f"Bearer {TOKEN}"
                case _:
                    return self._answer(404, b"no such path")
            if self.headers["Authorization"] != secret:
                return self._answer(401, b'{"code":"unauthorized","message":"unauthorized access"}')
            basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            headers = {"Content-Encoding": self.headers["Content-Encoding"], "Authorization": f"Basic {basic}"}
            onward = http.client.HTTPConnection("127.0.0.1", behind.port, timeout=20)
            onward.request("POST", f"/write?db={database}&precision=ns", body, headers)
            answer = onward.getresponse()
            said = answer.read()
            onward.close()
            return self._answer(answer.status, said)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
