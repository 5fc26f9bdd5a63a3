"""[target] and [uplink]: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sink.records import Lane
from cloud_sink.targets.file import FileTarget
from cloud_sink.targets.remote import RemoteTarget
from edge_gateway.check import missing
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.targets import describe_target, lanes_of, open_target

REST = """
[gateway]
site = "riverside"
name = "gw"
data = "data"

[[modbus]]
name = "press"
host = "127.0.0.1"
[[modbus.tags]]
asset = "press-1"
tag = "pressure"
address = "holding:100:float32:CDAB"
"""
FILE = '[target]\nkind = "file"\npath = "cloud"\n'
S3 = '[target]\nkind = "s3"\nendpoint = "https://s3.example:9000/api"\nbucket = "lake"\n'
MQTT = '[target]\nkind = "mqtt"\nurl = "mqtts://hub.example"\n'
HTTPS = '[target]\nkind = "https"\nurl = "https://hub.example/in"\n'


def write(folder: Path, target: str) -> Path:
    (folder / "gateway.toml").write_text(REST + target)
    return folder / "gateway.toml"


def problems(folder: Path, target: str) -> str:
    with pytest.raises(ConfigRejected) as caught:
        load(write(folder, target))
    assert len(caught.value.problems) == 1, str(caught.value)
    return str(caught.value.problems[0])


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ('[target]\npath = "x"\n', "target.kind: is required. Use 'file' for a folder"),
        ('[target]\nkind = "ftp"\n', "target.kind = \"ftp\": must be one of 'file', 's3', 'https', 'mqtt'. Use 'file'"),
        ("[target]\nkind = 5\n", "target.kind = 5: must be one of 'file', 's3', 'https', 'mqtt'."),
        ("", "target: is required. Add a [target] table"),
        (FILE + 'bucket = "x"\n', 'target.bucket = "x": unknown key. Known here: kind, path.'),
        (S3 + 'prefx = "x"\n', "target.prefx = \"x\": unknown key. Did you mean 'prefix'?"),
        (S3.replace('bucket = "lake"\n', ""), "target.bucket: is required. 3 to 63 letters"),
        (S3.replace("lake", "a/b"), 'target.bucket = "a/b": has not the right form. 3 to 63 letters'),
        (S3.replace("https:", "s3:"), "must be a URL like https://HOST[:PORT][/PATH]. For example https://s3."),
        (S3.replace("//s3.", "//user:pw@s3."), "must be without user, query and fragment"),
        (S3 + 'prefix = "a"\n', 'target.prefix = "a": has not the right form. For example'),
        (S3 + 'style = "host"\n', "target.style = \"host\": must be 'path' or 'virtual'. Use path"),
        (S3 + 'overwrite = "yes"\n', 'target.overwrite = "yes": must be a valid boolean. true or false.'),
        (HTTPS.replace("https:", "http:"), "must begin with https://: everybody on the way could read"),
        (HTTPS + 'private_key = "k"\n', "private_key stands without certificate"),
        (HTTPS + 'verify = "no"\n', "target.verify = \"no\": must be 'answer' or 'read_back'."),
        (MQTT + 'user = "u"\n', "user and password_file go together"),
        (MQTT.replace("mqtts:", "mqtt:") + 'user = "u"\npassword_file = "p"\n', "must not go over mqtt://"),
        (MQTT.replace("mqtts:", "https:"), "must be a URL like mqtts://HOST[:PORT][/PATH]"),
        (MQTT.replace("hub.example", "hub.example/a"), "topics are set by `topic`"),
        (MQTT + 'topic = "a/#"\n', 'target.topic = "a/#": has not the right form'),
        (FILE + '[uplink]\nbandwidth = "1 B"\n', 'uplink.bandwidth = "1 B": must be at least 1000. 1 kB to'),
        (FILE + "[uplink]\ndaily_budget = 5\n", "uplink.daily_budget = 5: must be a text of a number and one of"),
        (FILE + '[uplink]\nbulk_hours = ["22-6"]\n', "must be written as HH:MM-HH:MM"),
    ],
)
def test_what_is_wrong_is_told_with_key_value_rule_and_fix(tmp_path, target, told):
    assert told in problems(tmp_path, target)


def test_a_target_that_is_no_table(tmp_path):
    (tmp_path / "gateway.toml").write_text("target = 5\n" + REST)
    with pytest.raises(ConfigRejected, match=r"target = 5: must be a table, written under \[target\]"):
        load(tmp_path / "gateway.toml")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/in", "http://localhost/in", "http://[::1]/in"])
def test_this_machine_itself_needs_no_encryption(tmp_path, url):
    load(write(tmp_path, HTTPS.replace("https://hub.example/in", url)))


def test_the_target_that_is_meant(tmp_path):
    assert isinstance(open_target(load(write(tmp_path, FILE)), bulk=False), FileTarget)
    s3 = open_target(load(write(tmp_path, S3)), bulk=True)
    assert isinstance(s3, RemoteTarget)
    assert s3.name == "s3:s3.example:9000/lake"
    assert open_target(load(write(tmp_path, HTTPS)), bulk=True).name == "https://hub.example/in"


def test_two_connections_to_a_broker_have_names_of_their_own(tmp_path):
    config = load(write(tmp_path, MQTT))
    names = {open_target(config, bulk=bulk)._broker._client_id for bulk in (True, False)}
    assert names == {"sluicegate-riverside-gw", "sluicegate-riverside-gw-bulk"}
    assert open_target(config, bulk=False).name == "mqtts://hub.example/sluicegate/riverside/gw"
    assert lanes_of(config) == (Lane.ALERT, Lane.EVENT)
    assert lanes_of(load(write(tmp_path, FILE))) == tuple(Lane)
    told = describe_target(config)
    assert told == "mqtt mqtts://hub.example/sluicegate (without a user; alerts and events only, summaries stay here)"


def test_only_bulk_keeps_to_the_bandwidth(tmp_path):
    config = load(write(tmp_path, S3 + '[uplink]\nbandwidth = "32 KiB"\n'))
    assert open_target(config, bulk=False)._door._line._pace is None
    assert open_target(config, bulk=True)._door._line._pace._rate == 32 * 1024


def test_check_shows_it(tmp_path):
    told = describe_target(load(write(tmp_path, S3)))
    assert told == "s3 s3.example:9000/lake (credentials from the environment)"
    told = describe_target(load(write(tmp_path, S3.replace("https:", "http:"))))
    assert told.endswith("; NOT ENCRYPTED)")
    told = describe_target(load(write(tmp_path, HTTPS + 'token_file = "/t"\nverify = "read_back"\n')))
    assert told == "https https://hub.example/in (PUT token from /t, verified by read back)"
    assert "without credentials" in describe_target(load(write(tmp_path, HTTPS)))


def test_files_and_variables_that_are_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    (found,) = map(str, missing(load(write(tmp_path, S3))))
    assert "target.credentials_file: is left out, and the environment variable AWS_ACCESS_KEY_ID is not set" in found
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    assert not list(missing(load(write(tmp_path, S3))))
    found = [str(p) for p in missing(load(write(tmp_path, HTTPS + 'token_file = "t"\nca_file = "c"\n')))]
    assert [text.split(" = ")[0] for text in found] == ["target.token_file", "target.ca_file"]
