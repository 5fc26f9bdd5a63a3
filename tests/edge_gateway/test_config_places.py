"""Every problem names the line it speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_gateway.check import load_checked
from edge_gateway.config.load import load
from edge_gateway.config.pins import path_of
from edge_gateway.config.problems import ConfigRejected, Place

CONFIG = """\
[gateway]
site = "s"
name = "g"
data = "data"
[[opcua]]
name = "plc"
endpoint = "opc.tcp://127.0.0.1:4840"
policy = "None"
mode = "None"
tags = [
  { asset = "pump-1", tag = "flow", node = "nsu=urn:x;s=flow" },
  { asset = "pump-1", tag = "level", node = "nsu=urn:x;s=level" },
]
[[target]]
kind = "file"
path = "cloud"
[[target]]
kind = "https"
url = "https://ingest.example"
"""


def refused(folder: Path, text: str, *, deep: bool = False) -> ConfigRejected:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigRejected) as caught:
        load_checked(path, deep=True) if deep else load(path)
    return caught.value


def told(folder: Path, text: str) -> str:
    (problem,) = refused(folder, text).problems
    return problem.told().removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("old", "new", "line", "column"),
    [
        ('site = "s"', "", 1, 1),  # missing: the table it should stand in
        ('site = "s"', "site = 5", 2, 1),
        ("[gateway]", "[gatewya]\nx = 1\n[gateway]", 1, 1),
        ("s=level", "level", 12, 38),
        ('"nsu=urn:x;s=level"', "[1]", 12, 38),
        ('tag = "level"', 'tag = "flow"', 12, 23),  # twice
        ('kind = "https"', 'kind = "http"', 18, 1),
        ('url = "https://ingest.example"', "", 17, 1),
        ("https://ingest", "http://ingest", 19, 1),
        ('kind = "https"', 'kind = "https"\nprivate_key = "k"', 17, 1),  # a rule of the whole table
        ('mode = "None"', 'mode = "Sign"', 5, 1),
        ('path = "cloud"', 'path = "cloud"\n[windows]\nlength = "10s"\nevery = "3s"', 19, 1),  # one that names its key
        ('path = "cloud"', 'path = "cloud"\n[[rules]]\nassets = ["pump-2"]\ntag = "flow"\nkind = "stuck"', 17, 1),
    ],
)
def test_the_line_and_column_of_the_key(tmp_path: Path, old: str, new: str, line: int, column: int) -> None:
    assert old in CONFIG
    problem = refused(tmp_path, CONFIG.replace(old, new)).problems[0]
    assert problem.place == Place(f"{tmp_path}/gateway.toml", line, column), problem.told()


def test_all_of_them_as_an_editor_reads_them(tmp_path: Path) -> None:
    text = CONFIG.replace('site = "s"', "").replace("s=level", "level")
    lines = str(refused(tmp_path, text)).splitlines()
    assert lines[0] == f"{tmp_path}/gateway.toml: 2 problems"
    assert lines[1].startswith(f"  {tmp_path}/gateway.toml:1: gateway.site: is required. ")
    node = f'  {tmp_path}/gateway.toml:12: opcua[0] "plc".tags[1] "level".node = "nsu=urn:x;level": node '
    assert lines[2].startswith(node)


@pytest.mark.parametrize(
    ("old", "new", "at", "shown", "mark"),
    [
        ('site = "s"', "site = plant", 2, "site = plant", "       ^"),
        ('site = "s"', 'site = "s', 2, 'site = "s', "         ^"),
        ("[[opcua]]", "[[opcua]", 5, "[[opcua]", "       ^"),
        ('name = "g"', 'site = "t"', 3, 'site = "t"', "          ^"),
    ],
)
def test_what_is_no_toml_is_shown_with_a_mark(
    tmp_path: Path, old: str, new: str, at: int, shown: str, mark: str
) -> None:
    lines = str(refused(tmp_path, CONFIG.replace(old, new, 1))).splitlines()
    assert lines[1].startswith(f"  {tmp_path}/gateway.toml:{at}: file: is not TOML: ")
    assert [line.removeprefix("    ") for line in lines[2:]] == [shown, mark]


def test_what_only_check_finds_has_a_line_too(tmp_path: Path) -> None:
    text = CONFIG.replace('url = "https', 'token_file = "nowhere"\nurl = "https')
    (problem,) = refused(tmp_path, text, deep=True).problems
    assert problem.place == Place(f"{tmp_path}/gateway.toml", 19, 1)
    assert problem.key == 'target[1] "https".token_file'


def test_a_tag_of_a_register_map_that_stands_elsewhere_too_is_told_by_the_line_of_the_map(tmp_path: Path) -> None:
    (tmp_path / "meter.csv").write_text("tag,address\nvolt,input:0:float32\nflow,input:2:float32\n")
    line = '[[modbus]]\nname = "bus"\nhost = "h"\n[[modbus.units]]\nunit_id = 3\nmap = "meter.csv"\nasset = "pump-1"\n'
    rule = 'tag = "pump-1/flow": stands 2 times, must be unique. It is the name of opcua[0] "plc".tags[0] "flow" too.'
    assert told(tmp_path, CONFIG + line).startswith(f"meter.csv:3: {rule}")


def test_a_pinned_tag_that_is_wrong_is_told_by_its_line(tmp_path: Path) -> None:
    tags = 'tags = [\n  { asset = "a b", tag = "t", node = "i=1" },\n]\n'
    pins = f'[[globs]]\nlink = "plc"\nglob = "x"\nstart = "i=85"\n{tags}'
    path_of(tmp_path / "gateway.toml").write_text(pins)
    found = told(tmp_path, CONFIG.replace("[[target]]", '[[opcua.globs]]\nglob = "x"\n[[target]]', 1))
    assert found.startswith('gateway.tags.toml:6: globs[0] "x".tags[0] "t".asset = "a b": has not the right form')


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ('kind = "https"', 'kind = "htps"', "Did you mean 'https'? Use 'file'"),
        ('mode = "None"', 'mode = "SignAndEncypt"', "Did you mean 'SignAndEncrypt'? "),
        ('policy = "None"', 'polcy = "None"', "Did you mean 'policy'?"),
        (
            "[gateway]",
            '[[model]]\nname = "m"\nassets = ["pump1"]\n[gateway]',
            "Did you mean 'pump-1'? Assets with tags",
        ),
        (
            "[gateway]",
            '[[maintenance]]\nassets = ["pmp-1"]\nfrom = "06:00"\nto = "07:00"\ndays = ["daily"]\nzone = "UTC"\n'
            "[gateway]",
            "Did you mean 'pump-1'?",
        ),
        (
            "[gateway]",
            '[[rules]]\nassets = ["pump-1"]\ntag = "flwo"\nkind = "silence"\nsilent_for = "1s"\n[gateway]',
            "Did you mean 'flow'? It has: flow, level",
        ),
    ],
)
def test_a_slip_of_the_pen_is_told_the_word_that_was_meant(tmp_path: Path, old: str, new: str, hint: str) -> None:
    assert hint in "\n".join(problem.told() for problem in refused(tmp_path, CONFIG.replace(old, new)).problems)


def test_a_secret_that_was_written_into_the_file_is_not_repeated(tmp_path: Path) -> None:
    text = CONFIG.replace('policy = "None"', 'policy = "None"\npassword = "hunter2"\npassword_env = "hunter 2"')
    error = str(refused(tmp_path, text))
    assert "hunter" not in error
    fix = "unknown key; secrets never stand in this file. Write it into a file of its own and name that: password_file."
    assert f':9: opcua[0] "plc".password: {fix}' in error
