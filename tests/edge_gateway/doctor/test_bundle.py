"""`sluicegate doctor`: everything is in it, and nothing that must not be."""

from __future__ import annotations

import io
import json
import stat
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.settings import OutboxSettings
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from edge_gateway.cli import app
from edge_gateway.status import StatusFile
from tests.edge_gateway.bundles import CONFIG
from tests.edge_gateway.replay.mill import TABLE

PLANTED = {
    "plc password file": "PLANTED-plc-file",
    "s3 key id": "PLANTED-s3-id",
    "s3 secret": "PLANTED-s3-secret",
    "influx token": "PLANTED-influx",
    "page token": "PLANTED-page",
    "url password": "PLANTED-url",
    "url user": "PLANTED-user",
    "env password": "PLANTED-env",
    "env reference": "PLANTED-reference",
    "aws env": "PLANTED-aws-env",
    "key": "PLANTED-private-key",
    "inline": "PLANTED-inline",
    "log": "PLANTED-log-bearer",
    "line of a key": "PLANTED-second-line",
}
MORE = f"""
password_file = "secrets/plc"
user = "operator"
# password = "{PLANTED["inline"]}"

[[opcua]]
name = "second"
endpoint = "opc.tcp://127.0.0.1:4842"
trust_folder = "secrets"
user = "operator"
password_env = "SECOND_PLC"
[[opcua.tags]]
asset = "mill"
tag = "heat"
node = "nsu=urn:mill;s=heat"

[[target]]
kind = "s3"
name = "lake"
bucket = "bucket"
endpoint = "https://s3.example.com"
region = "eu-central-1"
credentials_file = "secrets/aws"

[[influx]]
url = "http://127.0.0.1:8086"
database = "gateway"
org = "plant"
secret_file = "secrets/influx"

[[target]]
kind = "https"
# It was url = "https://{PLANTED["url user"]}:{PLANTED["url password"]}@example.com/in" before
url = "https://example.com/in"
token_file = "secrets/page"
"""


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that has run, with a secret in every place where there can be one."""
    for name, value in (
        ("SECOND_PLC", PLANTED["env password"]),
        ("SITE_NAME", PLANTED["env reference"]),
        ("AWS_SECRET_ACCESS_KEY", PLANTED["aws env"]),
        ("BOOT_PEM", f"-----BEGIN X-----\n{PLANTED['line of a key']}\n"),
    ):
        monkeypatch.setenv(name, value)
    files = {
        "plc": PLANTED["plc password file"],
        "aws": f"[default]\naws_access_key_id={PLANTED['s3 key id']}\naws_secret_access_key={PLANTED['s3 secret']}\n",
        "influx": PLANTED["influx token"],
        "page": PLANTED["page token"],
    }
    (tmp_path / "secrets").mkdir()
    for name, text in files.items():
        (tmp_path / "secrets" / name).write_text(text)
    data = tmp_path / "data"
    (data / "identity").mkdir(parents=True)
    (data / "identity" / "key.pem").write_text(PLANTED["key"])
    (data / "page-token").write_text(PLANTED["page token"])
    (tmp_path / "target").mkdir()
    text = CONFIG.replace('[[model]]\nassets = ["mill"]\nname = "press"\n', "")
    text = text.replace('policy = "None"\nmode = "None"', 'trust_folder = "secrets"')
    own, others = MORE.split("\n\n", maxsplit=1)
    endpoint = 'endpoint = "opc.tcp://127.0.0.1:4840"'
    text = text.replace('site = "riverside"', 'site = "${SITE_NAME}"').replace(endpoint, endpoint + own)
    (tmp_path / "gateway.toml").write_text(f"{text}\n{others}")
    StatusFile(data / "status", "flow", lambda: {"trouble": f"https://x:{PLANTED['url password']}@example.com"}).beat()
    (data / "outbox").mkdir()
    OutboxWriter(data / "outbox", OutboxSettings(disk_reserve=0)).close()
    JournalWriter(data / "journal", [TABLE], JournalSettings()).close()
    log = f'{{"event": "sent", "header": "Bearer {PLANTED["log"]}"}}\n{PLANTED["env password"]} was refused\n'
    (tmp_path / "gateway.log").write_text("old line\n" * 5000 + log)
    return tmp_path / "gateway.toml"


def doctor(gateway: Path, *options: str) -> tuple[int, str, dict[str, str]]:
    out = gateway.parent / "bundle.tar.gz"
    command = ["doctor", str(gateway), "--out", str(out), "--log", str(gateway.parent / "gateway.log"), *options]
    result = CliRunner().invoke(app, command)
    if not out.exists():
        return result.exit_code, result.output, {}
    with tarfile.open(out) as archive:
        texts = {}
        for member in archive.getmembers():
            read = archive.extractfile(member)
            assert read is not None
            texts[member.name.removeprefix("bundle/")] = io.TextIOWrapper(read, "utf-8").read()
    return result.exit_code, result.output, texts


def test_no_secret_is_in_the_bundle_or_on_the_screen(gateway: Path) -> None:
    code, told, texts = doctor(gateway)
    assert code == 0, told
    for what, secret in PLANTED.items():
        found = [name for name, text in texts.items() if secret in text]
        assert found == [], f"{what} in {found}"
        assert secret not in told, what
    assert not [name for name, text in texts.items() if "PLANTED" in text]


def test_the_test_would_find_them(gateway: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the scrubber all that can be seen of them is there; what stands in files of secrets is not."""
    from edge_gateway.doctor.scrub import Scrubber

    monkeypatch.setattr(Scrubber, "clean", lambda self, text: text)
    _, _, texts = doctor(gateway)
    whole = "\n".join(texts.values())
    seen = {what for what, secret in PLANTED.items() if secret in whole}
    assert seen == {"url password", "url user", "env password", "env reference", "inline", "log"}
    assert not seen & {"plc password file", "s3 key id", "s3 secret", "influx token", "page token", "key"}


