"""[[target]] and [uplink]: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sink.records import Lane
from cloud_sink.targets.file import FileTarget
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.uplink.pace import Pace
from edge_gateway.check import missing
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.targets import describe_targets, open_target

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
FILE = '[[target]]\nkind = "file"\npath = "cloud"\n'
S3 = '[[target]]\nkind = "s3"\nendpoint = "https://s3.example:9000/api"\nbucket = "lake"\n'
MQTT = '[[target]]\nkind = "mqtt"\nurl = "mqtts://hub.example"\n'
STORE = '[[target]]\nkind = "pyarrow"\nuri = "abfss://lake@acc.dfs.core.windows.net/gw"\n'
GOOGLE = '[[target]]\nkind = "pyarrow"\nuri = "gs://lake/gw"\n'
HTTPS = '[[target]]\nkind = "https"\nurl = "https://hub.example/in"\n'


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
        ('[[target]]\npath = "x"\n', "target[0].kind: is required. Use 'file' for a folder"),
        (
            '[[target]]\nkind = "ftp"\n',
            "target[0].kind = \"ftp\": must be one of 'file', 's3', 'https', 'mqtt', 'pyarrow'. Use 'file'",
        ),
        ("[[target]]\nkind = 5\n", "target[0].kind = 5: must be one of 'file', 's3', 'https', 'mqtt', 'pyarrow'."),
        ("", "target: is required. Write [[target]] above a table with kind"),
        (FILE + 'bucket = "x"\n', 'target[0].bucket = "x": unknown key. Known here: kind, name, lanes, path.'),
        (S3 + 'prefx = "x"\n', "target[0].prefx = \"x\": unknown key. Did you mean 'prefix'?"),
        (S3.replace('bucket = "lake"\n', ""), "target[0].bucket: is required. 3 to 63 letters"),
        (S3.replace("lake", "a/b"), 'target[0].bucket = "a/b": has not the right form. 3 to 63 letters'),
        (S3.replace("https:", "s3:"), "must be a URL like https://HOST[:PORT][/PATH]. For example https://s3."),
        (S3.replace("//s3.", "//user:pw@s3."), "must be without user, query and fragment"),
        (S3 + 'prefix = "a"\n', 'target[0].prefix = "a": has not the right form. For example'),
        (S3 + 'style = "host"\n', "target[0].style = \"host\": must be 'path' or 'virtual'. Use path"),
        (S3 + 'overwrite = "yes"\n', 'target[0].overwrite = "yes": must be a valid boolean. true or false.'),
        (HTTPS.replace("https:", "http:"), "must begin with https://: everybody on the way could read"),
        (HTTPS + 'private_key = "k"\n', "private_key stands without certificate"),
        (HTTPS + 'verify = "no"\n', "target[0].verify = \"no\": must be 'answer' or 'read_back'."),
        (MQTT + 'user = "u"\n', "user and password_file go together"),
        (MQTT.replace("mqtts:", "mqtt:") + 'user = "u"\npassword_file = "p"\n', "must not go over mqtt://"),
        (MQTT.replace("mqtts:", "https:"), "must be a URL like mqtts://HOST[:PORT][/PATH]"),
        (MQTT.replace("hub.example", "hub.example/a"), "topics are set by `topic`"),
        (MQTT + 'topic = "a/#"\n', 'target[0].topic = "a/#": has not the right form'),
        (STORE.replace("abfss:", "s3:"), "target[0].uri = "),
        (STORE.replace("lake@", "lake:pw@"), "must be without password, query and fragment"),
        (STORE, "key_file is required for Azure"),
        (GOOGLE + 'key_file = "k"\n', "key_file is for Azure alone"),
        (FILE + '[uplink]\nbandwidth = "1 B"\n', 'uplink.bandwidth = "1 B": must be at least 1000. 1 kB to'),
        (FILE + "[uplink]\ndaily_budget = 5\n", "uplink.daily_budget = 5: is a bare number, which says no unit"),
        (FILE + '[uplink]\nbulk_hours = ["22-6"]\n', "must be written as HH:MM-HH:MM"),
    ],
)
def test_what_is_wrong_is_told_with_key_value_rule_and_fix(tmp_path, target, told):
    assert told in problems(tmp_path, target)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("target = 5\n", "target = 5: must be a list of tables, each written under [[target]]. Write [[target]] above"),
        ('[target]\nkind = "file"\n', "target: must be a list of tables, each written under [[target]]. Write [["),
        ("target = []\n", "target = []: "),
        ("target = [5]\n", "target[0] = 5: "),
    ],
)
def test_targets_that_are_no_list_of_tables(tmp_path, text, told):
    """Also the form of the first versions, which knew one target."""
    (tmp_path / "gateway.toml").write_text(text + REST)
    with pytest.raises(ConfigRejected) as caught:
        load(tmp_path / "gateway.toml")
    assert told in str(caught.value)


class TestSeveral:
    def test_have_names_and_lanes(self, tmp_path):
        text = S3 + MQTT + FILE + 'name = "stick"\nlanes = ["summaries"]\n'
        config = load(write(tmp_path, text))
        lanes = {section.label(): section.wanted() for section in config.target}
        assert lanes == {"s3": tuple(Lane), "mqtt": (Lane.ALERT, Lane.EVENT), "stick": (Lane.SUMMARY,)}

    def test_of_one_kind_need_names(self, tmp_path):
        told = problems(tmp_path, S3 + S3.replace("lake", "pond"))
        assert told == (
            'name of a target = "s3": stands 2 times, must be unique. It is the name of target[0] too. '
            "Give each of them a `name`; left out, the kind is the name."
        )
        load(write(tmp_path, S3 + S3.replace("lake", "pond") + 'name = "pond"\n'))
        load(write(tmp_path, S3 + S3 + 'name = "below"\nprefix = "below/"\n'))

    @pytest.mark.parametrize(
        ("target", "told"),
        [
            (
                MQTT + 'lanes = ["summaries"]\n',
                "target[1].lanes[0] = \"summaries\": must be 'alerts' or 'events'. Some of",
            ),
            (MQTT.replace("[[target]]", '[[target]]\nname="mq"') + "lanes = []\n", 'target[1] "mq".lanes = []: '),
            (
                FILE + 'lanes = ["alarms"]\n',
                "target[1].lanes[0] = \"alarms\": must be 'alerts', 'events' or 'summaries'",
            ),
            (FILE + 'name = "a/b"\n', 'target[1] "a/b".name = "a/b": has not the right form. Use letters'),
            (FILE + 'bucket = "x"\n', 'target[1].bucket = "x": unknown key. Known here: kind, name, lanes, path.'),
            ('[[target]]\nkind = "ftp"\n', 'target[1].kind = "ftp": must be one of'),
        ],
    )
    def test_the_one_that_is_wrong_is_named(self, tmp_path, target, told):
        assert told in problems(tmp_path, S3 + target)

    @pytest.mark.parametrize("text", [FILE, S3, HTTPS, MQTT, GOOGLE])
    def test_of_one_place_are_one(self, tmp_path, text):
        told = problems(tmp_path, text + text + 'name = "other"\n')
        assert told.startswith("target[1]: is the place of target[0] already. List all its `lanes` in one")

    def test_what_nobody_takes_is_told(self, tmp_path):
        assert describe_targets(load(write(tmp_path, MQTT))) == [
            "mqtt: mqtt mqtts://hub.example/sluicegate (without a user); takes alerts, events",
            "NO TARGET TAKES summaries: they stay in the outbox until its quota drops them",
        ]
        assert len(describe_targets(load(write(tmp_path, MQTT + FILE)))) == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/in", "http://localhost/in", "http://[::1]/in"])
def test_this_machine_itself_needs_no_encryption(tmp_path, url):
    load(write(tmp_path, HTTPS.replace("https://hub.example/in", url)))


def opened(folder, text, pace=None, *, bulk=False):
    config = load(write(folder, text))
    return open_target(config, config.target[0], pace, bulk=bulk)


def test_the_target_that_is_meant(tmp_path):
    assert isinstance(opened(tmp_path, FILE), FileTarget)
    s3 = opened(tmp_path, S3)
    assert isinstance(s3, RemoteTarget)
    assert s3.name == "s3:s3.example:9000/lake"
    assert opened(tmp_path, HTTPS).name == "https://hub.example/in"
    assert opened(tmp_path, MQTT).name == "mqtts://hub.example/sluicegate/riverside/gw"
    assert opened(tmp_path, STORE + 'key_file = "k"\n').name == "abfss://acc.dfs.core.windows.net/lake/gw"
    assert opened(tmp_path, GOOGLE).name == "gs://lake/gw"


def test_connections_to_a_broker_have_names_of_their_own(tmp_path):
    texts = (MQTT, MQTT + 'name = "other"\n')
    names = [opened(tmp_path, text, bulk=bulk)._broker._client_id for text in texts for bulk in (False, True)]
    assert names == [f"sluicegate-riverside-gw-{end}" for end in ("mqtt", "mqtt-bulk", "other", "other-bulk")]


def test_the_pace_is_shared(tmp_path):
    pace = Pace(1000)
    for text in (S3, HTTPS):
        assert opened(tmp_path, text, pace, bulk=True)._door._line._pace is pace
    assert opened(tmp_path, MQTT, pace, bulk=True)._broker._line._pace is pace


def described(folder, text):
    (line,) = describe_targets(load(write(folder, text)))
    return line.removesuffix("; takes alerts, events, summaries")


def test_check_shows_it(tmp_path):
    assert described(tmp_path, S3) == "s3: s3 s3.example:9000/lake (credentials from the environment)"
    assert described(tmp_path, S3.replace("https:", "http:")).endswith("; NOT ENCRYPTED)")
    told = described(tmp_path, HTTPS + 'token_file = "/t"\nverify = "read_back"\n')
    assert told == "https: https https://hub.example/in (PUT token from /t, verified by read back)"
    assert "without credentials" in described(tmp_path, HTTPS)
    told = described(tmp_path, STORE + 'key_file = "/k"\n')
    assert told == "pyarrow: pyarrow abfss://acc.dfs.core.windows.net/lake/gw (key from /k, verified by read back)"
    assert described(tmp_path, GOOGLE).endswith("(credentials from the environment, verified by read back)")


def test_files_and_variables_that_are_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    (found,) = map(str, missing(load(write(tmp_path, S3))))
    assert (
        'target[0] "s3".credentials_file: is left out, and the environment variable AWS_ACCESS_KEY_ID is not set'
        in found
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    assert not list(missing(load(write(tmp_path, S3))))
    found = [str(p) for p in missing(load(write(tmp_path, HTTPS + 'token_file = "t"\nca_file = "c"\n')))]
    assert [text.split(" = ")[0] for text in found] == ['target[0] "https".token_file', 'target[0] "https".ca_file']
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    (found,) = map(str, missing(load(write(tmp_path, GOOGLE))))
    assert found.startswith('target[0] "pyarrow".uri: needs credentials, and the environment variable GOOGLE_APPL')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", __file__)
    assert not list(missing(load(write(tmp_path, GOOGLE))))
