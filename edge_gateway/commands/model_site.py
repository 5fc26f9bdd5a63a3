"""What the commands about models share: the store of a configuration, versions by their names, a version made ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from cloud_sink.errors import CloudSinkError
from edge_gateway.commands.refusal import Refusal
from edge_gateway.commands.show import printable
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.exit_codes import Exit
from edge_gateway.flow_file import FlowRejected, load_features
from edge_gateway.layout import Layout
from edge_gateway.model_fit import assets_of, misfits, store_of
from models.errors import BundleRejected, LifeRefused, ModelError
from models.life.agreement import Agreement, Figures
from models.life.record import Lives
from models.life.store import ModelStore
from models.manifest import Manifest


@dataclass(frozen=True, slots=True)
class ModelSite:
    """A gateway, running or not.

    Attributes:
        path: Of its configuration.
        config: The configuration.
        store: Its models.
    """

    path: Path
    config: Config
    store: ModelStore

    @property
    def layout(self) -> Layout:
        """Of its data folder."""
        return Layout(self.config.gateway.data)


def answered(work: Callable[[], int]) -> int:
    """Do the work; what is refused becomes a message and an exit code."""
    try:
        return work()
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        return refusal.exit_code
    except (ConfigRejected, FlowRejected) as rejected:
        typer.echo(str(rejected), err=True)
        return Exit.CONFIG
    except (ModelError, CloudSinkError) as error:
        typer.echo(printable(f"{error}."), err=True)
        return Exit.FAILED
    except OSError as error:  # of a folder of bundles: each command works on few files, which it names
        typer.echo(f"{error.filename}: {error.strerror}. Check path and permissions.", err=True)
        return Exit.FAILED


def find_models(path: Path) -> ModelSite:
    """Of a configuration.

    Raises:
        ConfigRejected: With all problems.
    """
    config = load(path)
    return ModelSite(path, config, store_of(config))


def split(which: str) -> tuple[str, str | None]:
    """NAME or NAME@VERSION."""
    name, _, version = which.partition("@")
    return name, version or None


def named_version(which: str) -> tuple[str, str]:
    """NAME@VERSION, both of them.

    Raises:
        Refusal: There is no version in it.
    """
    name, version = split(which)
    if version is None:
        raise Refusal("NAME@VERSION", f'"{which}"', "names no version", "`sluicegate model list` shows them.")
    return name, version


def ready(site: ModelSite, name: str, version: str) -> Manifest:
    """Look at everything that the gateway will look at, in a process that may fail.

    Signature, hashes, operators, the golden rows through the engine, and whether it fits windows, features and tags.

    Raises:
        BundleRejected: It breaks a rule.
        LifeRefused: It is not in the store, calls itself otherwise, or does not fit.
    """
    from models.onnx_scorer import OnnxScorer  # noqa: PLC0415 - the engine

    model, folder = f"{name}@{version}", site.store.folder(name, version)
    if not folder.is_dir():
        raise LifeRefused(model, "is not in the store", "`sluicegate model list` shows what is, `model add` adds")
    manifest = OnnxScorer.load(folder, site.store.keys).manifest
    if manifest.model != model:
        raise BundleRejected(folder, f"it calls itself {manifest.model}", "add it again with `sluicegate model add`")
    features = load_features(site.config.features)
    for rule, fix in misfits(site.config, assets_of(site.config, name), manifest, features):
        raise LifeRefused(model, rule, f"{fix[0].lower()}{fix[1:]}".rstrip("."))
    return manifest


def shown_by(store: ModelStore, lives: Lives, name: str, version: str) -> Agreement | None:
    """What a shadow showed beside the version that is active now; None = nothing yet."""
    agreement = store.agreement(name, version)
    return agreement if agreement and agreement.beside == f"{name}@{lives.of(name).active}" else None


def figures_of(agreement: Agreement | None) -> Figures:
    """Of nothing yet, too."""
    return agreement.figures() if agreement else Figures()
