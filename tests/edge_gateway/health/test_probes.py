"""What probes are answered over HTTP and by the command; the cloud has no say in it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.commands.health import health_command
from edge_gateway.metrics.samples import Identity
from edge_gateway.page.app import make_app
from edge_gateway.page.probes import probe_routes
from edge_gateway.status import boot_id
from tests.edge_gateway.health.looks import NOW, acquire, deliver, flow, gateway, target
from tests.edge_gateway.page.asgi import call

ME = Identity("works", "gw-1", "0.1.0")
AWAY = deliver(uplink_up=False, targets={"cloud": target(uplink_up=False, trouble="timeout")})
FULL = flow(outbox_full=True)
GONE = acquire(40)


def asked(path: str, statuses: dict[str, Any], **options: Any) -> tuple[int, dict[str, str], bytes]:
    probes = probe_routes(lambda: statuses, ME, lambda: NOW)
    app = make_app(dict, lambda: None, lambda _: None, lambda: "s3cret", ["gw.plant"], probes=probes)
    return call(app, path, **options)


@pytest.mark.parametrize(
    ("statuses", "healthz", "readyz"),
    [
        (gateway(), 200, 200),
        (gateway(deliver=AWAY), 200, 200),
        (gateway(flow=FULL), 200, 503),
        (gateway(acquire=GONE), 503, 503),
        ({}, 503, 503),
    ],
    ids=["well", "no cloud", "disk full", "a process hangs", "nothing runs"],
)
def test_health_and_readiness(statuses: dict[str, Any], healthz: int, readyz: int) -> None:
    for path, wanted, key in (("/healthz", healthz, "healthy"), ("/readyz", readyz, "ready")):
        status, headers, body = asked(path, statuses)
        assert status == wanted, path
        assert json.loads(body)[key] is (wanted == 200)
        assert headers["content-type"] == "application/json"
        assert headers["cache-control"] == "no-store"


def test_the_reasons_are_in_the_body() -> None:
    assert json.loads(asked("/healthz", gateway(acquire=GONE))[2])["wedged"] == {"acquire": "no sign of life for 40 s"}
    assert "the disk is full" in json.loads(asked("/readyz", gateway(flow=FULL))[2])["unready"][0]
    assert json.loads(asked("/readyz", gateway(deliver=AWAY))[2])["notes"] == [
        "target cloud cannot be reached (timeout); records are kept"
    ]


def test_metrics_are_served_as_text() -> None:
    status, headers, body = asked("/metrics", gateway())
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"\nedge_healthy 1.0\n" in body


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_d4_probes_only_read_and_answer_to_known_names(path: str) -> None:
    assert asked(path, gateway(), method="POST")[0] == 405
    assert asked(path, gateway(), method="HEAD")[0] == 200
    assert asked(path, gateway(), headers={"host": "evil.example"})[0] == 400


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text('[gateway]\nsite = "works"\nname = "gw-1"\ndata = "data"\n[page]\nenabled = false\n')
    (tmp_path / "data" / "status").mkdir(parents=True)
    return path


def write(config: Path, statuses: dict[str, dict[str, Any]], age: float = 0.4) -> None:
    """As the processes would have just now."""
    for role, status in statuses.items():
        moved = NOW.mono - time.monotonic_ns()
        times = {key: value - moved for key, value in status.items() if key.endswith("_at") or key == "mono"}
        body = {**status, **times, "boot": boot_id(), "time": time.time_ns() - int(age * 1e9)}
        (config.parent / "data" / "status" / f"{role}.json").write_text(json.dumps(body))


def test_the_command_answers_by_its_exit_code(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def codes() -> tuple[int, int]:
        return tuple(health_command(config, ready=ready, as_json=True) for ready in (False, True))

    assert codes() == (1, 1)
    write(config, gateway())
    assert codes() == (0, 0)
    write(config, gateway(deliver=AWAY))
    assert codes() == (0, 0)
    write(config, gateway(flow=FULL))
    assert codes() == (0, 1)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["unready"]
    write(config, gateway(acquire=GONE))
    assert codes() == (1, 1)
    health_command(config, ready=False, as_json=False)
    assert "unhealthy\n  acquire: no sign of life for 40 s\n" in capsys.readouterr().out


def test_a_configuration_that_is_none_is_told_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert health_command(tmp_path / "none.toml", ready=False, as_json=False) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_probe_is_cheap(config: Path) -> None:
    """CPU time, so that a busy machine does not fail it; half of that in wall time on an idle one."""
    write(config, gateway())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "edge_gateway", "health", str(config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["ready"]
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 0.9, "what it imports has grown: see python -X importtime"
