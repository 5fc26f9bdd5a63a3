"""The gateway's page in a real Chromium, over the whole gateway on a simulated plant.

Pictures are left in var/page; `make page-pictures` makes them anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.demo.files import DemoFiles, config_text
from tests.cloud_sink.influx.servers import free_port
from tests.running import gateway, plant

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
BROWSER = Path(os.environ.get("SLUICEGATE_BROWSER", ROOT / "var" / "browser"))
EXTRA = """
[[rules]]
assets = ["pump-1"]
tag = "flow"
kind = "limit"
h = 1.0
[page]
port = {port}
"""


class Gateway:
    """Plant and gateway, running."""

    def __init__(self, folder: Path) -> None:
        self.files = DemoFiles(folder)
        self.port = free_port()
        self.ending = contextlib.ExitStack()
        facts = self.ending.enter_context(plant(self.files.plant)).facts
        text = re.sub(r"\[\[model\]\]\n(.+\n)+", "", config_text(facts)) + EXTRA.format(port=self.port)
        self.files.config.write_text(text.replace("[gateway]\n", '[gateway]\nepoch = "1s"\n'))
        self.files.cloud.mkdir()
        self.gateway = self.ending.enter_context(gateway(self.files.config, self.files.log))

    def wait(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(self.url, timeout=5) as answer:
                    assert answer.status == 200
                    return
            except OSError:
                assert time.monotonic() < until, self.files.log.read_text()
                time.sleep(0.2)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def token(self) -> str:
        return (self.files.data / "page-token").read_text().strip()

    def end(self) -> int:
        with self.ending:
            self.gateway.terminate()
            return self.gateway.wait(40)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Gateway]:
    one = Gateway(tmp_path)
    try:
        one.wait()
        yield one
    finally:
        one.end()


def test_a_person_beside_the_machine(running: Gateway) -> None:
    if not (BROWSER / "bin" / "python").exists() or not (os.environ.get("CHROMIUM") or shutil.which("chromium")):
        pytest.skip("no browser: make var/browser/.ready, and Chromium (Debian: apt install chromium)")
    script = Path(__file__).parent / "browser" / "visit.py"
    command = [str(BROWSER / "bin" / "python"), str(script), running.url, running.token, str(ROOT / "var" / "page")]
    seen: dict[str, Any] = {}
    pictures: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as visit:
        for line in visit.stdout:
            told = json.loads(line)
            if told["seen"] == "picture":
                pictures.append(told)
            seen[told["seen"]] = told
            if told["seen"] == "up":
                running.files.cloud.rename(running.files.away)
                visit.stdin.write("unplugged\n")
                visit.stdin.flush()
    assert visit.returncode == 0, f"after {list(seen)}"
    assert seen["value"]["first"] != seen["value"]["then"]
    assert "m3/h" in seen["value"]["row"]
    assert "● good" in seen["value"]["row"]
    assert seen["alarm"]["state"] == "UNACK"
    assert "above its H limit" in seen["alarm"]["text"]
    assert seen["refused"]["text"] == "the token is missing or wrong"
    assert "acknowledged by kim" in seen["acknowledged"]["text"]
    assert "delivering" in seen["up"]["text"]
    assert "records are kept" in seen["down"]["text"]
    assert [one["name"] for one in pictures] == ["light", "dark", "phone"]
    for one in pictures:
        assert one["contrast"] >= 4.5, one
        assert one["too_wide"] <= 0, one
    assert [text for text in seen["end"]["wrong"] if "401" not in text] == []


def test_the_page_ends_with_the_gateway_though_somebody_looks(tmp_path: Path) -> None:
    one = Gateway(tmp_path)
    try:
        one.wait()
        with urllib.request.urlopen(one.url + "api/stream", timeout=20) as stream:
            assert stream.readline() == b"retry: 2000\n"
            asked = time.monotonic()
            assert one.end() == 0
    finally:
        one.end()
    assert time.monotonic() - asked < 20
    log = [json.loads(line) for line in one.files.log.read_text().splitlines()]
    assert [line for line in log if line["event"] in {"process_restarting", "process_killed"}] == []
    assert (one.files.data / "page-token").stat().st_mode & 0o777 == 0o600
