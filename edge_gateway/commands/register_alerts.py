"""The commands about alarms as typer reads them: parameters and nothing else, like `register.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_gateway.commands.completion import assets
from edge_gateway.commands.options import JsonOption

if TYPE_CHECKING:
    from connectors.commands.command import Action

alerts = typer.Typer(
    no_args_is_help=True,
    help="Alarms: what is the matter now and what was; acknowledge, shelve, reset. Works without a network, and while "
    "the gateway is stopped.",
)

_DEFAULT = Path("gateway.toml")
ConfigOption = Annotated[
    Path, typer.Option("--gateway", metavar="GATEWAY.TOML", help="The configuration of the gateway.")
]
IdArgument = Annotated[str, typer.Argument(metavar="ALERT_ID", help="Its first 8 digits will do.", show_default=False)]
WhichArgument = Annotated[
    str | None,
    typer.Argument(metavar="ALERT_ID", help="Its first 8 digits; or --asset and --alarm.", show_default=False),
]
AssetOption = Annotated[
    str | None, typer.Option("--asset", help="Whose alarm.", show_default=False, autocompletion=assets)
]
AlarmOption = Annotated[
    str | None, typer.Option("--alarm", help="Name of the alarm; '*' = all of the asset.", show_default=False)
]
CommentOption = Annotated[str, typer.Option("--comment", help="Why; up to 1000 characters.", show_default=False)]
ByOption = Annotated[str | None, typer.Option("--by", help="Who asks.", show_default="the user of this machine")]


def register_alerts(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(alerts, name="alerts")
    app.command()(explain)


@alerts.command(name="ls")
def list_(
    show_all: Annotated[bool, typer.Option("--all", help="Also alarms that are normal.")] = False,
    asset: Annotated[
        str | None, typer.Option("--asset", help="Only of this one.", show_default=False, autocompletion=assets)
    ] = None,
    as_json: JsonOption = False,
    gateway: ConfigOption = _DEFAULT,
) -> None:
    """List the alarms that are not normal, those that want attention first.

    Example: sluicegate alerts ls --asset pump-1
    """
    from edge_gateway.commands.alert_history import answered
    from edge_gateway.commands.alerts import list_alarms

    raise typer.Exit(answered(lambda: list_alarms(gateway, asset, show_all=show_all, as_json=as_json)))


@alerts.command()
def show(alert_id: IdArgument, as_json: JsonOption = False, gateway: ConfigOption = _DEFAULT) -> None:
    """Show how an alarm came and went: transitions, who, comments, and the evidence it was raised on.

    Example: sluicegate alerts show 4f2a91c0
    """
    from edge_gateway.commands.alert_history import answered
    from edge_gateway.commands.alerts import show_alert

    raise typer.Exit(answered(lambda: show_alert(gateway, alert_id, as_json=as_json)))


@alerts.command()
def ack(
    alert_id: WhichArgument = None,
    asset: AssetOption = None,
    alarm: AlarmOption = None,
    comment: CommentOption = "",
    by: ByOption = None,
    gateway: ConfigOption = _DEFAULT,
) -> None:
    """Acknowledge: somebody has seen it.

    Example: sluicegate alerts ack 4f2a91c0 --comment "Bearing is noisy, maintenance is told."
    """
    from connectors.commands.command import Action

    raise typer.Exit(_ask(Action.ACKNOWLEDGE, gateway, alert_id, asset, alarm, comment, by))


@alerts.command()
def shelve(
    lasts: Annotated[str, typer.Option("--for", metavar="DURATION", help="1min to 30d, such as 2h.")],
    alert_id: WhichArgument = None,
    asset: AssetOption = None,
    alarm: AlarmOption = None,
    comment: CommentOption = "",
    by: ByOption = None,
    gateway: ConfigOption = _DEFAULT,
) -> None:
    """Silence an alarm for some time; it comes back by itself.

    Example: sluicegate alerts shelve --asset pump-1 --alarm anomaly --for 2h
    """
    from connectors.commands.command import Action

    raise typer.Exit(_ask(Action.SHELVE, gateway, alert_id, asset, alarm, comment, by, lasts))


@alerts.command()
def unshelve(
    alert_id: WhichArgument = None,
    asset: AssetOption = None,
    alarm: AlarmOption = None,
    comment: CommentOption = "",
    by: ByOption = None,
    gateway: ConfigOption = _DEFAULT,
) -> None:
    """End a shelving before its time.

    Example: sluicegate alerts unshelve 4f2a91c0
    """
    from connectors.commands.command import Action

    raise typer.Exit(_ask(Action.UNSHELVE, gateway, alert_id, asset, alarm, comment, by))


@alerts.command()
def reset(
    alert_id: WhichArgument = None,
    asset: AssetOption = None,
    alarm: AlarmOption = None,
    comment: CommentOption = "",
    by: ByOption = None,
    gateway: ConfigOption = _DEFAULT,
) -> None:
    """Let a latched alarm go, once what raised it is over.

    Example: sluicegate alerts reset 4f2a91c0
    """
    from connectors.commands.command import Action

    raise typer.Exit(_ask(Action.RESET, gateway, alert_id, asset, alarm, comment, by))


def explain(
    alert_id: IdArgument,
    out: Annotated[Path, typer.Option("--out", metavar="ALERT.HTML", help="Page to write.", show_default=False)],
    gateway: ConfigOption = _DEFAULT,
) -> None:
    """Write a page that shows why an alarm was raised: curves, score, features, timeline. One file, no network.

    Example: sluicegate explain 4f2a91c0 --out alert.html
    """
    from edge_gateway.commands.alert_history import answered
    from edge_gateway.commands.explain_alert import explain_alert

    raise typer.Exit(answered(lambda: explain_alert(gateway, alert_id, out)))


def _ask(
    action: Action,
    gateway: Path,
    alert_id: str | None,
    asset: str | None,
    alarm: str | None,
    comment: str,
    by: str | None,
    lasts: str | None = None,
) -> int:
    from edge_gateway.commands.alert_history import answered
    from edge_gateway.commands.alert_requests import Wish, ask

    return answered(lambda: ask(Wish(action, gateway, alert_id, asset, alarm, comment, by, lasts)))
