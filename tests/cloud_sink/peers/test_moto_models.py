"""Models published to moto's S3 server by the commands, and a rollout that reads what gateways delivered there."""

from __future__ import annotations

import gzip
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[2] / "edge_gateway"))  # the bundles made there

from bundles import make_bundle

from edge_gateway.cli import app
from tests.cloud_sink.peers.moto_server import S3_CLIENT, client

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PUT_EVENT = S3_CLIENT + "s3.put_object(Bucket='lake', Key=sys.argv[2], Body=bytes.fromhex(sys.argv[3])); print('{}')"


def test_a_version_is_published_rolled_out_and_halted(server, keys, tmp_path, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": str(server),
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    place = ("--to", "s3://lake/fleet", "--key", "key.pem", "--json")

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["model", *words], catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.stdout

    trust = run("keygen", "key.pem").split('["')[1].split('"')[0]
    for version in ("1", "2"):
        run("push", str(make_bundle(tmp_path / version, version, seed=int(version))), *place)
    run("promote", "press@1", *place)
    plan = ("rollout", "press@2", *place, "--events", "s3://lake/plant", "--stages", "20,100", "--soak", "0s")
    begun = json.loads(run(*plan))["channel"]["rollout"]["begun"]
    assert json.loads(run(*plan))["decision"] == "wait"
    event = {"kind": "model", "source": "press@2", "start": begun + 1, "reason": "rolled_back", "detail": "a storm"}
    body = gzip.compress(json.dumps({"key": "event/1", **event}).encode() + b"\n")
    key = f"plant/events/v1/site=riverside/date={datetime.now(UTC).date()}/gw-1-{begun}-00000000.jsonl.gz"
    client(PUT_EVENT, server, key, body.hex())
    halted = json.loads(run(*plan, code=1))
    assert halted["troubled"] == {"riverside/gw-1": "a storm"}
    look = ("--from", "s3://lake/fleet", "--trust", trust, "--json")
    (channel,) = json.loads(run("list", *look))["channels"]
    assert (channel["wanted"], list(channel["halted"])) == ("1", ["2"])
    assert json.loads(run("verify", *look))["checked"][0]["ok"]
