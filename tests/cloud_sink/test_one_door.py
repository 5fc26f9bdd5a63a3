"""What leaves leaves by one door: no other file of this room imports anything that could talk to a network.

import-linter forbids the libraries that are known to; here everything is forbidden that is not known to be harmless, so
that a new dependency is looked at. What the kernel sees is tests/e2e/test_alone.py.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cloud_sink

ROOM = Path(cloud_sink.__file__).parent
STANDARD = """
    __future__ abc base64 bisect collections concurrent.futures configparser contextlib dataclasses datetime
    email.utils enum errno fcntl functools gzip hashlib hmac io itertools json math os pathlib random re select shutil
    stat struct tempfile termios threading time traceback types typing urllib.parse zlib"""
HARMLESS = {*STANDARD.split(), "numpy", "structlog", "typing_extensions"}
# Each with the foreign thing it is the door to. What lies in uplink/ and influx/client.py sends, and is in the ledger.
DOORS = {
    "uplink/": {"http.client", "socket", "ssl"},
    "uplink/store.py": {"subprocess", "sys"},
    "uplink/store_client.py": {"pyarrow.ArrowException", "pyarrow.fs", "signal", "sys"},
    "grafana/": {"grafana_foundation_sdk"},  # makes the JSON of dashboards, for whoever develops them
    "influx/client.py": {"influxdb_client.client.influxdb_client", "influxdb_client.rest", "urllib3.exceptions"},
    "lake/places.py": {"pyarrow.fs"},  # reads what was delivered, for whoever has it; no gateway runs it
    "lake/tables.py": {"pyarrow", "pyarrow.dataset"},
    "lake/compact.py": {"pyarrow", "pyarrow.compute", "pyarrow.parquet"},
    "lake/sql.py": {"duckdb"},
    "outbox/database.py": {"apsw"},
    "sink.py": {"bytewax.outputs"},
    "parquet.py": {"pyarrow", "pyarrow.compute", "pyarrow.parquet"},
}
NEVER = {"__import__", "compile", "eval", "exec", "system", "popen", "fork", "posix_spawn", "posix_spawnp", "execv"}


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # pyarrow's file systems talk to clouds, the rest of it does not
            yield from (f"pyarrow.{alias.name}" for alias in node.names) if node.module == "pyarrow" else [node.module]


def known(name, allowed):
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def judged(path, text):
    tree = ast.parse(text)
    own = set().union(*(allowed for door, allowed in DOORS.items() if path.startswith(door)))
    whole = HARMLESS | {"cloud_sink"} | (own - {"pyarrow"})  # of pyarrow only what is named
    strange = {name for name in imports(tree) if name not in own and not known(name, whole)}
    # `re.compile` is harmless, the builtin is not
    hidden = {name for name in calls(tree) if name in NEVER} - ({"compile"} if "import re" in text else set())
    return strange | hidden


@pytest.mark.parametrize("path", sorted(path.relative_to(ROOM).as_posix() for path in ROOM.rglob("*.py")))
def test_a_file_imports_nothing_that_could_send(path):
    assert judged(path, (ROOM / path).read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    "text",
    [
        "import socket",
        "from urllib.request import urlopen",
        "import urllib3",
        "from pyarrow import fs",
        "def f():\n    import requests",
        "__import__('socket')",
        "import os\nos.system('curl')",
    ],
)
def test_what_could_send_is_seen(text):
    assert judged("objects.py", text)
    assert judged("parquet.py", text)


def test_every_door_is_there():
    assert all((ROOM / door).exists() for door in DOORS)
