"""What `check --connect` finds, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from edge_gateway.commands.show import printable

HEAD = ("link", "what", "name", "found")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: endpoint, certificate, clock, limits, tag, request.
        name: Which one.
        found: What it is like, for people.
        fix: What is wrong with it and what to do; "" = it is as it should be.
        facts: The same for machines.
    """

    what: str
    name: str
    found: str
    fix: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """There is nothing to do."""
        return not self.fix


@dataclass(slots=True)
class LinkFound:
    """What came of one link."""

    link: str
    protocol: str
    where: str
    findings: list[Finding] = field(default_factory=list)

    def add(self, what: str, name: str, found: str, fix: str = "", **facts: Any) -> None:
        """Note a finding."""
        self.findings.append(Finding(what, printable(name), printable(found), printable(fix), facts))

    @property
    def is_ok(self) -> bool:
        """There is nothing to do."""
        return all(finding.is_ok for finding in self.findings)


def table(links: Sequence[LinkFound]) -> Table:
    """For people; what is wrong is red and told below."""
    drawn = Table(title="asked", title_justify="left", box=box.SIMPLE)
    for name in HEAD:
        drawn.add_column(name)
    for link in links:
        for finding in link.findings:
            style = "" if finding.is_ok else "red"
            drawn.add_row(link.link, finding.what, finding.name, Text(finding.found, style))
    return drawn


def lines(links: Sequence[LinkFound]) -> Iterator[str]:
    """The same for programs that take text apart."""
    yield "\t".join(HEAD)
    for link in links:
        for finding in link.findings:
            yield "\t".join((link.link, finding.what, finding.name, finding.found))


def fixes(links: Sequence[LinkFound]) -> Iterator[str]:
    """What is wrong, and what to do."""
    for link in links:
        for finding in link.findings:
            if finding.fix:
                yield f"{link.link}, {finding.what} {finding.name}: {finding.found}. {finding.fix}"


def as_json(links: Sequence[LinkFound]) -> list[dict[str, Any]]:
    """For machines."""
    return [
        {
            "link": link.link,
            "protocol": link.protocol,
            "where": link.where,
            "ok": link.is_ok,
            "findings": [asdict(finding) | {"ok": finding.is_ok} for finding in link.findings],
        }
        for link in links
    ]
