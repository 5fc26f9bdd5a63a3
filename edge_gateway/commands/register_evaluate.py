"""`sluicegate evaluate` as typer reads it: parameters and nothing else, like `register.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_gateway.commands.completion import assets
from edge_gateway.commands.options import (
    BudgetOption,
    ColumnOption,
    EveryOption,
    FeaturesOption,
    FollowOption,
    JsonOption,
    WindowOption,
)


def register_evaluate(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    source: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RECORDING...",
            help="With labels: tables (.csv), recordings (.parquet), journals; with --protocol its folder.",
            show_default=False,
        ),
    ] = None,
    *,
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Judge this bundle, by the code of the gateway.")
    ] = None,
    detector: Annotated[str, typer.Option(help="Without --bundle: fit this one, or auto.")] = "suite",
    fit: Annotated[
        Path | None,
        typer.Option(metavar="RECORDING", help="Normal operation to fit on.", show_default="the first part"),
    ] = None,
    trained: Annotated[
        float, typer.Option(metavar="SHARE", help="First part of each recording to fit on.", min=0.01, max=0.99)
    ] = 0.4,
    label: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Above 0 = anomalous.", show_default="anomaly, label, is_anomaly, fault"),
    ] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Columns start and end of each event, instead of a label.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(metavar="skab|nab|tep|fccu", help="Judge the product on a public board's folder.")
    ] = None,
    gateway: Annotated[
        Path | None, typer.Option("--gateway", metavar="GATEWAY.TOML", help="For tags, windows and features.")
    ] = None,
    asset: Annotated[
        list[str] | None,
        typer.Option(help="Repeat for several.", show_default="the only one", autocompletion=assets),
    ] = None,
    features: FeaturesOption = None,
    window: WindowOption = None,
    every: EveryOption = None,
    budget: BudgetOption = 1.0,
    follow: FollowOption = True,
    column: ColumnOption = None,
    as_json: JsonOption = False,
    explain: Annotated[bool, typer.Option("--explain", help="Definition and source of every figure.")] = False,
) -> None:
    """Tell how good a model is: rows, events, delay, false alarms a day, NAB, VUS-PR, beside what knows nothing.

    Example: sluicegate evaluate week.csv --label fault --bundle models/pump
    """
    from edge_gateway.commands.evaluate import evaluate_command, explain_command, protocol_tables

    if not source:
        if explain:
            raise typer.Exit(explain_command())
        raise typer.BadParameter("name at least one recording", param_hint="RECORDING")
    if protocol is not None:
        name, folder = protocol, source[0]
        raise typer.Exit(
            evaluate_command(lambda told: protocol_tables(name, folder, told), json=as_json, explain=explain)
        )
    from edge_gateway.commands.columns import columns_of
    from edge_gateway.evaluation.recorded import EvaluateWish
    from edge_gateway.evaluation.recorded import evaluate as judge
    from edge_gateway.training import TrainWish

    reading = TrainWish(
        source[0],
        tuple(asset or ()),
        gateway,
        detector=detector,
        features=features,
        window=window,
        every=every,
        budget_per_day=budget,
        follow=follow,
        columns=columns_of(column),
    )
    wish = EvaluateWish(tuple(source), reading, bundle, fit, trained, label, events)
    raise typer.Exit(evaluate_command(lambda told: [judge(wish, told)], json=as_json, explain=explain))
