"""What `sluicegate check` and a start look at in models, and what `check` says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from edge_gateway.config.config import Config
from edge_gateway.config.problems import Problem
from edge_gateway.model_fit import assets_of, misfits, store_of
from models.life.record import Lives

if TYPE_CHECKING:
    from models.features import FeatureSet


def model_problems(config: Config, *, deep: bool) -> Iterator[Problem]:
    """A model that was made for something else would judge, and be wrong: this is looked at before every start.

    Args:
        config: Of the gateway.
        deep: Verify all of a bundle, and the versions of named models; `check` does.
    """
    from models.bundle import read_manifest, verify_bundle  # noqa: PLC0415 - only where a bundle is named
    from models.errors import ModelError  # noqa: PLC0415

    features = _features(config, deep=deep) if config.model else None
    keys = config.models.keys()
    posts: dict[tuple[str, str], int] = {}
    for number, model in enumerate(config.model):
        if model.bundle is None:
            if deep:  # a starting gateway rolls back a version that does not fit
                yield from _stored(config, f"model[{number}].name", str(model.name), features)
            continue
        key, value = f"model[{number}].bundle", f'"{model.bundle}"'
        if not (model.bundle / "manifest.json").is_file():
            fix = "Train one with `sluicegate train`, or copy it there."
            yield Problem(key, value, "is not a bundle folder", fix)
            continue
        try:
            manifest = (verify_bundle if deep else read_manifest)(model.bundle, keys)
        except ModelError as error:
            if deep:  # a starting gateway goes on without it; the flow tells it, and so does a data_quality alert
                yield Problem(key, value, str(error).rstrip("."), "")
            continue
        yield from (Problem(key, value, *misfit) for misfit in misfits(config, model.assets, manifest, features))
        for asset in model.assets:
            if (before := posts.setdefault((asset, manifest.model), number)) != number:
                rule = f"is {manifest.model}, which model[{before}] has put on asset {asset} already"
                yield Problem(key, value, rule, "Leave one of them out; a version is active or a shadow, not both.")


def scored_by(config: Config) -> dict[str, str]:
    """From each asset to what scores it, in words."""
    lives = store_of(config).read() if any(model.name for model in config.model) else Lives()
    told: dict[str, list[str]] = {}
    for model in config.model:
        said = model.bundle.name if model.bundle is not None else _state(lives, str(model.name))
        said += " as a shadow" if model.shadow else ""
        for asset in model.assets:
            told.setdefault(asset, []).append(said)
    return {asset: ", ".join(said) for asset, said in told.items()}


def unsigned(config: Config) -> Iterator[Text]:
    """Said as long as it is so: it is fine on a gateway that serves only what was trained on it."""
    if config.model and not config.models.trusted_keys:
        rule = "whoever can write the folder of a bundle decides what is served"
        yield Text(f"models: no [models] trusted_keys, so bundles may be unsigned: {rule}\n", "yellow")


def _stored(config: Config, key: str, name: str, features: FeatureSet | None) -> Iterator[Problem]:
    """The versions that serve, of a model in the data folder. That none is active yet is no problem."""
    from models.bundle import verify_bundle  # noqa: PLC0415 - as above
    from models.errors import ModelError  # noqa: PLC0415

    store = store_of(config)
    try:
        life = store.read().of(name)
        for version in filter(None, (life.active, life.shadow)):
            value = f'"{name}@{version}"'
            manifest = verify_bundle(store.folder(name, version), store.keys)
            assets = assets_of(config, name)
            yield from (Problem(key, value, *misfit) for misfit in misfits(config, assets, manifest, features))
    except ModelError as error:
        yield Problem(key, f'"{name}"', str(error).rstrip("."), "")


def _state(lives: Lives, name: str) -> str:
    life = lives.of(name)
    if life.active is None:
        return f"{name} (no version is active yet: `sluicegate model promote`)"
    return f"{name}@{life.active}" + (f", {name}@{life.shadow} as a shadow" if life.shadow else "")


def _features(config: Config, *, deep: bool) -> FeatureSet | None:
    """None where it cannot be told here: a user's module is imported by `check` and by the flow, which looks again."""
    from edge_gateway.flow_file import FlowRejected, load_features  # noqa: PLC0415 - imports Bytewax

    if config.features.module is not None and not deep:
        return None
    try:
        return load_features(config.features)
    except FlowRejected:  # told by `_deep`
        return None
