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

[target]
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
    assert config.target.path == tmp_path / "cloud"
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
    assert 'modbus[0] "press".unit_id = 300: must be less than or equal to 255. Use the unit id' in told
    assert 'modbus[0] "press".poll_intervall = "1s": unknown key. Did you mean \'poll_interval\'?' in told
    assert "target.kind = \"ftp\": must be 'file'" in told
    assert 'windows.length = "10 parsecs"' in told
    assert 'model[0].assets = "press-9": no link has a tag of this asset. Assets with tags: press-1.' in told


def test_a_manuals_register_number_is_explained(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD.replace("holding:100:float32:CDAB", "holding:40101:float32:CDAB"))
    assert 'tags[0] "temperature".address = "holding:40101:float32:CDAB"' in found
    assert "100" in found.split("CDAB", 1)[1]


def test_a_tag_named_twice_is_refused(tmp_path: Path) -> None:
    tag = GOOD[GOOD.index("[[modbus.tags]]") : GOOD.index("[target]")]
    (found,) = problems(tmp_path, GOOD.replace("[target]", tag + "[target]"))
    assert found.startswith('tag = "press-1/temperature": stands 2 times')


def test_no_source_and_no_toml_are_told_apart(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD[: GOOD.index("[[modbus]]")] + GOOD[GOOD.index("[target]") :])
    assert "no source" in found
    (found,) = problems(tmp_path, "[gateway\n")
    assert "is not TOML" in found


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('policy = "None"', "both must be 'None' or neither"),
        ("", "a secure link needs server_certificate or trust_folder"),
        ('server_certificate = "s"\nuser = "u"', "user and password_file go together"),
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
        from edge_gateway.config.problems import section_of

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
