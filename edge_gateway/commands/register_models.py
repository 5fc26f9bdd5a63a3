"""The commands about models as typer reads them: parameters and nothing else, like `register.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.completion import models
from edge_gateway.commands.options import JsonOption
from edge_gateway.commands.register_publishing import (
    ChannelOption,
    FromOption,
    KeyOption,
    NotAfterOption,
    PercentOption,
    SitesOption,
    TargetOption,
    ToOption,
    TrustOption,
    issue_of,
    register_publishing,
    texts,
)

model = typer.Typer(
    no_args_is_help=True,
    help="Models in the gateway's data folder: add, watch as a shadow, promote, roll back, sign. Works while the "
    "gateway is stopped, and beside a running one, which takes a change at the next window. With --to or --from PLACE, "
    "or --target NAME: models of many gateways, which follow a signed channel there.",
)

_DEFAULT = Path("gateway.toml")
ConfigOption = Annotated[
    Path, typer.Option("--gateway", metavar="GATEWAY.TOML", help="The configuration of the gateway.")
]
VersionArgument = Annotated[
    str,
    typer.Argument(metavar="NAME@VERSION", help="As `model list` shows it.", show_default=False, autocompletion=models),
]
BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a bundle.", show_default=False)]
ForceOption = Annotated[bool, typer.Option("--force", help="Although a rule forbids it; needs --reason.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; stands in the event.", show_default=False)]
ByOption = Annotated[str | None, typer.Option("--by", help="Who asks.", show_default="the user of this machine")]


def register_models(app: typer.Typer) -> None:
    """Add the commands."""
    register_publishing(model)
    app.add_typer(model, name="model")


@model.command(name="list")
def list_(
    as_json: JsonOption = False,
    gateway: ConfigOption = _DEFAULT,
    place: FromOption = None,
    target: TargetOption = None,
    trust: TrustOption = None,
) -> None:
    """List all versions: which is active, which is a shadow and how it compares, which failed and why.

    Example: sluicegate model list
    """
    from edge_gateway.commands.model_list import list_models
    from edge_gateway.commands.model_place import Address
    from edge_gateway.commands.model_remote import list_published
    from edge_gateway.commands.model_site import answered

    if place is None and target is None:
        raise typer.Exit(answered(lambda: list_models(gateway, as_json=as_json)))
    address = Address(place, target, gateway, texts(trust))
    raise typer.Exit(answered(lambda: list_published(address, as_json=as_json)))


@model.command()
def show(
    which: Annotated[
        str,
        typer.Argument(
            metavar="NAME[@VERSION]", help="As `model list` shows it.", show_default=False, autocompletion=models
        ),
    ],
    as_json: JsonOption = False,
    gateway: ConfigOption = _DEFAULT,
) -> None:
    """Show one model: its versions, how its shadow compares, every step and its reason.

    Example: sluicegate model show pump
    """
    from edge_gateway.commands.model_list import show_model
    from edge_gateway.commands.model_site import answered

    raise typer.Exit(answered(lambda: show_model(gateway, which, as_json=as_json)))


@model.command()
def add(bundle: BundleArgument, by: ByOption = None, gateway: ConfigOption = _DEFAULT) -> None:
    """Copy a bundle into the store; nothing is served by it yet.

    Example: sluicegate model add models/pump
    """
    from edge_gateway.commands.model_site import answered
    from edge_gateway.commands.model_steps import add

    raise typer.Exit(answered(lambda: add(gateway, bundle, by)))


@model.command()
def verify(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="BUNDLE|NAME[@VERSION]", help="A folder, or a version; with --from none = all.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
    gateway: ConfigOption = _DEFAULT,
    place: FromOption = None,
    target: TargetOption = None,
    trust: TrustOption = None,
) -> None:
    """Look at a bundle as the gateway would: signature, hashes, operators, golden rows, whether it fits.

    Example: sluicegate model verify pump@2
    """
    from edge_gateway.commands.model_keys import verify
    from edge_gateway.commands.model_place import Address
    from edge_gateway.commands.model_remote import verify_published
    from edge_gateway.commands.model_site import answered

    if place is not None or target is not None:
        address = Address(place, target, gateway, texts(trust))
        raise typer.Exit(answered(lambda: verify_published(address, which, as_json=as_json)))
    if which is None:
        raise typer.BadParameter("name a bundle's folder or NAME@VERSION, or a place with --from")
    raise typer.Exit(answered(lambda: verify(gateway, which, as_json=as_json)))


@model.command()
def shadow(
    which: VersionArgument,
    off: Annotated[bool, typer.Option("--off", help="End the shadow of NAME.")] = False,
    force: ForceOption = False,
    reason: ReasonOption = "",
    by: ByOption = None,
    gateway: ConfigOption = _DEFAULT,
    place: ToOption = None,
    target: TargetOption = None,
    channel: ChannelOption = "stable",
    key: KeyOption = None,
    percent: PercentOption = 100,
    sites: SitesOption = "",
    not_after: NotAfterOption = "30d",
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a version score beside the active one, without alarms, and count where they differ.

    Example: sluicegate model shadow pump@2
    """
    from edge_gateway.commands.model_channel import set_wanted
    from edge_gateway.commands.model_site import answered
    from edge_gateway.commands.model_steps import shadow

    if place is None and target is None:
        raise typer.Exit(
            answered(lambda: shadow(gateway, which, off=off, force=force, reason=reason, by=by, as_json=as_json))
        )
    if off:
        raise typer.BadParameter("goes without --to: promote what all are to serve instead", param_hint="--off")
    issue = issue_of(place, target, gateway, trust, channel, key, not_after, as_json=as_json)
    chosen = tuple(filter(None, sites.split(",")))
    raise typer.Exit(
        answered(
            lambda: set_wanted(which, issue, mode="shadow", percent=percent, sites=chosen, force=force, reason=reason)
        )
    )


