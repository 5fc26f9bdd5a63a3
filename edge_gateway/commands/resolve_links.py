"""Every server of a configuration that has globs: browsed with the settings of its link, and matched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from connectors.errors import CertificateNotTrusted, ConnectorError, GatewayNotTrusted, SecurityRefused
from connectors.opcua.address import NodeAddress
from connectors.opcua.glob import levels
from connectors.opcua.tree import Tree
from edge_gateway.commands.access import Session, explained, opened
from edge_gateway.commands.folders import find_folders
from edge_gateway.commands.pin_namespaces import indices, unknown
from edge_gateway.commands.pinning import Match, match
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.walk import not_browsed, tree_below
from edge_gateway.config.config import Config
from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.config.problems import Problem
from edge_gateway.drivers import opcua_settings
from edge_gateway.exit_codes import Exit


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far to browse.

    Attributes:
        depth: Levels below a start, for globs that have no depth of their own.
        limit: Nodes below a start.
    """

    depth: int
    limit: int


@dataclass(slots=True)
class Found:
    """What came of all links.

    Attributes:
        matches: In the order of the configuration.
        endpoints: Name and endpoint of every link that was asked.
        notes: What a person should know besides.
        namespaces: Name of every link that was asked -> URIs of its server, in the order of their indices.
        failures: What went wrong, and the exit code that it deserves.
    """

    matches: list[Match] = field(default_factory=list)
    endpoints: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    namespaces: dict[str, Sequence[str]] = field(default_factory=dict)
    failures: list[tuple[str, Exit]] = field(default_factory=list)


async def look(config: Config, path: Path, bounds: Bounds) -> Found:
    """Ask one server after the other; one that fails does not keep the others from telling what is wrong with them.

    Args:
        config: Without pinned tags.
        path: Of the configuration, for messages.
        bounds: How far to browse.

    Raises:
        OSError: A secret or certificate cannot be read.
    """
    found = Found()
    for number, link in enumerate(config.opcua):
        if not link.globs and not indices(link):
            continue
        where = f'opcua[{number}] "{link.name}"'
        found.endpoints.append((link.name, link.endpoint))
        try:
            matches = await _matches(config, link, where, bounds, found)
        except Refusal as refusal:
            found.failures.append((str(refusal), refusal.exit_code))
        except ConnectorError as error:
            code = Exit.CONFIG if isinstance(error, SecurityRefused) else Exit.FAILED
            found.failures.append((f"{where}: {told(error, link, path)}", code))
        else:
            found.matches += matches
            found.failures += ((str(problem), Exit.FAILED) for problem in _empty(where, link, matches, path))
            beyond = (str(problem) for problem in unknown(where, link, found.namespaces[link.name]))
            found.failures += ((problem, Exit.FAILED) for problem in beyond)
    return found


async def _matches(config: Config, link: OpcUaSection, where: str, bounds: Bounds, found: Found) -> Sequence[Match]:
    try:
        settings = opcua_settings(link, config)
    except ValueError as error:
        raise Refusal(where, None, str(error).partition(": ")[2], "") from error
    trees: dict[str, Tree] = {}
    async with opened(settings) as session:
        found.namespaces[link.name] = session.facts.namespaces
        for glob in link.globs:
            if glob.start not in trees:
                trees[glob.start] = await _tree(session, link, glob.start, where, bounds)
                found.notes += (f"{link.name}: {note}" for note in not_browsed(trees[glob.start]))
    earlier: set[NodeAddress] = set()
    return [match(link.name, glob, trees[glob.start], earlier) for glob in link.globs]


async def _tree(session: Session, link: OpcUaSection, start: str, where: str, bounds: Bounds) -> Tree:
    """As deep as the globs need it. What is cut would be missing in the file without a word, so it is refused."""
    needed = [levels(glob.glob) for glob in link.globs if glob.start == start]
    deepest = max((depth for depth in needed if depth is not None), default=0)
    any_level = None in needed
    depth = max(deepest, bounds.depth) if any_level else deepest
    tree = await tree_below(session, start, f"{where}.globs start", depth, bounds.limit)
    if tree.is_full:
        rule = f"has more than --limit {bounds.limit} nodes below {start}"
        raise Refusal(where, None, rule, "Raise --limit, or give the globs a start further below.", Exit.FAILED)
    if tree.too_deep and any_level:
        rule = f"has nodes more than {depth} levels below {start}, and a glob may match them"
        raise Refusal(where, None, rule, "Raise --depth, or write globs by path, without **.", Exit.FAILED)
    return tree


def _empty(where: str, link: OpcUaSection, matches: Sequence[Match], path: Path) -> Iterator[Problem]:
    for place, one in enumerate(matches):
        if one.numbers:
            continue
        key, value = f"{where}.globs[{place}].glob", f'"{one.glob.glob}"'
        reasons = Counter(reason for _, reason in one.left_out)
        if reasons:
            listed = ", ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items()))
            rule = f"matches only variables that are left out: {listed}"
            yield Problem(key, value, rule, "Correct or remove the glob.")
            continue
        start = "" if one.glob.start == "i=85" else f" --start {quote(one.glob.start)}"
        command = f"sluicegate browse {link.endpoint} --gateway {quote(str(path))}{start}"
        yield Problem(key, value, "matches no variable", f"See what there is: {command}")


def told(error: ConnectorError, link: OpcUaSection, path: Path) -> str:
    """The error, and the command that helps where the link leaves trust and identity to the gateway's own folders."""
    helps = (isinstance(error, CertificateNotTrusted) and link.trust_folder is not None) or (
        isinstance(error, GatewayNotTrusted) and link.certificate is None
    )
    if not helps:
        return f"{error}."
    trust = link.trust_folder or path.parent  # where the gateway is not trusted, this is not spoken of
    return explained(error, find_folders(None, path, trust))
