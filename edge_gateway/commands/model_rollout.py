"""`sluicegate model rollout`: the share of gateways grows by stages, and shrinks to none where a stage raises alarms.

Run by a person, or by cron: each run takes at most one step, and tells which. It holds the key; no server does.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

import typer

from edge_gateway.commands.model_channel import Desk, Issue, in_words, open_desk, pick_of
from edge_gateway.commands.model_place import known_channel
from edge_gateway.commands.model_reports import read_reports
from edge_gateway.commands.model_site import named_version
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from flows.durations import duration, to_ns
from models.channel import Channel, Rollout
from models.rollout import Decision, Then, begin, decide


@dataclass(frozen=True, slots=True)
class Plan:
    """As it was asked for; a rollout that runs keeps its own.

    Attributes:
        stages: Percent.
        soak: Of a stage.
        halt_gateways: See `Rollout`.
        halt_alarms: See `Rollout`.
    """

    stages: str
    soak: str
    halt_gateways: int
    halt_alarms: int

    def rollout(self) -> Rollout:
        """Checked.

        Raises:
            Refusal: It cannot be.
        """
        try:
            stages = tuple(int(stage) for stage in self.stages.split(","))
            soak = to_ns(duration(self.soak, "--soak"))
            return Rollout(stages, soak, self.halt_gateways, self.halt_alarms, time.time_ns())
        except ValueError as error:
            fix = "For example --stages 20,60,100 --soak 1d."
            raise Refusal("--stages, --soak", f'"{self.stages}" "{self.soak}"', str(error), fix) from error


def rollout(which: str, issue: Issue, plan: Plan, events: str, *, dry_run: bool) -> int:
    """Begin a rollout, or take the next step of the one that runs.

    Returns:
        `Exit.OK`, or `Exit.FAILED` once it was halted.

    Raises:
        Refusal: It cannot begin as it was asked for.
        ModelError: The version is not there, or nobody trusted signed it.
        CloudSinkError: A place cannot be read or written.
    """
    name, version = named_version(which)
    desk = open_desk(issue)
    before = known_channel(desk.shelf, desk.keys, name, issue.channel)
    if before is None:
        fix = f"`sluicegate model promote {which} --to ...` gives all gateways their first version."
        raise Refusal("--channel", f'"{issue.channel}"', f"{name} has no such channel there", fix)
    if before.rollout is None or before.wanted.version != version:
        return _begin(before, desk, issue, plan, version, dry_run=dry_run)
    decision = decide(before, read_reports(events, before), time.time_ns())
    after = decision.channel
    if after is not None and not dry_run:
        after = desk.publish(after, before)
    return _tell(decision, after or before, desk, as_json=issue.as_json)


def _begin(before: Channel, desk: Desk, issue: Issue, plan: Plan, version: str, *, dry_run: bool) -> int:
    if before.rollout is None and before.whole and before.wanted.version == version:
        done = Decision(Then.DONE, f"{before.model} is what all have", (), {})
        return _tell(done, before, desk, as_json=issue.as_json)
    try:
        first = begin(before, pick_of(desk, before.name, version), plan.rollout())
    except ValueError as error:
        raise Refusal("NAME@VERSION", f'"{before.name}@{version}"', str(error), "", Exit.FAILED) from error
    if not dry_run:
        first = desk.publish(first, before)
    begun = Decision(Then.ADVANCE, f"begun with {first.percent} %", (), {}, first)
    return _tell(begun, first, desk, as_json=issue.as_json)


def _tell(decision: Decision, channel: Channel, desk: Desk, *, as_json: bool) -> int:
    code = Exit.FAILED if decision.then is Then.HALT else Exit.OK
    if as_json:
        facts: dict[str, Any] = {"decision": decision.then.value, "why": decision.why, "target": desk.shelf.name}
        facts |= {"serving": list(decision.serving), "troubled": decision.troubled, "channel": asdict(channel)}
        typer.echo(json.dumps(facts))
        return code
    typer.echo(printable(f"{decision.then.upper()}: {decision.why}"))
    for gateway, why in decision.troubled.items():
        typer.echo(printable(f"  {gateway}: {why}"))
    typer.echo(printable(f"{desk.shelf.name}: {in_words(channel)}"))
    return code
