"""`sluicegate model` over a real store, with the gateway stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundles import CONFIG, make_bundle
from click.testing import Result
from typer.testing import CliRunner

from edge_gateway.cli import app
from models.bundle import MODEL, SIGNATURE
from models.life.agreement import Agreement
from models.life.store import ModelStore

Sluicegate = Callable[..., Result]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bundles")
    return {version: make_bundle(folder / version, version, seed=int(version)) for version in ("1", "2", "3")}


@pytest.fixture
def sluicegate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sluicegate:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "data")


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def refused(result: Result, code: int = 1) -> str:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def served(sluicegate: Sluicegate, made: dict[str, Path]) -> None:
    """Version 1 is active, 2 its shadow, 3 stored."""
    for version in ("1", "2", "3"):
        done(sluicegate("model", "add", made[version], "--by", "anna"))
    done(sluicegate("model", "promote", "press@1", "--by", "anna"))
    done(sluicegate("model", "shadow", "press@2", "--by", "anna"))


def compared(store: ModelStore, windows: int, **more: Any) -> None:
    agreement = Agreement("press@2", "press@1", **more)
    scores = np.linspace(0.1, 0.9, windows)
    scores[-1] = 2.0
    agreement.add("mill", np.arange(windows) * 10**9 + 1, np.minimum(scores, 0.99), scores)
    store.keep_agreement("press", "2", agreement.encode())


def states(sluicegate: Sluicegate) -> dict[str, str]:
    listed = json.loads(done(sluicegate("model", "list", "--json")))
    return {row["version"]: row["state"] for row in listed}


def test_from_a_folder_to_the_active_version(sluicegate: Sluicegate, made: dict[str, Path], store: ModelStore) -> None:
    told = done(sluicegate("model", "add", made["1"]))
    assert "press@1 is in the store" in told
    assert "Next: sluicegate model promote press@1" in told
    told = done(sluicegate("model", "promote", "press@1"))
    assert "takes effect at its next start" in told
    served_by = done(sluicegate("check", "gateway.toml"))
    assert "press@1" in served_by
    assert "bundles may be unsigned" in served_by
    assert states(sluicegate) == {"1": "active"}


def test_a_shadow_is_promoted_when_it_has_shown_enough(
    sluicegate: Sluicegate, made: dict[str, Path], store: ModelStore
) -> None:
    served(sluicegate, made)
    assert states(sluicegate) == {"1": "active", "2": "shadow", "3": "stored"}
    assert "press@2 as a shadow" in done(sluicegate("check", "gateway.toml"))
    assert "has judged 0 windows of the 50" in refused(sluicegate("model", "promote", "press"))
    compared(store, 49)
    assert "has judged 49 windows" in refused(sluicegate("model", "promote", "press@2"))
    compared(store, 50)
    assert "rollback press` goes back to 1" in done(sluicegate("model", "promote", "press", "--by", "anna"))
    assert states(sluicegate) == {"1": "previous", "2": "active", "3": "stored"}


def test_a_shadow_with_errors_is_promoted_only_by_force(
    sluicegate: Sluicegate, made: dict[str, Path], store: ModelStore
) -> None:
    served(sluicegate, made)
    compared(store, 50, errors=1, last_error="it took 2 s")
    assert "failed 1 times (last: it took 2 s)" in refused(sluicegate("model", "promote", "press"))
    assert "without a reason" in refused(sluicegate("model", "promote", "press", "--force"))
    done(sluicegate("model", "promote", "press", "--force", "--reason", "That was the disk."))
    assert store.read().changes[-1].why == "That was the disk."


def test_figures_of_another_comparison_do_not_count(
    sluicegate: Sluicegate, made: dict[str, Path], store: ModelStore
) -> None:
    served(sluicegate, made)
    agreement = Agreement("press@2", "press@0", windows=1000)
    store.keep_agreement("press", "2", agreement.encode())
    assert "has judged 0 windows" in refused(sluicegate("model", "promote", "press"))


def test_what_it_was_compared_with_is_shown(sluicegate: Sluicegate, made: dict[str, Path], store: ModelStore) -> None:
    served(sluicegate, made)
    compared(store, 100)
    shown = done(sluicegate("model", "show", "press"))
    for words in (
        "press@2 beside press@1: 100 windows",
        "alarm differs in           1.00%",
        "shadow alone 1",
        "rank correlation of scores 1.000",
        "press@1 promoted by anna",
    ):
        assert words in shown
    facts = json.loads(done(sluicegate("model", "show", "press", "--json")))
    assert [row["version"] for row in facts["versions"]] == ["1", "2", "3"]
    assert facts["versions"][1]["figures"]["windows"] == 100
    assert facts["shadow_scores"][-1] == {"asset": "mill", "end": 99 * 10**9 + 1, "active": 0.99, "shadow": 2.0}
    listed = done(sluicegate("model", "list"))
    assert "press@2\tshadow" in listed
    assert "1.00%" in listed


def test_a_roll_back_and_what_follows(sluicegate: Sluicegate, made: dict[str, Path], store: ModelStore) -> None:
    served(sluicegate, made)
    assert "no version to go back to" in refused(sluicegate("model", "rollback", "press"))
    done(sluicegate("model", "promote", "press@2", "--force", "--reason", "test"))
    done(sluicegate("model", "rollback", "press", "--reason", "It cried wolf.", "--by", "anna"))
    assert states(sluicegate) == {"1": "active", "2": "failed", "3": "stored"}
    assert "It cried wolf." in done(sluicegate("model", "list"))
    assert "failed before: It cried wolf." in refused(sluicegate("model", "shadow", "press@2"))
    done(sluicegate("model", "shadow", "press@2", "--force", "--reason", "Once more."))


def test_b5_a_damaged_version_is_not_gone_back_to(
    sluicegate: Sluicegate, made: dict[str, Path], store: ModelStore
) -> None:
    served(sluicegate, made)
    done(sluicegate("model", "promote", "press@2", "--force", "--reason", "test"))
    (store.folder("press", "1") / MODEL).write_bytes(b"x")
    assert "SHA-256" in refused(sluicegate("model", "rollback", "press"))
    assert states(sluicegate)["2"] == "active"
    assert "SHA-256" in refused(sluicegate("model", "verify", "press@1"))


def test_a_shadow_is_ended(sluicegate: Sluicegate, made: dict[str, Path]) -> None:
    served(sluicegate, made)
    done(sluicegate("model", "shadow", "press", "--off"))
    assert states(sluicegate)["2"] == "stored"
    assert "has no shadow" in refused(sluicegate("model", "shadow", "press", "--off"))


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (("promote", "press@9"), "is not in the store", 1),
        (("promote", "press"), "has no shadow to promote", 2),
        (("promote", "../x@1"), "first a letter or digit", 1),
        (("shadow", "press"), "names no version", 2),
        (("verify", "press"), "names no version", 2),
        (("verify", "press@9"), "is not in the store", 1),
        (("show", "nobody"), "is not in the store", 2),
        (("add", "nowhere"), "cannot be read", 1),
        (("sign", "nowhere", "--key", "nokey"), "cannot be read", 1),
        (("list", "--gateway", "none.toml"), "none.toml", 2),
    ],
)
def test_what_cannot_be_is_told(sluicegate: Sluicegate, words: tuple[str, ...], told: str, code: int) -> None:
    assert told in refused(sluicegate("model", *words), code)


def test_a_model_that_does_not_fit_is_not_promoted(
    sluicegate: Sluicegate, made: dict[str, Path], tmp_path: Path
) -> None:
    done(sluicegate("model", "add", made["1"]))
    (tmp_path / "gateway.toml").write_text(CONFIG.replace('length = "2s"', 'length = "4s"'))
    assert "was trained on windows of 2s every 1s" in refused(sluicegate("model", "promote", "press@1"))
    (tmp_path / "gateway.toml").write_text(CONFIG.replace('"std", "max"', '"std", "min"'))
    assert "was trained on feature set" in refused(sluicegate("model", "promote", "press@1"))
    (tmp_path / "gateway.toml").write_text(CONFIG.replace('tag = "power"', 'tag = "speed"'))
    assert "needs tags that asset mill lacks: power" in refused(sluicegate("model", "promote", "press@1"))


def test_a_model_that_no_table_names_is_told(sluicegate: Sluicegate, made: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG.replace('name = "press"', 'name = "other"'))
    assert 'no [[model]] table has name = "press"' in done(sluicegate("model", "add", made["1"]))
    assert "other (no version is active yet" in done(sluicegate("check", "gateway.toml"))


def test_d1_with_keys_only_what_they_signed_is_let_in(
    sluicegate: Sluicegate, made: dict[str, Path], tmp_path: Path, store: ModelStore
) -> None:
    line = done(sluicegate("model", "keygen", "key.pem")).splitlines()[-1]
    (tmp_path / "gateway.toml").write_text(CONFIG.replace("[models]", f"[models]\n{line}"))
    bundle = shutil.copytree(made["1"], tmp_path / "press")
    assert "it is not signed" in refused(sluicegate("model", "add", bundle))
    done(sluicegate("model", "keygen", "other.pem"))
    done(sluicegate("model", "sign", bundle, "--key", "other.pem"))
    assert "none of [models] trusted_keys signed" in refused(sluicegate("model", "add", bundle))
    assert "is signed" in done(sluicegate("model", "sign", bundle, "--key", "key.pem"))
    assert "signed by a trusted key" in done(sluicegate("model", "verify", bundle))
    done(sluicegate("model", "add", bundle))
    done(sluicegate("model", "promote", "press@1"))
    assert "unsigned" not in done(sluicegate("check", "gateway.toml"))
    (store.folder("press", "1") / SIGNATURE).unlink()
    assert "it is not signed" in refused(sluicegate("check", "gateway.toml"), 2)
    assert "it is not signed" in done(sluicegate("model", "list"))
    assert "is there already" in refused(sluicegate("model", "keygen", "key.pem"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[models]", '[models]\ntrusted_keys = ["x"]', "is no Ed25519 public key"),
        ("[models]", f"[models]\ntrusted_keys = {['A' * 43 + '='] * 3}", "trusted_keys"),
        ('name = "press"', 'name = "press"\nbundle = "x"', "needs either bundle or name"),
        ('name = "press"', "", "needs either bundle or name"),
        ("shadow_windows = 50", "shadow_windows = 0", "must be at least 1"),
    ],
)
def test_a_wrong_configuration_is_told(sluicegate: Sluicegate, tmp_path: Path, old: str, new: str, told: str) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG.replace(old, new))
    assert told in refused(sluicegate("model", "list"), 2)


def test_a_damaged_record_is_told(sluicegate: Sluicegate, store: ModelStore) -> None:
    store.root.mkdir()
    store.file.write_bytes(b"{}")
    assert "schema = None" in refused(sluicegate("model", "list"))
    assert "schema = None" in refused(sluicegate("check", "gateway.toml"), 2)
