"""`sluicegate model keygen`, `sign`, `verify`: who vouches for a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from edge_gateway.commands.model_site import find_models, named_version, ready
from edge_gateway.commands.show import printable
from edge_gateway.exit_codes import Exit
from models.bundle import SIGNATURE, sign_bundle
from models.signature import TrustedKeys, make_key, public_text, read_key


def keygen(path: Path) -> int:
    """Make a key pair.

    Raises:
        KeyRefused: There is something already, or it cannot be written.
    """
    key = make_key(path)
    typer.echo(f"Private key, readable by you alone: {printable(str(path))}. Keep it off the gateways. On them:\n")
    typer.echo(f'[models]\ntrusted_keys = ["{public_text(key)}"]')
    return Exit.OK


def sign(bundle: Path, key: Path) -> int:
    """Sign a bundle.

    Raises:
        KeyRefused: The key cannot be used.
        BundleRejected: The bundle is not whole.
    """
    private = read_key(key)
    manifest = sign_bundle(bundle, private.sign)
    typer.echo(f"{manifest.model} is signed; public key {public_text(private)}")
    return Exit.OK


def verify(config: Path, which: str, *, as_json: bool) -> int:
    """Look at a bundle, in a folder or in the store, as the gateway would before it serves it.

    Raises:
        ModelError: It would be refused.
    """
    from models.onnx_scorer import OnnxScorer  # noqa: PLC0415 - the engine

    site = find_models(config)
    folder = Path(which)
    if folder.is_dir():
        manifest = OnnxScorer.load(folder, site.store.keys).manifest
    else:
        name, version = named_version(which)
        manifest, folder = ready(site, name, version), site.store.folder(name, version)
    if as_json:
        facts = {"model": manifest.model, "counter": manifest.counter, "bundle": str(folder)}
        typer.echo(json.dumps({**facts, "ok": True, "signature": signed(folder, site.store.keys)}, indent=2))
        return Exit.OK
    typer.echo(printable(f"{manifest.model}: ok, counter {manifest.counter}, {signed(folder, site.store.keys)}"))
    return Exit.OK


def signed(folder: Path, keys: TrustedKeys) -> str:
    """What can be said of the signature of a bundle that passed."""
    if keys:
        return "signed by a trusted key"
    has = (folder / SIGNATURE).exists()
    return "signed, and [models] trusted_keys has no key to judge it by" if has else "not signed"
