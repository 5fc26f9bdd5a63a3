"""The one command: `sluicegate`. Each sub-command is thin; the work is done in the module it imports when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edge_gateway import __version__
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
from edge_gateway.commands.purposes import put_in_panels
from edge_gateway.commands.register import register
from edge_gateway.commands.register_alerts import register_alerts
from edge_gateway.commands.register_config import register_config
from edge_gateway.commands.register_evaluate import register_evaluate
from edge_gateway.commands.register_health import register_health
from edge_gateway.commands.register_models import register_models
from edge_gateway.commands.register_recordings import register_recordings
from edge_gateway.commands.register_reload import register_reload
from edge_gateway.commands.register_start import register_start
from edge_gateway.commands.register_status import register_status

app = typer.Typer(
    no_args_is_help=True,
    help="Edge gateway: OPC-UA and Modbus in, windows, features and anomaly models on site, only alerts and compact "
    "summaries out. Exit codes: 0 ok, 1 the answer is no, 2 configuration or usage, 3 the dataflow raised.",
    pretty_exceptions_enable=False,
)

LogFormat = Literal["auto", "json", "pretty"]
ConfigFile = Annotated[Path, typer.Argument(metavar="GATEWAY.TOML", help="The configuration.", show_default=False)]


def main() -> None:
    """Entry point of the `sluicegate` command."""
    app()


def _version(asked: bool) -> None:  # noqa: FBT001 - a callback's signature
    if asked:
        typer.echo(f"sluicegate {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


register_start(app)


@app.command()
def check(
    config: ConfigFile,
    connect: Annotated[
        bool, typer.Option("--connect", help="Then ask every source: certificates, limits, one value of each tag.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a configuration and all that it names; with --connect also the devices, which it only reads from.

    Exit code 2 if the configuration cannot be used, 1 if a device, a tag or a certificate is not as it should be.

    Example: sluicegate check gateway.toml --connect
    """
    from edge_gateway.commands.check_command import check_command

    raise typer.Exit(check_command(config, connect=connect, as_json=as_json))


@app.command()
def run(
    config: ConfigFile,
    only: Annotated[
        str | None, typer.Option(metavar="acquire|flow|deliver", help="Run one of the three processes by itself.")
    ] = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="With --only deliver: send everything that waits, then end.")
    ] = False,
    host: Annotated[
        str | None, typer.Option(metavar="NAME", help=r"Which host of \[cluster] this machine is.", show_default=False)
    ] = None,
    processes: Annotated[
        int, typer.Option(help="Flow processes on this machine, 1 to 32; see edge_gateway/SITES.md.", min=1, max=32)
    ] = 1,
    workers: Annotated[
        int, typer.Option("--workers-per-process", help="Threads of each flow process, 1 to 32.", min=1, max=32)
    ] = 1,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="How the log is written; else as configured.", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Real sources, the whole flow, nothing delivered; tells what came of it."),
    ] = False,
    seconds: Annotated[float, typer.Option(help="With --dry-run: how long, 1 to 86400.", min=1, max=86_400)] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: machine-readable.")] = False,
    process: Annotated[int, typer.Option("--process-id", hidden=True, min=0)] = 0,
    addresses: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; or with --dry-run only look what would come of it.

    A dry run writes nothing into the data folder and may be made while the gateway runs, but for serial lines. Its exit
    code is 1 if a tag had no good sample.

    Example: sluicegate run gateway.toml

    Example: sluicegate run gateway.toml --dry-run --seconds 60
    """
    if dry_run:
        from edge_gateway.commands.dry_run import dry_run_command

        if only is not None or drain:
            raise typer.BadParameter("--dry-run goes without --only and --drain")
        raise typer.Exit(dry_run_command(config, seconds, as_json=as_json))
    if as_json:
        raise typer.BadParameter("--json goes with --dry-run; of the log: --log-format json")
    from edge_gateway.processes.start import start
    from edge_gateway.spread import Spread

    known = tuple(addresses.split(",")) if addresses else ()
    spread = Spread(host, processes, workers, process, known)
    raise typer.Exit(start(config, only, drain=drain, spread=spread, log_format=log_format))


@app.command()
def train(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="[GATEWAY.TOML]", help="Tags, windows and features of this gateway.", show_default="the recording's"
        ),
    ] = None,
    *,
    recording: Annotated[
        Path, typer.Option("--from", help="A journal's folder, a recording (.parquet), or a table (.csv).")
    ],
    asset: Annotated[
        list[str] | None,
        typer.Option(
            help="Asset to learn from; repeat for several of one kind.",
            show_default="the only one",
            autocompletion=assets,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the bundle; must not exist.", show_default="models/ASSET")
    ] = None,
    version: Annotated[str, typer.Option(help="Version of the bundle.")] = "1",
    detector: Annotated[str, typer.Option(help="auto, or a name from models/README.md.")] = "auto",
    features: FeaturesOption = None,
    window: WindowOption = None,
    every: EveryOption = None,
    budget: BudgetOption = 1.0,
    follow: FollowOption = True,
    column: ColumnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a model on normal operation and write a bundle, windowed and featurized by the code the gateway runs.

    Example: sluicegate train gateway.toml --from data/journal --asset pump-1 --out models/pump
    """
    from edge_gateway.commands.columns import columns_of
    from edge_gateway.commands.train import train_command
    from edge_gateway.training import TrainWish

    columns, assets = columns_of(column), tuple(asset or ())
    wish = TrainWish(
        recording, assets, config, out, version, detector, features, window, every, budget, follow, columns
    )
    raise typer.Exit(train_command(wish, as_json=as_json))


register(app)
register_reload(app)
register_config(app)
register_alerts(app)
register_models(app)
register_evaluate(app)
register_health(app)
register_recordings(app)
register_status(app)


@app.command()
def demo(
    seconds: Annotated[
        float,
        typer.Option(
            help="Length of the live part, 10 to 600; each step still waits for what it shows.", min=10, max=600
        ),
    ] = 80,
    fault: Annotated[str, typer.Option(help="Fault to inject; --fault list shows all.")] = "bearing_wear",
    seed: Annotated[int, typer.Option(help="Seed of the plant.")] = 1,
    report: Annotated[Path | None, typer.Option(help="Where to write report.json; default in --folder.")] = None,
    folder: Annotated[Path, typer.Option(help="Where everything is kept; emptied first.")] = Path("var/demo"),
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Plain lines instead of the living screen.")] = False,
    also: Annotated[
        Path | None, typer.Option(help="TOML to add to the demo's gateway.toml, such as an influx table.")
    ] = None,
    grafana: Annotated[
        bool, typer.Option("--grafana", help="With InfluxDB and Grafana in containers, or how to do without.")
    ] = False,
) -> None:
    """Watch the whole job on a simulated pump station served over real OPC-UA and Modbus, in under two minutes.

    Example: sluicegate demo --fault drift
    """
    from edge_gateway.demo.command import DemoOptions, run_demo

    if grafana:
        from edge_gateway.demo.grafana import demo_in_containers

        raise typer.Exit(demo_in_containers(Path("var/secrets")))
    options = DemoOptions(seconds, fault, seed, report or folder / "report.json", folder, also)
    raise typer.Exit(run_demo(options, live=not no_ui))


put_in_panels(app)
