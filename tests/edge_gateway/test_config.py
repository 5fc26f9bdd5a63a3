from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.config.sample import sample
from edge_gateway.config.units import duration_text, parse_size, size_text
from flows.data_settings import CountSettings, SessionSettings
from flows.window_settings import WindowSettings

GOOD = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"

[[modbus]]
name = "press"
host = "127.0.0.1"

[[modbus.tags]]
asset = "press-1"
tag = "temperature"
address = "holding:100:float32:CDAB"

[[target]]
kind = "file"
path = "cloud"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigRejected) as caught:
        load(write(folder, text))
    return [str(problem) for problem in caught.value.problems]


def test_a_small_configuration_is_enough_and_paths_are_taken_against_its_folder(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert config.gateway.data == tmp_path / "data"
    assert config.target[0].path == tmp_path / "cloud"
    assert config.modbus[0].poll_interval == timedelta(seconds=1)


def test_every_problem_is_told_at_once_with_key_value_rule_and_fix(tmp_path: Path) -> None:
    text = (
        GOOD.replace('host = "127.0.0.1"', 'host = "127.0.0.1"\nunit_id = 300\npoll_intervall = "1s"')
        .replace('site = "riverside"', "")
        .replace('kind = "file"', 'kind = "ftp"')
    )
    text += '[windows]\nlength = "10 parsecs"\n[[model]]\nassets = ["press-9"]\nbundle = "m"\n'
    found = problems(tmp_path, text)
    told = "\n".join(found)
    assert len(found) == 6, told
    assert "gateway.site: is required." in told
    assert 'modbus[0] "press".unit_id = 300: must be at most 255. Use the unit id' in told
    assert 'modbus[0] "press".poll_intervall = "1s": unknown key. Did you mean \'poll_interval\'?' in told
    assert "target[0].kind = \"ftp\": must be one of 'file', 's3', 'https', 'mqtt', 'pyarrow'. Use 'file' for" in told
    assert 'windows.length = "10 parsecs"' in told
    assert "Did you mean 'press-1'? Assets with tags: press-1." in told


def test_a_manuals_register_number_is_explained(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD.replace("holding:100:float32:CDAB", "holding:40101:float32:CDAB"))
    assert 'tags[0] "temperature".address = "holding:40101:float32:CDAB"' in found
    assert "100" in found.split("CDAB", 1)[1]


def test_a_tag_named_twice_is_refused(tmp_path: Path) -> None:
    tag = GOOD[GOOD.index("[[modbus.tags]]") : GOOD.index("[[target]]")]
    (found,) = problems(tmp_path, GOOD.replace("[[target]]", tag + "[[target]]"))
    assert found.startswith('tag = "press-1/temperature": stands 2 times')


def test_no_source_and_no_toml_are_told_apart(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD[: GOOD.index("[[modbus]]")] + GOOD[GOOD.index("[[target]]") :])
    assert "no source" in found
    (found,) = problems(tmp_path, "[gateway\n")
    assert "is not TOML" in found


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('policy = "None"', "both must be 'None' or neither"),
        ("", "a secure link needs server_certificate or trust_folder"),
        ('server_certificate = "s"\nuser = "u"', "user goes together with password_file or password_env"),
        ('server_certificate = "s"\npassword_env = "P"', "user goes together with password_file or password_env"),
        (
            'server_certificate = "s"\nuser = "u"\npassword_file = "f"\npassword_env = "P"',
            "password_file and password_env exclude each other",
        ),
        ('server_certificate = "s"\nuser = "u"\npassword_env = "pass word"', "Write its name, not the password"),
        ('server_certificate = "s"\nuser_key = "k"', "user_certificate and user_key go together"),
        ('server_certificate = "s"\ncertificate = "c"', "certificate and private_key go together"),
    ],
)
def test_insecure_links_are_refused(tmp_path: Path, wrong: str, told: str) -> None:
    link = f"""
[[opcua]]
name = "plc"
endpoint = "opc.tcp://127.0.0.1:4840"
{wrong}
[[opcua.tags]]
asset = "press-1"
tag = "flow"
node = "nsu=urn:x;s=flow"
"""
    (found,) = problems(tmp_path, GOOD + link)
    assert told in found


def test_the_sample_is_what_the_code_says() -> None:
    kept = Path(__file__).parents[2] / "edge_gateway" / "sample.toml"
    if not kept.exists():  # installed from the wheel
        import edge_gateway

        kept = Path(edge_gateway.__file__).parent / "sample.toml"
    assert kept.read_text() == sample(), "run: python -m edge_gateway.config.sample"


def test_the_sample_is_valid_and_its_commented_defaults_are_the_real_ones(tmp_path: Path) -> None:
    text = sample()
    load(write(tmp_path, text))
    uncommented = "\n".join(
        line[2:]
        if line.startswith("# ")
        and " = " in line
        and not line.endswith("# example")
        and line[2].islower()
        and line.split(" = ")[0].count(" ") == 1
        else line
        for line in text.splitlines()
    )
    shown, bare = tomllib.loads(uncommented), tomllib.loads(text)
    assert shown["windows"]["length"] == "10s"
    for name in ("windows", "alerts", "journal", "outbox"):
        section = type(getattr(Config.model_construct(), name, None) or Config.model_fields[name].default)
        assert section.model_validate(shown[name]) == section.model_validate(bare.get(name, {}))


def test_every_option_is_described() -> None:
    def fields(model: type) -> list[str]:
        from edge_gateway.config.fields import section_of

        found = []
        for name, info in model.model_fields.items():  # type: ignore[attr-defined]
            inner = section_of(info)
            if not info.description:
                found.append(f"{model.__name__}.{name}")
            found += fields(inner) if inner else []
        return found

    assert fields(Config) == []


