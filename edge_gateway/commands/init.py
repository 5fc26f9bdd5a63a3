"""`sluicegate init`: a folder with a gateway.toml that runs as it is against a simulated plant."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from shlex import quote

import typer

from edge_gateway.commands.refusal import Refusal
from edge_gateway.exit_codes import Exit

CONFIG, MAP, SIMULATOR, TRUSTED = "gateway.toml", "maps/energy-meter.csv", "simulator", "trusted"
DEFAULT_PORT = 48_400  # and the next; nobody has registered them


@dataclass(frozen=True, slots=True)
class InitWish:
    """What is asked for; see `register_start.py`.

    Attributes:
        template: Name of a scenery of the simulator.
        folder: Where to write.
        port: First of the two ports of the simulator, see `ports`.
        as_json: Machine-readable.
    """

    template: str
    folder: Path
    port: int
    as_json: bool


def ports(first: int) -> tuple[int, int]:
    """OPC-UA and Modbus port of a simulated plant."""
    return first, first + 1


def init(wish: InitWish) -> int:
    """Write the files and tell what to do next.

    Returns:
        An `Exit` code: CONFIG if one of the files is there already; then nothing was written.
    """
    texts = template_files(wish.template, wish.port)
    try:
        for name in texts:
            if (file := wish.folder / name).exists():
                fix = "Name another folder, or remove the file: nothing is ever overwritten."
                raise Refusal("FOLDER", str(file), "is there already", fix)
        written = _write(wish, texts)
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        return refusal.exit_code
    except OSError as error:
        typer.echo(str(Refusal(str(error.filename or wish.folder), None, f"failed: {error.strerror}", "")), err=True)
        return Exit.CONFIG
    _tell(wish, written)
    return Exit.OK


def template_files(template: str, port: int) -> Mapping[str, str]:
    """Relative path and text of each file of a template; certificates aside. Pure but for the package's own files."""
    opcua, modbus = ports(port)
    text = (files("edge_gateway") / "templates" / f"{template}.toml").read_text(encoding="utf-8")
    texts = {CONFIG: text.replace("{{opcua_port}}", str(opcua)).replace("{{modbus_port}}", str(modbus))}
    return texts | ({MAP: _meter_map()} if MAP in text else {})


def _meter_map() -> str:
    from connectors.simulator.meters import MAP as ROWS  # noqa: PLC0415 - for this template only

    return "tag,address,unit\n" + "".join(f"{tag},{address},{unit}\n" for tag, address, unit in ROWS)


def _write(wish: InitWish, texts: Mapping[str, str]) -> list[Path]:
    written = []
    for name, text in texts.items():
        file = wish.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
        written.append(file)
    (wish.folder / "cloud").mkdir(exist_ok=True)  # a target that is not there would be waited for
    if TRUSTED in texts[CONFIG]:
        from connectors.simulator.identity import identity  # noqa: PLC0415 - for these templates only

        certificate, _ = identity(wish.folder / SIMULATOR)
        trusted = wish.folder / TRUSTED / f"{SIMULATOR}.der"
        trusted.parent.mkdir(exist_ok=True)
        shutil.copyfile(certificate, trusted)
        written += [certificate, trusted]
    return written


def _tell(wish: InitWish, written: list[Path]) -> None:
    port = "" if wish.port == DEFAULT_PORT else f" --port {wish.port}"
    steps = [
        (f"sluicegate simulate {wish.template}{port}", "the plant, in another terminal; Ctrl-C ends it"),
        (f"sluicegate check {CONFIG} --connect", "asks every source for one value of each tag"),
        (f"sluicegate run {CONFIG}", "windows, alerts and summaries; http://127.0.0.1:8686 shows them"),
    ]
    if wish.folder.resolve() != Path.cwd():
        steps.insert(0, (f"cd {quote(str(wish.folder))}", "here and in the other terminal"))
    if wish.as_json:
        told = {"written": [str(file) for file in written], "next": [command for command, _ in steps]}
        typer.echo(json.dumps(told, indent=2))
        return
    for file in written:
        typer.echo(f"written: {file}")
    typer.echo("\nNext:")
    width = max(len(command) for command, _ in steps)
    for command, meaning in steps:
        typer.echo(f"  {command:{width}}  # {meaning}")
