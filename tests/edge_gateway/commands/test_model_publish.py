"""Publishing models to many gateways, in a folder, a bucket, a web server."""

from __future__ import annotations

import gzip
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bundles import CONFIG, make_bundle
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[2] / "cloud_sink"))  # the server

from fault_server import FaultServer

from edge_gateway.cli import app
from models.bundle import MODEL


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for version in ("1", "2", "3"):
        make_bundle(folder / version, version, seed=int(version), counter=int(version))
    return folder


class Publisher:
    """Whoever has the key."""

    def __init__(self, folder: Path, made: Path) -> None:
        self.folder, self.made, self.place = folder, made, str(folder / "place")
        (folder / "place").mkdir()
        self.trust = self.run("keygen", str(folder / "key.pem")).split('trusted_keys = ["')[1].split('"')[0]

    def run(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["model", *words], catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.output

    def publish(self, *words: str, code: int = 0) -> Any:
        out = self.run(*words, "--to", self.place, "--key", str(self.folder / "key.pem"), "--json", code=code)
        return json.loads(out) if code == 0 else out

    def push(self, version: str) -> Any:
        return self.publish("push", str(self.made / version))

    def look(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--from", self.place, "--trust", self.trust, "--json", code=code))


@pytest.fixture
def publisher(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    monkeypatch.chdir(tmp_path)
    return Publisher(tmp_path, made)


def test_a_bundle_goes_there_once_and_whole(publisher: Publisher) -> None:
    first = publisher.push("1")
    assert (first["model"], first["repeat"], first["signed_by"]) == ("press@1", False, publisher.trust)
    assert publisher.push("1")["repeat"]
    (row,) = publisher.look("list")["versions"]
    assert (row["model"], row["signature"], row["counter"], row["state"]) == ("press@1", "trusted", 1, "")


def test_another_bundle_of_that_version_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    publisher.push("1")
    make_bundle(tmp_path / "other", "1", seed=9)
    assert "key_conflict" in publisher.publish("push", str(tmp_path / "other"), code=1)


def test_a_channel_is_issued_with_a_counter_that_grows(publisher: Publisher) -> None:
    publisher.push("1")
    first = publisher.publish("promote", "press@1")
    again = publisher.publish("promote", "press@1", "--not-after", "1h")
    assert again["counter"] > first["counter"]
    assert (again["wanted"]["version"], again["percent"], again["others"], again["mode"]) == ("1", 100, None, "active")
    assert again["not_after"] - again["issued"] == 3600 * 10**9


def test_some_serve_another_version_and_the_others_what_they_had(publisher: Publisher) -> None:
    for version in ("1", "2", "3"):
        publisher.push(version)
    publisher.publish("promote", "press@1")
    second = publisher.publish("promote", "press@2", "--percent", "20", "--sites", "riverside,hillside")
    assert (second["percent"], second["sites"], second["others"]["version"]) == (20, ["riverside", "hillside"], "1")
    third = publisher.publish("shadow", "press@3", "--percent", "50")
    assert (third["mode"], third["others"]["version"], third["wanted"]["version"]) == ("shadow", "1", "3")
    back = publisher.publish("rollback", "press", "--reason", "it cried")
    assert (back["wanted"]["version"], back["percent"], back["others"]) == ("1", 100, None)
    assert back["halted"] == {"3": "it cried"}
    assert "was halted: it cried" in publisher.publish("promote", "press@3", code=2)
    forced = publisher.publish("promote", "press@3", "--force", "--reason", "the plant was broken")
    assert forced["halted"] == {}


def test_what_cannot_be_asked_for(publisher: Publisher) -> None:
    assert "push" in publisher.publish("promote", "press@1", code=1)
    publisher.push("1")
    for words, code, told in (
        (("promote", "press"), 2, "names no version"),
        (("promote", "press@1", "--not-after", "soon"), 2, "--not-after"),
        (("promote", "press@1", "--sites", "a/b"), 2, "sites"),
        (("promote", "press@1", "--channel", "a/b"), 2, "channel"),
        (("rollback", "press"), 2, "has no channel there"),
        (("rollout", "press@1", "--events", publisher.place), 2, "has no such channel"),
    ):
        assert told in publisher.publish(*words, code=code)
    publisher.publish("promote", "press@1")
    assert "no version that others keep" in publisher.publish("rollback", "press", code=2)
    assert "is what the channel asks for" in publisher.publish("rollback", "press@1", code=2)
    assert "--off" in publisher.publish("shadow", "press@1", "--off", code=2)
    assert "--key" in publisher.run("promote", "press@1", "--to", publisher.place, code=2)
    assert "give one of them" in publisher.run(
        "push", str(publisher.made / "1"), "--key", str(publisher.folder / "key.pem"), code=2
    )


def test_the_channel_of_a_stranger_is_not_gone_on_with(publisher: Publisher) -> None:
    publisher.push("1")
    publisher.publish("promote", "press@1")
    first = publisher.trust
    publisher.run("keygen", "other.pem")
    own = ("--to", publisher.place, "--key", "other.pem")
    assert "trusted_keys signed it" in publisher.run("promote", "press@1", *own, code=1)
    publisher.run("promote", "press@1", *own, "--trust", first)


def test_whoever_looks_needs_a_key_to_judge_by(publisher: Publisher) -> None:
    publisher.push("1")
    assert "no key to judge signatures by" in publisher.run("list", "--from", publisher.place, code=2)
    (publisher.folder / "gateway.toml").write_text(
        CONFIG.replace("[models]\n", f'[models]\ntrusted_keys = ["{publisher.trust}"]\n')
    )
    assert "press@1" in publisher.run("list", "--from", publisher.place)
    assert "is no folder" in publisher.run("list", "--target", "file", code=1)


def test_what_is_wrong_there_is_found(publisher: Publisher) -> None:
    publisher.push("1")
    publisher.publish("promote", "press@1")
    (good,) = publisher.look("verify")["checked"]
    assert good["ok"]
    assert "golden rows right" in good["told"]
    assert publisher.look("verify", "press@1")["checked"][0]["ok"]
    model = publisher.folder / "place" / "models" / "press" / "1" / MODEL
    model.write_bytes(model.read_bytes()[:-1])
    (bad,) = publisher.look("verify", code=1)["checked"]
    assert "which are not the" in bad["told"]


def events(folder: Path, *told: tuple[str, str, int]) -> None:
    for number, (gateway, reason, at) in enumerate(told):
        path = folder / "events" / "v1" / "site=plant" / f"date={datetime.now(UTC).date()}"
        path.mkdir(parents=True, exist_ok=True)
        line = {"key": f"event/{number}", "kind": "model", "reason": reason, "source": "press@2", "start": at}
        (path / f"{gateway}-{at}-{number:08d}.jsonl.gz").write_bytes(gzip.compress(json.dumps(line).encode() + b"\n"))


def test_a_rollout_takes_one_step_at_a_time_and_halts(publisher: Publisher) -> None:
    publisher.push("1")
    publisher.push("2")
    publisher.publish("promote", "press@1")
    delivered = publisher.folder / "lake"
    delivered.mkdir()
    plan = ("rollout", "press@2", "--events", str(delivered), "--stages", "20,100", "--soak", "0s")
    assert publisher.publish(*plan, "--dry-run")["decision"] == "advance"
    assert publisher.look("list")["channels"][0]["percent"] == 100  # nothing was done
    first = publisher.publish(*plan)
    begun = first["channel"]["issued"]
    assert (first["decision"], first["channel"]["percent"]) == ("advance", 20)
    assert publisher.publish(*plan)["decision"] == "wait"
    events(delivered, ("gw-1", "promoted", begun + 1))
    second = publisher.publish(*plan)
    assert (second["decision"], second["channel"]["percent"], second["serving"]) == ("advance", 100, ["plant/gw-1"])
    assert second["channel"]["rollout"]["begun"] == first["channel"]["rollout"]["begun"]
    events(delivered, ("gw-1", "promoted", begun + 1), ("gw-2", "rolled_back", begun + 2))
    halted = json.loads(publisher.publish(*plan, code=1))
    assert (halted["decision"], halted["channel"]["wanted"]["version"]) == ("halt", "1")
    assert list(halted["troubled"]) == ["plant/gw-2"]
    assert "was halted" in publisher.publish(*plan, code=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["s3", "https"])
def test_a_bucket_and_a_web_server(publisher: Publisher, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as server:
        url = f"http://127.0.0.1:{server.port}"
        for name, value in (("AWS_ENDPOINT_URL", url), ("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "hush")):
            monkeypatch.setenv(name, value)
        publisher.place = "s3://fleet/plant" if kind == "s3" else f"{url}/fleet/plant"
        publisher.push("1")
        publisher.publish("promote", "press@1")
        publisher.publish("promote", "press@1", "--percent", "50")
        found = publisher.look("list")
        assert (found["versions"][0]["state"], found["channels"][0]["percent"]) == ("stable 50 %", 50)
        assert publisher.look("verify")["checked"][0]["ok"]
        paths = {request.path for request in server.requests}
        assert "/fleet/plant/models/press/channel-stable.signed" in paths


def test_a_place_that_is_none(publisher: Publisher) -> None:
    for place, told in (("ftp://x/y", "must be"), ("http://plant.example/x", "https://"), ("s3://x", "bucket")):
        publisher.place = place
        assert told in publisher.publish("push", str(publisher.made / "1"), code=2)
