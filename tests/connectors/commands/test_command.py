from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from connectors.commands.command import Action, Command, decode_command
from connectors.samples import Notice, NoticeKind

SHELVE = Command(
    action=Action.SHELVE, asset="pump-1", alarm="anomaly", at=5, by="operator-1", comment='"<&>\n', until=9
)
PLAIN = {"action": "acknowledge", "asset": "pump-1", "alarm": "*", "at": 5, "by": "operator-1"}


def test_comes_back_from_its_file() -> None:
    assert decode_command(SHELVE.encode()) == SHELVE
    assert decode_command(json.dumps(PLAIN).encode()).comment == ""


def test_as_a_notice() -> None:
    assert SHELVE.notice() == Notice(
        NoticeKind.COMMAND, "pump-1", "shelve", 5, 9, 0, "operator-1", SHELVE.notice().detail
    )
    assert json.loads(SHELVE.notice().detail) == {"alarm": "anomaly", "comment": '"<&>\n'}
    assert decode_command(json.dumps(PLAIN).encode()).notice().end == 5
    named = decode_command(json.dumps({**PLAIN, "alert": "4f2a"}).encode()).notice()
    assert json.loads(named.detail)["alert"] == "4f2a"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"asset": ""}, "asset = ''"),
        ({"asset": "a\x1b[2J"}, "asset = 'a\\x1b[2J': must be 1 to 200 printable characters"),
        ({"alarm": "x" * 201}, "must be 1 to 200 printable characters"),
        ({"by": None}, "by = None"),
        ({"comment": "x" * 1001}, "must be a text of at most 1000 characters"),
        ({"comment": "\ud800"}, "must be a text"),
        ({"at": 0}, "at = 0"),
        ({"at": True}, "at = True"),
        ({"at": 2**63}, "must be a time in ns"),
        ({"until": 9}, "until = 9: says nothing for acknowledge; leave it out"),
        ({"action": "shelve"}, "until = 0: must be later than the asking"),
        ({"action": "shelve", "until": 5}, "until = 5"),
        ({"action": "erase"}, "erase"),
        ({"action": None}, "None"),
        ({"alert": 7}, "alert = 7: must be at most 200 printable characters"),
        ({"alert": "\x1b"}, "write the id of an alert"),
        ({"other": 1}, "is no command"),
    ],
)
def test_refuses_what_cannot_be(change: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - told is looked for below
        decode_command(json.dumps({**PLAIN, **change}).encode())
    assert told in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b"{}", b"\xff\xfe", b'{"action":', b"[" * 100_000])
def test_refuses_what_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode_command(data)


@pytest.mark.parametrize("field", list(asdict(SHELVE))[1:5])
def test_refuses_what_lacks_a_field(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        decode_command(json.dumps({name: value for name, value in PLAIN.items() if name != field}).encode())