@model.command()
def promote(
    which: Annotated[
        str,
        typer.Argument(
            metavar="NAME[@VERSION]",
            help="Without a version: the shadow.",
            show_default=False,
            autocompletion=models,
        ),
    ],
    force: ForceOption = False,
    reason: ReasonOption = "",
    by: ByOption = None,
    gateway: ConfigOption = _DEFAULT,
    place: ToOption = None,
    target: TargetOption = None,
    channel: ChannelOption = "stable",
    key: KeyOption = None,
    percent: PercentOption = 100,
    sites: SitesOption = "",
    not_after: NotAfterOption = "30d",
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a version raise alarms from the next window on; what it learnt of the plant as a shadow stays with it.

    Example: sluicegate model promote pump
    """
    from edge_gateway.commands.model_channel import set_wanted
    from edge_gateway.commands.model_site import answered
    from edge_gateway.commands.model_steps import promote

    if place is None and target is None:
        raise typer.Exit(answered(lambda: promote(gateway, which, force=force, reason=reason, by=by, as_json=as_json)))
    issue = issue_of(place, target, gateway, trust, channel, key, not_after, as_json=as_json)
    chosen = tuple(filter(None, sites.split(",")))
    raise typer.Exit(
        answered(
            lambda: set_wanted(which, issue, mode="active", percent=percent, sites=chosen, force=force, reason=reason)
        )
    )


@model.command()
def rollback(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[@VERSION]",
            help="Of the model; a version goes with --to.",
            show_default=False,
            autocompletion=models,
        ),
    ],
    reason: ReasonOption = "",
    by: ByOption = None,
    gateway: ConfigOption = _DEFAULT,
    place: ToOption = None,
    target: TargetOption = None,
    channel: ChannelOption = "stable",
    key: KeyOption = None,
    not_after: NotAfterOption = "30d",
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go back to the version that was active before.

    Example: sluicegate model rollback pump --reason "Too many alarms."
    """
    from edge_gateway.commands.model_channel import set_back
    from edge_gateway.commands.model_site import answered
    from edge_gateway.commands.model_steps import roll_back

    if place is None and target is None:
        raise typer.Exit(answered(lambda: roll_back(gateway, name, reason, by, as_json=as_json)))
    issue = issue_of(place, target, gateway, trust, channel, key, not_after, as_json=as_json)
    raise typer.Exit(answered(lambda: set_back(name, issue, reason)))


@model.command()
def keygen(path: Annotated[Path, typer.Argument(metavar="KEY.PEM", help="File to write.", show_default=False)]) -> None:
    """Make a key to sign bundles with; prints the line for the configuration.

    Example: sluicegate model keygen signing.pem
    """
    from edge_gateway.commands.model_keys import keygen
    from edge_gateway.commands.model_site import answered

    raise typer.Exit(answered(lambda: keygen(path)))


@model.command()
def sign(
    bundle: BundleArgument,
    key: Annotated[Path, typer.Option("--key", metavar="KEY.PEM", help="Made by keygen.", show_default=False)],
) -> None:
    """Sign a bundle: one signature over its manifest, which holds the hash of every other file.

    Example: sluicegate model sign models/pump --key signing.pem
    """
    from edge_gateway.commands.model_keys import sign
    from edge_gateway.commands.model_site import answered

    raise typer.Exit(answered(lambda: sign(bundle, key)))


@model.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="MODEL.ONNX", help="One input, the rows.", show_default=False)],
    calibrate: Annotated[
        Path,
        typer.Option(
            metavar="RECORDING", help="Normal operation that the model has not seen: a journal, .parquet or .csv."
        ),
    ],
    features: Annotated[
        str | None, typer.Option(metavar="SET", help="Feature set.", show_default="configured, or standard")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the model.", show_default="that of the file")] = None,
    version: Annotated[str, typer.Option(help="Of the model.")] = "1",
    asset: Annotated[
        list[str] | None, typer.Option(help="Of the recording; repeat for several.", show_default="the only one")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="That the model takes; repeat, in its order.", show_default="all")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the bundle; must not exist.", show_default="models/NAME")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="NAME", help="Output to use.", show_default="the only one of floats")
    ] = None,
    falls: Annotated[bool, typer.Option("--falls", help="Its score falls where a row is unusual.")] = False,
    window: Annotated[
        str | None, typer.Option(metavar="10s", help="Length of a window.", show_default="configured, or 10s")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="2s", help="From one start to the next.", show_default="configured, or length")
    ] = None,
    budget: Annotated[float, typer.Option(help="False-alarm episodes a day that are acceptable.", min=0.001)] = 1.0,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG=COLUMN", help="Of a table; repeat. time=COLUMN for the times.", show_default="all"),
    ] = None,
    gateway: Annotated[
        Path | None,
        typer.Option("--gateway", metavar="GATEWAY.TOML", help="For tags, windows and features.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a bundle of any ONNX model: wrapped, calibrated on a recording, proven equal to the model.

    Example: sluicegate model import my.onnx --calibrate data/journal --asset pump-1 --gateway gateway.toml
    """
    from edge_gateway.commands.model_import import ImportWish, import_command
    from edge_gateway.commands.model_site import answered

    pairs = [one.partition("=") for one in column or ()]
    if wrong := [left for left, equals, right in pairs if not (left and equals and right)]:
        raise typer.BadParameter(f"{wrong[0]!r}: must be TAG=COLUMN", param_hint="--column")
    wish = ImportWish(
        file=file,
        recording=calibrate,
        assets=tuple(asset or ()),
        tags=tuple(tag or ()),
        features=features,
        config=gateway,
        window=window,
        every=every,
        columns={left: right for left, _, right in pairs},
        name=name,
        version=version,
        out=out,
        output=output,
        falls=falls,
        budget_per_day=budget,
        as_json=as_json,
    )
    raise typer.Exit(answered(lambda: import_command(wish)))
