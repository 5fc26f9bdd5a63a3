"""Pinned tags of globs, in the configuration that names the globs."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from edge_gateway.check import describe
from edge_gateway.config.load import load
from edge_gateway.config.opcua_glob import OpcUaGlobSection
from edge_gateway.config.opcua_tag import FoundTag
from edge_gateway.config.pins import PinnedGlob, PinnedTag, Pins, path_of, read, text
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.tables import tag_tables

README = Path(__file__).parents[2] / "connectors" / "opcua" / "README.md"
CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[[target]]
kind = "file"
path = "cloud"
[[opcua]]
name = "plant"
endpoint = "opc.tcp://127.0.0.1:4840"
policy = "None"
mode = "None"
[[opcua.globs]]
glob = "Plant/*/temperature"
deadband = 0.5
expect_every = "2s"
"""
OWN = """
[[opcua.tags]]
asset = "pump-1"
tag = "{tag}"
node = "{node}"
"""
FOUND = PinnedGlob(
    link="plant",
    glob="Plant/*/temperature",
    tags=(
        PinnedTag(asset="pump-1", tag="temperature", node="nsu=urn:x;s=1", unit="degC"),
        PinnedTag(asset="pump-2", tag="temperature", node="nsu=urn:x;s=2"),
    ),
)
PINNED = text(Pins(globs=(FOUND,)))


def write(folder: Path, config: str = CONFIG, pinned: str | None = PINNED) -> Path:
    path = folder / "gateway.toml"
    path.write_text(config)
    if pinned is not None:
        path_of(path).write_text(pinned)
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigRejected) as caught:
        load(path)
    return [str(problem) for problem in caught.value.problems]


def names(path: Path) -> list[str]:
    return [f"{table.asset}/{name}" for table in tag_tables(load(path)) for name in table.names]


def test_pinned_tags_are_those_of_the_link_with_the_options_of_their_glob(tmp_path: Path) -> None:
    path = write(tmp_path)
    first, second = load(path).opcua[0].tags
    assert (first.asset, first.tag, first.node, first.unit) == ("pump-1", "temperature", "nsu=urn:x;s=1", "degC")
    assert (second.asset, second.unit) == ("pump-2", "")
    assert {(tag.deadband, tag.expect_every) for tag in (first, second)} == {(0.5, timedelta(seconds=2))}
    assert [table.tags[0].interval_s for table in tag_tables(load(path))] == [2.0, 2.0]


def test_a_rule_may_watch_a_tag_that_a_glob_found(tmp_path: Path) -> None:
    rule = '[[rules]]\nassets = ["pump-1"]\ntag = "temperature"\nkind = "limit"\nhh = 90.0\n'
    assert load(write(tmp_path, CONFIG + rule)).rules[0].tag == "temperature"
    assert load(write(tmp_path, CONFIG + rule), pinned=False).rules  # so that it can be resolved


def test_a_model_may_score_an_asset_that_a_glob_found(tmp_path: Path) -> None:
    model = '[[model]]\nassets = ["pump-2"]\nbundle = "m"\n'
    load(write(tmp_path, CONFIG + model))
    assert len(problems(write(tmp_path, CONFIG + model.replace("pump-2", "pump-3")))) == 1


def test_a_glob_without_pins_is_not_resolved_and_nothing_else_is_told(tmp_path: Path) -> None:
    model = '[[model]]\nassets = ["pump-2"]\nbundle = "m"\n'
    path = write(tmp_path, CONFIG + model, None)
    (found,) = problems(path)
    rule = 'opcua[0] "plant".globs[0].glob = "Plant/*/temperature": is not resolved yet. '
    assert found == f"{rule}Run `sluicegate resolve {path}`."


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("*/temperature", "*/flow"),
        ("deadband = 0.5", 'start = "i=84"'),
        ("deadband = 0.5", 'asset = "hall"'),
        ('name = "plant"', 'name = "other"'),
    ],
)
def test_a_glob_that_was_changed_is_not_resolved(tmp_path: Path, old: str, new: str) -> None:
    (found,) = problems(write(tmp_path, CONFIG.replace(old, new)))
    assert "is not resolved yet" in found


def test_an_option_of_a_glob_may_change_without_another_look_at_the_server(tmp_path: Path) -> None:
    path = write(tmp_path, CONFIG.replace("deadband = 0.5", 'poll_interval = "1s"'))
    assert {tag.poll_interval for tag in load(path).opcua[0].tags} == {timedelta(seconds=1)}


