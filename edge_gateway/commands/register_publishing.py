"""The commands and options about models that are published to many gateways, as typer reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_gateway.commands.options import JsonOption

if TYPE_CHECKING:
    from edge_gateway.commands.model_channel import Issue

_PANEL = "Models of many gateways"
_PLACE = (
    "A folder, file://, s3://BUCKET/PREFIX (AWS_ENDPOINT_URL, AWS_REGION, keys: as Amazon's tools), https://, gs://."
)

ToOption = Annotated[
    str | None,
    typer.Option("--to", metavar="PLACE", help=_PLACE, rich_help_panel=_PANEL, show_default=False),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="PLACE", help=_PLACE, rich_help_panel=_PANEL, show_default=False),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="NAME",
        help="Instead of a place: a target of --gateway by its name, with its credentials.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
ChannelOption = Annotated[str, typer.Option("--channel", help="Which channel.", rich_help_panel=_PANEL)]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="KEY.PEM",
        help="Signs the channel; made by keygen.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
PercentOption = Annotated[
    int, typer.Option("--percent", help="Share of gateways.", min=0, max=100, rich_help_panel=_PANEL)
]
SitesOption = Annotated[
    str, typer.Option("--sites", metavar="A,B", help="Only of these sites.", rich_help_panel=_PANEL, show_default=False)
]
NotAfterOption = Annotated[
    str,
    typer.Option("--not-after", metavar="30d", help="From then on nothing is begun any more.", rich_help_panel=_PANEL),
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        metavar="PUBLIC_KEY",
        help="Believe this key, beside the trusted_keys of --gateway; repeat.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
_DEFAULT = Path("gateway.toml")
_ConfigOption = Annotated[Path, typer.Option("--gateway", metavar="GATEWAY.TOML", help="For --target, and its keys.")]


def register_publishing(model: typer.Typer) -> None:
    """Add the commands to those about models."""
    model.command()(push)
    model.command()(rollout)


def push(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a bundle.", show_default=False)],
    place: ToOption = None,
    target: TargetOption = None,
    key: KeyOption = None,
    gateway: _ConfigOption = _DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Sign a bundle and put it where gateways fetch it; none takes it before a channel asks for it.

    Example: sluicegate model push models/pump --to s3://fleet --key signing.pem
    """
    from edge_gateway.commands.model_place import Address
    from edge_gateway.commands.model_push import push
    from edge_gateway.commands.model_site import answered

    signer = _needed(key)
    address = Address(place, target, gateway)
    raise typer.Exit(answered(lambda: push(bundle, address, signer, as_json=as_json)))


def rollout(
    which: Annotated[str, typer.Argument(metavar="NAME@VERSION", help="That was pushed.", show_default=False)],
    events: Annotated[
        str,
        typer.Option(
            "--events",
            metavar="PLACE",
            help="What the gateways deliver: a folder, s3://BUCKET/PREFIX.",
            show_default=False,
        ),
    ],
    place: ToOption = None,
    target: TargetOption = None,
    key: KeyOption = None,
    channel: ChannelOption = "stable",
    stages: Annotated[str, typer.Option("--stages", help="Percent, rising to 100.")] = "5,25,100",
    soak: Annotated[str, typer.Option("--soak", help="How long a stage must be quiet.")] = "1d",
    halt_gateways: Annotated[int, typer.Option("--halt-gateways", help="In trouble, at which it halts.", min=1)] = 1,
    halt_alarms: Annotated[
        int, typer.Option("--halt-alarms", help="Openings of its alarms at one gateway that are no trouble.", min=0)
    ] = 20,
    not_after: NotAfterOption = "30d",
    trust: TrustOption = None,
    gateway: _ConfigOption = _DEFAULT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Begin a staged rollout, or take its next step: wait, on to the next stage, or halt. For cron: run it every hour.

    Ends with 1 once it has halted. The plan of a rollout that runs is the one it was begun with.

    Example: sluicegate model rollout pump@2 --to s3://fleet --key signing.pem --events s3://lake --soak 1d
    """
    from edge_gateway.commands.model_rollout import Plan, rollout
    from edge_gateway.commands.model_site import answered

    issue = issue_of(place, target, gateway, trust, channel, key, not_after, as_json=as_json)
    plan = Plan(stages, soak, halt_gateways, halt_alarms)
    raise typer.Exit(answered(lambda: rollout(which, issue, plan, events, dry_run=dry_run)))


def issue_of(
    place: str | None,
    target: str | None,
    gateway: Path,
    trust: Sequence[str] | None,
    channel: str,
    key: Path | None,
    not_after: str,
    *,
    as_json: bool,
) -> Issue:
    """Options put together.

    Raises:
        typer.BadParameter: There is no key.
    """
    from edge_gateway.commands.model_channel import Issue
    from edge_gateway.commands.model_place import Address

    address = Address(place, target, gateway, texts(trust))
    return Issue(address, channel, _needed(key), not_after, as_json)


def texts(given: Sequence[str] | None) -> tuple[str, ...]:
    """Of an option that may be repeated."""
    return tuple(given or ())


def _needed(key: Path | None) -> Path:
    if key is None:
        raise typer.BadParameter("is needed where something is published", param_hint="--key")
    return key
