"""The page's routes: anybody may look, nobody changes anything without the token. D4."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.commands.command import Command
from edge_gateway.page.app import make_app
from tests.edge_gateway.page.asgi import call

TOKEN = "s3cret"
ASK = {
    "action": "acknowledge",
    "asset": "pump-1",
    "alarm": "anomaly",
    "alert": "ab" * 16,
    "by": "kim",
    "comment": "seen",
}
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def posted() -> list[Command]:
    return []


@pytest.fixture
def app(posted: list[Command]) -> Any:
    return make_app(dict, lambda: None, posted.append, lambda: TOKEN, ["gw.plant"])


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/draw.js", "/uplot.js", "/uplot.css"])
def test_the_page_and_its_parts(app: Any, path: str) -> None:
    status, headers, body = call(app, path)
    assert status == 200
    assert body
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "http://" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/index.html", "/../app.py", "/..%2fapp.py", "/uplot/LICENSE", "/api", "/etc/passwd", "/.."]
)
def test_d4_no_path_leads_anywhere_else(app: Any, path: str) -> None:
    assert call(app, path)[0] == 404


def test_a_request_becomes_a_command(app: Any, posted: list[Command]) -> None:
    status, _, _ = call(app, "/api/alarms", "POST", json.dumps(ASK).encode(), AUTHORIZED)
    assert status == 202
    (command,) = posted
    assert (command.action, command.asset, command.alarm, command.alert) == (
        "acknowledge",
        "pump-1",
        "anomaly",
        "ab" * 16,
    )
    assert (command.by, command.comment, command.until) == ("kim", "seen", 0)


def test_shelving_ends_by_itself(app: Any, posted: list[Command]) -> None:
    ask = {**ASK, "action": "shelve", "shelve_s": 900}
    assert call(app, "/api/alarms", "POST", json.dumps(ask).encode(), AUTHORIZED)[0] == 202
    assert posted[0].until - posted[0].at == 900 * 10**9
    assert posted[0].alert == ""


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer s3cret2"}, {"Authorization": TOKEN}]
)
def test_d4_nothing_changes_without_the_token(app: Any, posted: list[Command], headers: dict[str, str]) -> None:
    assert call(app, "/api/alarms", "POST", json.dumps(ASK).encode(), headers)[0] == 401
    assert not posted


def test_d4_an_empty_token_opens_nothing(posted: list[Command]) -> None:
    app = make_app(dict, lambda: None, posted.append, lambda: "", [])
    assert call(app, "/api/alarms", "POST", json.dumps(ASK).encode(), {"Authorization": "Bearer "})[0] == 401


def test_d4_a_body_is_limited(app: Any, posted: list[Command]) -> None:
    assert call(app, "/api/alarms", "POST", b" " * 5000, AUTHORIZED)[0] == 413
    assert not posted


def test_d4_a_foreign_name_is_refused(app: Any) -> None:
    assert call(app, "/", headers={"host": "evil.example"})[0] == 400
    assert call(app, "/", headers={"host": "gw.plant:8686"})[0] == 200


def test_reading_is_no_way_to_change(app: Any) -> None:
    assert call(app, "/api/alarms", "GET", headers=AUTHORIZED)[0] == 405


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"action": "delete"}, "action = 'delete': must be one of acknowledge, shelve, unshelve, reset"),
        ({"by": ""}, "by = ''"),
        ({"asset": 5}, "asset = 5"),
        ({"more": 1}, "not {'more'}"),
        ({"action": "shelve"}, "shelve_s = None: must be a whole number of seconds, 60 to 2592000"),
        ({"action": "shelve", "shelve_s": True}, "shelve_s = True"),
        ({"comment": "x" * 2000}, "comment = "),
    ],
)
def test_what_cannot_be_asked_is_told(app: Any, posted: list[Command], change: dict[str, Any], told: str) -> None:
    status, _, body = call(app, "/api/alarms", "POST", json.dumps({**ASK, **change}).encode(), AUTHORIZED)
    assert status == 400
    assert told in json.loads(body)["error"]
    assert not posted


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'"x"', b"\xff"])
def test_what_is_no_request_is_told(app: Any, posted: list[Command], body: bytes) -> None:
    assert call(app, "/api/alarms", "POST", body, AUTHORIZED)[0] == 400
    assert not posted


def test_a_disk_that_is_full_is_told() -> None:
    def full(_: Command) -> None:
        raise OSError(28, "No space left on device")

    app = make_app(dict, lambda: None, full, lambda: TOKEN, [])
    status, _, body = call(app, "/api/alarms", "POST", json.dumps(ASK).encode(), AUTHORIZED)
    assert (status, json.loads(body)["error"]) == (507, "cannot be written: No space left on device")