def test_sizes_and_durations_read_back() -> None:
    for size in (1, 4096, 10**6, 2**31, 3 * 2**40):
        assert parse_size(size_text(size)) == size
    assert duration_text(timedelta(seconds=90)) == "90s"
    assert duration_text(timedelta(milliseconds=1500)) == "1500ms"
    with pytest.raises(ValueError, match="512 MiB"):
        parse_size("12 parsecs")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("[alerts]\nopen_above = 5.0\n", "alerts: alarm_above = 2.0: must be at least open_above = 5.0"),
        ("[alerts]\nopen_above = inf\n", "alerts.open_above = inf: must be a finite number"),
        ('[windows]\nevery = "3s"\n', "windows: every = 0:00:03: the length 0:00:10 must be a whole multiple"),
        ('[windows]\nevery = "1ms"\n', "windows: every: each sample would lie in more than 1000 windows"),
        ('[windows]\nlength = "0s"\n', 'windows.length = "0s": must be at least 100ms. 100ms to 1d.'),
        ('[windows]\nkind = "sliding"\n', 'windows.kind = "sliding": must be'),
        ('[windows]\nkind = "session"\n', "windows: gap: windows of kind 'session' need it; for example gap = '5s'"),
        ('[windows]\nkind = "hopping"\n', "windows: every: windows of kind 'hopping' need it; for example"),
        ('[windows]\nkind = "count"\n', "windows: count: windows of kind 'count' need it; for example count = 100"),
        ('[windows]\nkind = "count"\ncount = 0\n', "windows.count = 0: must be at least 1"),
        (
            '[windows]\nkind = "session"\ngap = "5s"\nlength = "20s"\n',
            "windows: length = \"20s\": windows of kind 'session' do not take it; leave it out",
        ),
        (
            '[windows]\ngap = "5s"\n',
            "windows: gap = \"5s\": windows of kind 'tumbling' do not take it; leave it out, or set kind = 'session'",
        ),
        (
            '[windows]\nkind = "session"\ngap = "30min"\nmax_length = "1s"\n',
            "windows: max_length = 0:00:01: must not be shorter than gap = 0:30:00",
        ),
        ('[windows]\nfollow_after = "0s"\n', 'windows.follow_after = "0s": must be at least 1s. 1s to 1d'),
        ('[outbox]\nretry_first = "1min"\nretry_cap = "1s"\n', "outbox: retry_cap must not be below retry_first"),
        (f'[outbox]\nquota = "{"9" * 400} TiB"\n', "must be at most 1125899906842624"),
        ("[journal]\nintake_limit = true\n", "journal.intake_limit = true: must be a valid integer"),
        ('[[model]]\nassets = "press-1"\nbundle = "m"\n', 'model[0].assets = "press-1": must be a list in brackets'),
        ('[[model]]\nassets = [{a = 1}]\nbundle = "m"\n', "model[0].assets[0]: must be a text in quotes"),
        ('[[model]]\nassets = ["press-1"]\nbundle = "~nobody-of-that-name/m"\n', "must not begin with '~'"),
        ('[[model]]\nassets = ["press-1"]\nbundle = ""\n', 'model[0].bundle = "": must be a text that names a file'),
        ('[opcua]\nname = "plc"\n', "opcua: must be a list of tables, each written under [[opcua]]"),
        ('journal = "x"\n', 'journal = "x": must be a table, written under [journal]'),
        ('["evil\\u001b[31m"]\n', "evil\\x1b[31m: unknown key"),
    ],
)
def test_any_wrong_value_is_told_in_the_words_of_toml(tmp_path: Path, wrong: str, told: str) -> None:
    text = GOOD + wrong if wrong.startswith("[") else wrong + GOOD
    (found,) = problems(tmp_path, text)
    assert told in found


def test_two_links_without_a_name_are_not_the_same_name(tmp_path: Path) -> None:
    link = GOOD[GOOD.index("[[modbus]]") : GOOD.index("[[target]]")].replace('name = "press"\n', "")
    text = (
        GOOD[: GOOD.index("[[modbus]]")]
        + link
        + link.replace("temperature", "current")
        + GOOD[GOOD.index("[[target]]") :]
    )
    assert [found.split(":")[0] for found in problems(tmp_path, text)] == ["modbus[0].name", "modbus[1].name"]


def test_a_file_of_a_windows_editor_is_read_and_one_nested_too_deeply_refused(tmp_path: Path) -> None:
    load(write(tmp_path, "\ufeff" + GOOD))
    (found,) = problems(tmp_path, "x = " + "[" * 5000)
    assert "nested too deeply" in found


@pytest.mark.parametrize(
    ("written", "settings", "told"),
    [
        ("", WindowSettings("10s"), "tumbling windows of 10s"),
        ('every = "2s"', WindowSettings("10s", "2s"), "hopping windows of 10s every 2s"),
        ('length = "8h"\nalign = "5h"', WindowSettings("8h", align="5h"), "tumbling windows of 8h"),
        (
            'kind = "session"\ngap = "30s"\nfollow_after = "5min"',
            SessionSettings("30s", "1h", follow_after="5min"),
            "session windows that end after 30s of silence",
        ),
        (
            'kind = "count"\ncount = 100\ntag = "flow"\nmax_length = "1min"',
            CountSettings(100, "flow", "1min"),
            "count windows of 100 samples of flow",
        ),
    ],
)
def test_windows_of_every_kind(tmp_path: Path, written: str, settings: object, told: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f"{GOOD}[windows]\n{written}\n")
    section = load(path).windows
    assert (section.settings(), section.told()) == (settings, told)