def test_pins_of_a_glob_that_is_gone_are_passed_over(tmp_path: Path) -> None:
    gone = PinnedGlob(link="plant", glob="x", tags=(PinnedTag(asset="a", tag="t", node="i=1"),))
    assert names(write(tmp_path, pinned=text(Pins(globs=(gone, FOUND))))) == [
        "pump-1/temperature",
        "pump-2/temperature",
    ]


@pytest.mark.parametrize("tag", ["temperature", "renamed"])
def test_a_tag_of_ones_own_goes_before_what_a_glob_found_of_its_node(tmp_path: Path, tag: str) -> None:
    path = write(tmp_path, CONFIG + OWN.format(tag=tag, node="nsu=urn:x;s=1"))
    own, found = load(path).opcua[0].tags
    assert (own.tag, own.deadband, isinstance(own, FoundTag)) == (tag, None, False)
    assert (found.asset, isinstance(found, FoundTag)) == ("pump-2", True)
    console = Console(width=300)
    with console.capture() as capture:
        console.print(describe(load(path), path))
    assert "2 (1 by globs)" in capture.get()


def test_a_tag_of_the_same_name_and_another_node_is_one_too_many(tmp_path: Path) -> None:
    (found,) = problems(write(tmp_path, CONFIG + OWN.format(tag="temperature", node="nsu=urn:x;s=9")))
    assert found.startswith('tag = "pump-1/temperature": stands 2 times')


def test_an_option_that_is_wrong_is_told_once_where_it_stands(tmp_path: Path) -> None:
    model = '[[model]]\nassets = ["pump-2"]\nbundle = "m"\n'
    (found,) = problems(write(tmp_path, CONFIG.replace("0.5", "-0.5") + model))
    assert found.startswith('opcua[0] "plant".globs[0] "Plant/*/temperature".deadband = -0.5: must be above 0')
    (found,) = problems(write(tmp_path, CONFIG.replace("deadband", "deadbad")))
    assert "Did you mean 'deadband'?" in found
    (found,) = problems(write(tmp_path, CONFIG.replace("deadband = 0.5", 'start = "ns=2;s=x"')))
    assert '.start = "ns=2;s=x"' in found


def test_a_link_needs_a_tag_or_a_glob(tmp_path: Path) -> None:
    (found,) = problems(write(tmp_path, CONFIG[: CONFIG.index("[[opcua.globs]]")]))
    assert "list tags under [[opcua.tags]] or globs under [[opcua.globs]]" in found
    twice = CONFIG + '[[opcua.globs]]\nglob = "Plant/*/temperature"\n'
    assert any("stands there twice" in found for found in problems(write(tmp_path, twice)))


@pytest.mark.parametrize(
    ("pinned", "told"),
    [
        ("[[globs]\n", "gateway.tags.toml:1: file: is not TOML: Expected ']]'"),
        ("x = 1\n", "gateway.tags.toml:1: x = 1: unknown key"),
        (
            PINNED.replace('"pump-2"', '"pump 2"'),
            'globs[0] "Plant/*/temperature".tags[1] "temperature".asset = "pump 2"',
        ),
        (PINNED.replace("nsu=urn:x;s=2", "ns=2;s=2"), 'tags[1] "temperature".node = "ns=2;s=2": node'),
        (
            PINNED.replace('link = "plant"\n', ""),
            'gateway.tags.toml:2: globs[0] "Plant/*/temperature".link: is required',
        ),
    ],
)
def test_damage_is_told_with_file_and_place(tmp_path: Path, pinned: str, told: str) -> None:
    with pytest.raises(ConfigRejected) as caught:
        load(write(tmp_path, pinned=pinned))
    (found,) = caught.value.problems
    assert told in found.told()
    assert str(found.place).startswith(f"{tmp_path}/gateway.tags.toml:")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(deadline=None)  # it writes and reads a file, which takes as long as the machine lets it
@given(TEXTS, TEXTS, TEXTS, st.sampled_from(["", "hall"]))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, glob: str, name: str, unit: str, asset: str
) -> None:
    tag = PinnedTag(asset="a", tag="t", node=f"nsu=urn:x;s={name}.", unit=unit)
    pins = Pins(globs=(PinnedGlob(link="l", glob=glob, asset=asset, tags=(tag,)), FOUND))
    path = tmp_path_factory.getbasetemp() / "written.tags.toml"
    path.write_text(text(pins), encoding="utf-8")
    assert read(path) == pins


@pytest.mark.skipif(not README.exists(), reason="the rooms' folders are not here: this is the wheel's test run")
def test_the_readme_has_every_option_of_a_glob() -> None:
    table = README.read_text(encoding="utf-8").split("| Glob setting |")[1].split("\n\n")[0]
    told = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert sorted(told) == sorted(OpcUaGlobSection.model_fields)
