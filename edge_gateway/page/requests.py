"""What may be asked through the page: an alarm acknowledged, shelved, unshelved or reset; with the token only."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from connectors.commands.command import Action, Command

MOST_BODY = 4096
_SHORTEST_S, _LONGEST_S = 60, 30 * 86_400
_KEYS = {"action", "asset", "alarm", "alert", "comment", "by", "shelve_s"}


def own_token(path: Path) -> str:
    """The token in a file that only this user can read; made where it is missing.

    Raises:
        OSError: It cannot be read or made.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        token = secrets.token_urlsafe(24)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(token + "\n")
        return token


def is_token(given: str, token: str) -> bool:
    """Whether an Authorization header carries the token; takes as long for a wrong one."""
    return bool(token) and secrets.compare_digest(given.encode(), f"Bearer {token}".encode())


def read_command(body: bytes, now: int | None = None) -> Command:
    """From the body of a request.

    Args:
        body: JSON: action, asset, alarm, by; alert (id of the opening), comment, shelve_s (60 to 2592000).
        now: Wall clock, ns; None = by the clock.

    Raises:
        ValueError: It asks for nothing that can be; names key, value, rule and fix.
    """
    at = time.time_ns() if now is None else now
    try:
        asked = json.loads(body)
    except RecursionError:
        msg = "body: is nested too deep"
        raise ValueError(msg) from None
    if not isinstance(asked, dict) or (unknown := set(asked) - _KEYS):
        msg = f"body: must be an object of {', '.join(sorted(_KEYS))}" + (
            f"; not {unknown}" if isinstance(asked, dict) else ""
        )
        raise ValueError(msg)
    try:
        action = Action(str(asked.get("action")))
    except ValueError as error:
        msg = f"action = {asked.get('action')!r}: must be one of {', '.join(Action)}"
        raise ValueError(msg) from error
    return Command(
        action=action,
        asset=asked.get("asset", ""),
        alarm=asked.get("alarm", ""),
        at=at,
        by=asked.get("by", ""),
        comment=asked.get("comment", ""),
        until=at + _shelf(asked) * 10**9 if action is Action.SHELVE else 0,
        alert=asked.get("alert", "") if action in {Action.ACKNOWLEDGE, Action.RESET} else "",
    )


def _shelf(asked: dict[str, Any]) -> int:
    seconds = asked.get("shelve_s")
    if type(seconds) is not int or not _SHORTEST_S <= seconds <= _LONGEST_S:
        msg = f"shelve_s = {seconds!r}: must be a whole number of seconds, {_SHORTEST_S} to {_LONGEST_S}"
        raise ValueError(msg)
    return seconds