def test_what_is_in_it(gateway: Path) -> None:
    code, told, texts = doctor(gateway)
    assert code == 0
    assert set(texts) == {
        "README.txt",
        "versions.json",
        "gateway.toml",
        "check.txt",
        "overview.json",
        "status/flow.json",
        "outbox.json",
        "journal.json",
        "models.json",
        "system.json",
        "environment.txt",
        "logs/gateway.log",
    }
    assert 'password_file = "secrets/plc"' in texts["gateway.toml"], "where the secret is may be told"
    assert 'site = "${SITE_NAME}"' in texts["gateway.toml"]
    assert "links" in texts["check.txt"], texts["check.txt"]
    assert json.loads(texts["outbox.json"])["set_aside"] == 0
    assert len(json.loads(texts["journal.json"])["segments"]) == 1
    system = json.loads(texts["system.json"])
    assert system["disk"]["free"] > 0
    assert "RLIMIT_NOFILE" in system["limits"]
    assert json.loads(texts["versions.json"])["libraries"]["bytewax"] == "0.21.1"
    assert "SECOND_PLC\n" in texts["environment.txt"]
    assert len(texts["logs/gateway.log"].splitlines()) == 2000
    for name, text in texts.items():
        assert name in told
        if name != "README.txt":
            assert name in texts["README.txt"]
            assert "could not be had" not in text, text
    assert stat.S_IMODE((gateway.parent / "bundle.tar.gz").stat().st_mode) == 0o600


def test_it_is_listed_for_programs(gateway: Path) -> None:
    code, told, texts = doctor(gateway, "--json")
    facts = json.loads(told)
    assert code == 0
    assert {one["name"] for one in facts["files"]} == set(texts)
    assert Path(facts["file"]).stat().st_size == facts["bytes"]


def test_a_configuration_that_is_refused_is_told(gateway: Path) -> None:
    url = f"https://{PLANTED['url user']}:PLANTED-more@example.com/in"
    text = gateway.read_text().replace('url = "https://example.com/in"', f'url = "{url}"')
    gateway.write_text(f'{text}\n[windows2]\nsecret_word = "PLANTED-word"\n')
    code, _, texts = doctor(gateway)
    assert code == 0
    assert "the configuration is refused" in texts["check.txt"]
    assert "windows2" in texts["check.txt"]
    assert "[secret]@example.com/in" in texts["check.txt"]
    assert not [name for name, text in texts.items() if "PLANTED" in text]
    assert "disk" in json.loads(texts["system.json"])


def test_one_that_never_ran_and_a_log_that_is_not_there(gateway: Path, tmp_path: Path) -> None:
    import shutil

    shutil.rmtree(tmp_path / "data")
    code, _, texts = doctor(gateway, "--log", "/nowhere.log")
    assert code == 0
    assert "could not be had" in texts["outbox.json"]
    assert "could not be had" in texts["logs/nowhere.log"]
    assert not (tmp_path / "data").exists()


def test_a_bundle_that_is_there_is_never_replaced(gateway: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle.tar.gz").write_text("mine")
    command = ["doctor", str(gateway), "--out", str(tmp_path / "bundle.tar.gz"), "--log", str(tmp_path / "gateway.log")]
    assert CliRunner().invoke(app, command).exit_code == 2
    assert (tmp_path / "bundle.tar.gz").read_text() == "mine"
    assert sorted(one.name for one in tmp_path.glob("bundle*")) == ["bundle.tar.gz"]
