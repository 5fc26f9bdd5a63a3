"""`sluicegate model push`: a bundle, signed, to where gateways fetch it."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from edge_gateway.commands.model_place import Address, note_in_index, open_address
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from models.bundle import MANIFEST, MAX_BYTES, SIGNATURE
from models.channel import bundle_key
from models.onnx_scorer import OnnxScorer
from models.safe_files import read_file
from models.signature import public_text, read_key


def push(bundle: Path, address: Address, key: Path, *, as_json: bool) -> int:
    """Check a bundle as a gateway would, sign it, write it: the manifest last, so that a version is whole or not there.

    Raises:
        ModelError: The key or the bundle cannot be used.
        DeliveryError: It does not lie there, or another bundle does under this version.
    """
    private, shelf = read_key(key), open_address(address)
    manifest = OnnxScorer.load(bundle).manifest
    files = {entry.name: read_file(bundle / entry.name, MAX_BYTES[entry.name]) for entry in manifest.files}
    signed = read_file(bundle / MANIFEST, MAX_BYTES[MANIFEST])
    files |= {SIGNATURE: private.sign(signed), MANIFEST: signed}
    repeats = [
        shelf.put(bundle_key(manifest.name, manifest.version, name), data).repeat for name, data in files.items()
    ]
    note_in_index(shelf, manifest.name, "versions", manifest.version)
    size = sum(map(len, files.values()))
    if as_json:
        told = {"model": manifest.model, "to": shelf.name, "files": len(files), "bytes": size, "repeat": all(repeats)}
        typer.echo(json.dumps({**told, "counter": manifest.counter, "signed_by": public_text(private)}))
        return Exit.OK
    there = "lay there already" if all(repeats) else f"{len(files)} files, {size:,} bytes"
    typer.echo(printable(f"{manifest.model} is in {shelf.name}: {there}; signed by {public_text(private)}"))
    typer.echo(
        printable(f"No gateway takes it yet. Next: sluicegate model promote {manifest.model} --to ... --key ...")
    )
    return Exit.OK
