"""`${NAME}` in a configuration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from edge_gateway.check import load_checked
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.unfinished import read_unfinished
from edge_gateway.config.config import Config
from edge_gateway.config.environment import expanded
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected

CONFIG = """\
[gateway]
site = "${SITE}"
name = "gw-${NUMBER:-1}"
data = "data"
[[modbus]]
name = "press"
host = "${HOST:-127.0.0.1}"
port = "${PORT:-502}"
stop_bits = "${STOP:-1}"
poll_interval = "${POLL:-1}s"
[[modbus.tags]]
asset = "press-1"
tag = "temperature"
address = "holding:${REGISTER:-100}:float32"
[[target]]
kind = "file"
path = "${CLOUD:-cloud}"
lanes = ["${LANE:-alerts}", "events"]
[windows]
sketches = "${SKETCHES:-false}"
[alerts]
open_above = "${OPEN:-1.0}"
"""


def loaded(folder: Path, environ: dict[str, str], text: str = CONFIG) -> Config:
    path = folder / "gateway.toml"
    path.write_text(text)
    return load(path, environ={"SITE": "riverside"} | environ)


def told(folder: Path, environ: dict[str, str], text: str = CONFIG) -> list[str]:
    with pytest.raises(ConfigRejected) as caught:
        loaded(folder, environ, text)
    return [problem.told().removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_defaults_count_where_nothing_is_set(tmp_path: Path) -> None:
    config = loaded(tmp_path, {"HOST": ""})  # an empty one is not set
    assert (config.gateway.site, config.gateway.name) == ("riverside", "gw-1")
    assert (config.modbus[0].host, config.modbus[0].port) == ("127.0.0.1", 502)
    assert config.target[0].lanes == ("alerts", "events")


def test_what_is_set_counts_for_texts_numbers_flags_durations_and_paths(tmp_path: Path) -> None:
    environ = {"NUMBER": "7", "PORT": "1502", "STOP": "2", "POLL": "5", "REGISTER": "0x10", "CLOUD": "/mnt"}
    config = loaded(tmp_path, environ | {"SKETCHES": "true", "OPEN": "1.5"})
    assert config.gateway.name == "gw-7"
    assert (config.modbus[0].port, config.modbus[0].stop_bits) == (1502, 2)
    assert config.modbus[0].poll_interval == timedelta(seconds=5)
    assert config.modbus[0].tags[0].address == "holding:0x10:float32"
    assert config.target[0].path == Path("/mnt")
    assert (config.windows.sketches, config.alerts.open_above) == (True, 1.5)


def test_a_name_of_digits_stays_a_text(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"SITE": "42"}).gateway.site == "42"


@pytest.mark.parametrize(
    ("environ", "wrong"),
    [
        (
            {"SITE": ""},
            'gateway.toml:2: gateway.site = "${SITE}": the environment variable SITE is not set here, or empty',
        ),
        ({"SITE": "", "SITES": "x"}, "Did you mean 'SITES'? Set it for the gateway"),
        ({"PORT": "http"}, 'gateway.toml:8: modbus[0] "press".port = "${PORT:-502}": must be a whole number'),
        ({"PORT": "70000"}, 'gateway.toml:8: modbus[0] "press".port = "${PORT:-502}": must be at most 65535'),
        ({"STOP": "3"}, 'gateway.toml:9: modbus[0] "press".stop_bits = "${STOP:-1}": must be 1 or 2'),
        ({"SKETCHES": "yes"}, 'windows.sketches = "${SKETCHES:-false}": must be true or false'),
        ({"OPEN": "much"}, 'alerts.open_above = "${OPEN:-1.0}": must be a number'),
        ({"OPEN": "nan"}, 'alerts.open_above = "${OPEN:-1.0}": must be a finite number'),
        ({"POLL": "x"}, 'gateway.toml:10: modbus[0] "press".poll_interval = "${POLL:-1}s": '),
        ({"LANE": "alarms"}, 'target[0].lanes[0] = "${LANE:-alerts}": must be'),
    ],
)
def test_what_is_wrong_is_told_as_it_was_written(tmp_path: Path, environ: dict[str, str], wrong: str) -> None:
    (found,) = told(tmp_path, environ)
    assert wrong in found


@pytest.mark.parametrize("written", ["${}", "${SITE", "${9}", "${SITE:default}", "${A:-${SITE}}", "${ SITE }"])
def test_what_is_no_reference_is_refused(tmp_path: Path, written: str) -> None:
    assert "is no reference to an environment variable. Write ${NAME} or ${NAME:-default}" in "\n".join(
        told(tmp_path, {}, CONFIG.replace("${SITE}", written))
    )


def test_a_dollar_may_be_meant() -> None:
    data, problems = expanded({"a": "$${SITE} $5 $$ {x}", "b": "$${SITE}${SITE}"}, {"SITE": "${OTHER}"})
    assert data == {"a": "${SITE} $5 $$ {x}", "b": "${SITE}${OTHER}"}  # and what it holds is not looked at again
    assert problems == []


def test_a_secret_in_the_place_of_its_file_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    https = '[[target]]\nkind = "https"\nurl = "https://x.example"\ntoken_file = "${TOKEN}"\n'
    monkeypatch.setenv("TOKEN", "hunter2-secret")
    monkeypatch.setenv("SITE", "s")
    (tmp_path / "gateway.toml").write_text(CONFIG + https)
    with pytest.raises(ConfigRejected) as caught:
        load_checked(tmp_path / "gateway.toml")
    assert 'token_file = "${TOKEN}": is not there' in str(caught.value)
    assert "hunter2" not in str(caught.value)
    (found,) = told(
        tmp_path, {"TOKEN": "hunter2-secret"}, CONFIG + https.replace("https://x.example", "http://${TOKEN}")
    )
    assert "hunter2" not in found
    path = tmp_path / "gateway.toml"
    path.write_text((CONFIG + https).replace("https://x.example", "x://${TOKEN}"))
    with pytest.raises(ConfigRejected) as caught:
        load(path, environ={"SITE": "s", "TOKEN": "hunter2-secret"})
    assert caught.value.__cause__ is None  # a traceback would show what was validated


def test_a_rule_that_repeats_a_value_does_not_say_what_a_variable_holds(tmp_path: Path) -> None:
    link = '[[opcua]]\nname = "plc"\nendpoint = "opc.tcp://h"\npolicy = "None"\nmode = "None"\n'
    tag = '[[opcua.tags]]\nasset = "a"\ntag = "t"\nnode = "${NODE}"\n'
    (found,) = told(tmp_path, {"NODE": "hunter2-secret"}, CONFIG + link + tag)
    assert ".node = \"${NODE}\": node '${NODE}': write nsu=" in found


def test_credentials_of_systemd_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LoadCredential= puts secrets into a folder of the service and names it by this variable (systemd.exec(5))."""
    (tmp_path / "token").write_text("secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("SITE", "s")
    (tmp_path / "cloud").mkdir()
    https = '[[target]]\nkind = "https"\nurl = "https://x.example"\ntoken_file = "${CREDENTIALS_DIRECTORY}/token"\n'
    (tmp_path / "gateway.toml").write_text(CONFIG + https)
    assert load_checked(tmp_path / "gateway.toml").target[1].token_file == tmp_path / "token"


def test_commands_that_need_only_the_gateways_name_and_folder_see_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE", "riverside")
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG + "unfinished = 1\n")
    assert read_unfinished(path)[1].name == "gw-1"
    monkeypatch.delenv("SITE")
    with pytest.raises(Refusal, match=r'gateway.site = "\$\{SITE\}": the environment variable SITE is not set here'):
        read_unfinished(path)


def test_commands_that_look_at_the_file_by_themselves_see_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_gateway.commands import completion, health, reload
    from edge_gateway.doctor.parts import _beside

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SITE", "s")
    monkeypatch.setenv("FOLDER", "kept")
    path = tmp_path / "gateway.toml"
    units = '[[modbus.units]]\nunit_id = 3\nmap = "${FOLDER}.csv"\nasset = "${FOLDER}-1"\n'
    path.write_text(CONFIG.replace('"data"', '"${FOLDER}"').replace("[[target]]", units + "[[target]]"))
    (tmp_path / "kept.csv").write_text("tag,address\nvolt,input:0:float32\n")
    (tmp_path / "kept" / "models" / "pump" / "1").mkdir(parents=True)
    (tmp_path / "kept" / "models" / "pump" / "1" / "manifest.json").write_text("{}")
    assert reload._data_folder(path) == health._data_folder(path) == tmp_path / "kept"
    assert list(_beside(path)) == [tmp_path / "kept.csv"]
    assert completion.assets("kept") == ["kept-1"]
    assert completion.models("p") == ["pump", "pump@1"]
    monkeypatch.delenv("FOLDER")
    assert reload._data_folder(path) is None
