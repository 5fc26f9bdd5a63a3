"""What differs, and what that asks of whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_texts import HEAD, kept, link, rule

import edge_gateway
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.reload.changes import Changes, changes
from edge_gateway.reload.effects import EFFECTS, effect_of, table
from edge_gateway.reload.in_force import InForce, digests

ROOM = Path(edge_gateway.__file__).parent
PUMP, FAN = link("one", "pump"), link("two", "fan")


def differing(found: Changes) -> dict[str, str]:
    return {part.name: part.what for part in found.parts if part.what != "unchanged"}


def test_every_key_has_an_effect_and_the_document_shows_it() -> None:
    for name, field in Config.model_fields.items():
        keys = getattr(field.annotation, "model_fields", {})
        assert name in EFFECTS or {f"{name}.{key}" for key in keys} <= EFFECTS.keys(), f"say what [{name}] does"
        effect_of(f"{name}.{next(iter(keys), '')}")
    for key in EFFECTS:
        section, _, inner = key.partition(".")
        assert section in Config.model_fields
        assert not inner or inner in Config.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
    assert table() in (ROOM / "RELOAD.md").read_text(), "python -m edge_gateway.reload.effects"


def test_the_same_again_is_nothing(tmp_path: Path) -> None:
    old, new = kept(tmp_path, PUMP, FAN, rule("pump")), kept(tmp_path, PUMP, FAN, rule("pump"))
    assert changes(old, new).nothing


@pytest.mark.parametrize(
    ("after", "parts", "live"),
    [
        ((PUMP,), {"link two": "removed"}, ("acquire", "flow")),
        ((PUMP, FAN, link("three", "mill")), {"link three": "added"}, ("acquire", "flow")),
        ((PUMP, link("two", "fan", port=10)), {"link two": "changed"}, ("acquire", "flow")),
        ((PUMP, FAN, rule("pump")), {"rules": "changed"}, ("flow",)),
        # A further tag of the pump stands in the pump's table, which the other link fills as well
        (
            (PUMP, link("two", "fan") + link("three", "pump", "head")),
            {"link one": "changed", "link three": "added"},
            (),
        ),
    ],
)
def test_only_what_differs_is_named(
    tmp_path: Path, after: tuple[str, ...], parts: dict[str, str], live: tuple[str, ...]
) -> None:
    found = changes(kept(tmp_path, PUMP, FAN), kept(tmp_path, *after))
    assert differing(found) == parts
    assert found.live == live or not live
    assert found.restarts == ()


@pytest.mark.parametrize(
    ("text", "key", "roles"),
    [
        ('[windows]\nlength = "7s"\n', "windows", ("flow",)),
        ('[features]\nset = "irregular"\n', "features", ("flow",)),
        ('[drift]\nperiod = "2d"\n', "drift", ("flow",)),
        ('[journal]\nquota = "1 GiB"\n', "journal", ("acquire",)),
        ('[outbox]\nquota = "1 GiB"\n', "outbox", ("flow", "deliver")),
        ('[uplink]\ndaily_budget = "20 MB"\n', "uplink", ("deliver",)),
        ("[page]\nport = 8687\n", "page", ("page",)),
    ],
)
def test_what_needs_a_process_started_again_names_it(
    tmp_path: Path, text: str, key: str, roles: tuple[str, ...]
) -> None:
    found = changes(kept(tmp_path, PUMP), kept(tmp_path, PUMP, text))
    assert differing(found) == {key: "restarted"}
    assert found.restarts == roles
    assert not set(found.live) & set(roles)


def test_a_page_that_is_switched_off_is_not_started_again(tmp_path: Path) -> None:
    assert changes(kept(tmp_path, PUMP), kept(tmp_path, PUMP, "[page]\nenabled = false\n")).restarts == ()


@pytest.mark.parametrize("key", ["site", "name", "data"])
def test_who_the_gateway_is_cannot_change(tmp_path: Path, key: str) -> None:
    old = kept(tmp_path, PUMP)
    gateway = old.config.gateway.model_copy(update={key: "other"})
    found = changes(old, InForce(2, old.config.model_copy(update={"gateway": gateway}), old.files))
    assert found.refused == (f"gateway.{key}",)


def test_what_lies_in_a_named_file_counts_though_its_name_is_the_same(tmp_path: Path) -> None:
    for folder in ("trust", "bundle"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bundle" / "manifest.json").write_text("{}")
    (tmp_path / "password").write_text("first")
    (tmp_path / "flow.py").write_text("# first\n")
    path = tmp_path / "gateway.toml"
    path.write_text(
        HEAD.replace('data = "data"', 'data = "data"\nflow = "flow.py"')
        + '[[opcua]]\nname = "plc"\nendpoint = "opc.tcp://h:1"\nuser = "me"\npassword_file = "password"\n'
        + 'trust_folder = "trust"\n'
        + '[[opcua.tags]]\nasset = "pump"\ntag = "flow"\nnode = "nsu=urn:x;s=flow"\nsampling_interval = "1s"\n'
        + '[[model]]\nassets = ["pump"]\nbundle = "bundle"\n'
    )

    def now() -> InForce:
        config = load(path)
        return InForce(1, config, digests(config))

    before = now()
    (tmp_path / "password").write_text("second")
    assert differing(changes(before, now())) == {"link plc": "changed"}
    before = now()
    (tmp_path / "bundle" / "manifest.json").write_text("{ }")
    assert list(differing(changes(before, now())).values()) == ["changed"]
    before = now()
    (tmp_path / "flow.py").write_text("# second\n")
    found = changes(before, now())
    assert differing(found) == {"gateway.flow": "restarted"}
    assert found.restarts == ("flow",)
