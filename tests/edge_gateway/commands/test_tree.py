"""The tree of commands holds what is promised of every one: a purpose, an example that parses, JSON for reports."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_gateway.cli import app
from edge_gateway.command_tree import README, Leaf, leaves, with_tables
from edge_gateway.commands import as_json
from edge_gateway.commands.purposes import PURPOSES
from edge_gateway.exit_codes import Exit

LEAVES = {leaf.name: leaf for leaf in leaves(app)}
TABLES = "run `python -m edge_gateway.command_tree`, which writes the tables of edge_gateway/README.md"

# Commands that start something, change something or write a file: their exit code is the answer. Whatever only tells
# something takes --json: `as_json: JsonOption = False` in its register file.
DO_NOT_REPORT = {
    "simulate",  # one JSON line tells where it listens, always
    "demo",  # writes report.json
    "top",  # `status` has it
    "explain",  # writes a page
    "schema",  # is JSON
    "cert init",
    "cert trust",
    "alerts ack",
    "alerts shelve",
    "alerts unshelve",
    "alerts reset",
    "model add",
    "model keygen",
    "model sign",
}


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_that_reports_takes_json(name: str) -> None:
    assert LEAVES[name].has_json != (name in DO_NOT_REPORT), (
        f"{name}: give it --json (JsonOption of edge_gateway/commands/options.py) if it reports, "
        "else list it in DO_NOT_REPORT of this test; not both"
    )


def test_no_command_is_listed_that_is_not_there() -> None:
    assert DO_NOT_REPORT - LEAVES.keys() == set()


def test_every_command_has_a_purpose() -> None:
    told = [name for names in PURPOSES.values() for name in names]
    have = {leaf.path[0] for leaf in LEAVES.values()}
    assert len(told) == len(set(told))
    assert set(told) == have, "PURPOSES in edge_gateway/commands/purposes.py: add what is new, remove what went"


@pytest.mark.parametrize("name", LEAVES)
def test_help_tells_what_it_does_and_shows_an_example_that_parses(name: str) -> None:
    leaf = LEAVES[name]
    assert leaf.summary.endswith((".", "?")), f"{name}: the first paragraph of its docstring must be a sentence"
    assert leaf.examples, f"{name}: add `Example: sluicegate {name} ...` as a paragraph of its docstring"
    for example in leaf.examples:
        words = shlex.split(example)
        assert words[1 : 1 + len(leaf.path)] == list(leaf.path), f"{name}: its example is of another command"
        parse(leaf, words[1 + len(leaf.path) :])


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_and_argument_has_a_help(name: str) -> None:
    silent = [
        parameter.opts[0]
        for parameter in LEAVES[name].command.params
        if not getattr(parameter, "hidden", False) and not getattr(parameter, "help", None)
    ]
    assert silent == []


def test_the_terminal_shows_all_of_the_help() -> None:
    """Rich takes [word] for markup and shows nothing: write r"\\[word]"."""
    lost: dict[str, list[str]] = {}
    for leaf in LEAVES.values():
        helps = (one.help or "" for one in leaf.command.params if getattr(one, "help", None) and not one.hidden)
        text = " ".join([leaf.help, *helps]).replace("\\", "")
        if words := re.findall(r"\[+[\w.: ~/-]*\]+", text):
            shown = CliRunner().invoke(app, [*leaf.path, "--help"], env={"COLUMNS": "300"}).output
            flat = re.sub(r"[\s│]+", " ", shown)
            lost[leaf.name] = [word for word in words if word not in flat]
    assert {name: words for name, words in lost.items() if words} == {}


def test_the_readme_has_the_tables() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_tables(text, app), TABLES


def test_the_help_names_every_exit_code() -> None:
    told = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output.split())
    codes = told[told.index("Exit codes:") :]
    assert all(f"{code.value} " in codes for code in Exit)
    assert [code.value for code in Exit] == [0, 1, 2, 3]
    assert all(code.meaning.endswith(".") for code in Exit)


def test_completion_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    shellingham = pytest.importorskip("shellingham")
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("bash", "/bin/bash"))
    shown = CliRunner().invoke(app, ["--show-completion"], prog_name="sluicegate")
    assert shown.exit_code == 0
    assert "_SLUICEGATE_COMPLETE=complete_bash" in shown.output


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sluicegate in", {"init"}),
        ("sluicegate init --template p", {"pump", "press"}),
        ("sluicegate alerts ls --asset meter-", {"meter-1", "meter-2", "meter-3"}),
        ("sluicegate model promote pump", {"pump", "pump@1", "pump@2"}),
    ],
)
def test_the_tab_key_completes(line: str, offered: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["init", "--template", "meters"]).exit_code == 0
    for version in "12":
        manifest = tmp_path / "data" / "models" / "pump" / version / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.touch()
    environment = {
        "_SLUICEGATE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    told = CliRunner().invoke(app, [], prog_name="sluicegate", env=environment)
    assert set(told.output.split()) == offered


def test_json_of_a_report_knows_no_nan() -> None:
    assert as_json._plain({"a": float("nan"), "b": (1, [float("inf")])}) == {"a": None, "b": [1, [None]]}


def parse(leaf: Leaf, words: list[str]) -> None:
    """As the command line does, but without calling the command."""
    leaf.command.make_context(leaf.name, list(words))
