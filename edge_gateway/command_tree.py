"""The tree of commands as data, and the tables of edge_gateway/README.md made of it.

`python -m edge_gateway.command_tree` writes them anew; a test holds the file against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from edge_gateway.commands.purposes import PURPOSES
from edge_gateway.exit_codes import Exit

README = Path(__file__).with_name("README.md")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A command that does something.

    Attributes:
        path: Words after `sluicegate`.
        command: As click knows it, which typer carries within itself, or does not: its versions differ.
    """

    path: tuple[str, ...]
    command: Any

    @property
    def name(self) -> str:
        """As it is typed."""
        return " ".join(self.path)

    @property
    def help(self) -> str:
        """All of it."""
        text: str = self.command.help or ""
        return text

    @property
    def summary(self) -> str:
        """The first paragraph of its help."""
        return re.sub(r"\s+", " ", self.help.strip().split("\n\n")[0])

    @property
    def has_json(self) -> bool:
        """It takes `--json`."""
        return any("--json" in parameter.opts for parameter in self.command.params)

    @property
    def examples(self) -> tuple[str, ...]:
        """Command lines that its help shows."""
        return tuple(re.findall(r"^\s*(?:Examples?:)?\s*(sluicegate .+)$", self.help, re.MULTILINE))


def leaves(app: typer.Typer) -> Iterator[Leaf]:
    """Every command, groups taken apart."""

    def walk(command: Any, path: tuple[str, ...]) -> Iterator[Leaf]:
        below = getattr(command, "commands", None)
        if below is None:
            yield Leaf(path, command)
            return
        for name, child in below.items():
            yield from walk(child, (*path, name))

    yield from walk(typer.main.get_command(app), ())


def command_table(app: typer.Typer) -> str:
    """One table of all commands, by purpose."""
    found = list(leaves(app))
    lines = ["| For | Command | What it does | `--json` |", "|---|---|---|---|"]
    for purpose, names in PURPOSES.items():
        for leaf in (leaf for name in names for leaf in found if leaf.path[0] == name):
            json = "yes" if leaf.has_json else ""
            summary = leaf.summary.replace("|", "\\|")
            lines.append(f"| {purpose} | `{leaf.name}` | {summary} | {json} |")
            purpose = ""  # noqa: PLW2901 - told once
    return "\n".join(lines)


def exit_table() -> str:
    """Exit codes."""
    return "\n".join(["| Code | Meaning |", "|---|---|", *(f"| {code.value} | {code.meaning} |" for code in Exit)])


def with_tables(text: str, app: typer.Typer) -> str:
    """A README whose parts between `<!-- commands -->` or `<!-- exit codes -->` and `<!-- end -->` are up to date."""
    for name, table in (("commands", command_table(app)), ("exit codes", exit_table())):
        before, _, rest = text.partition(f"<!-- {name} -->")
        text = f"{before}<!-- {name} -->\n{table}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return text


if __name__ == "__main__":
    from edge_gateway.cli import app as whole

    README.write_text(with_tables(README.read_text(encoding="utf-8"), whole), encoding="utf-8")
