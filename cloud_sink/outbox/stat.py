"""What an outbox holds, for metrics, reports and people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cloud_sink.outbox.database import Database
from cloud_sink.outbox.schema import DATABASE_NAME, State
from cloud_sink.records import Account, Lane

_ACCOUNT = "account/"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in one lane.

    Attributes:
        count: Records.
        size: Bytes of their bodies.
        oldest: Event time of the record that came first, ns; 0 = nothing waits.
    """

    count: int
    size: int
    oldest: int


@dataclass(frozen=True, slots=True)
class OutboxStat:
    """A consistent look at the whole file.

    Attributes:
        backlog: By lane.
        accounts: The books of each asset, as last written by the flow.
        losses: Records that will not be delivered, by "kind/lane/reason" ("dropped/summary/outbox_quota").
        set_aside: Rows kept though they cannot be delivered (corrupt or quarantined).
        tombstones: Keys kept only so that a replay cannot bring them again.
    """

    backlog: Mapping[Lane, Backlog]
    accounts: tuple[Account, ...]
    losses: Mapping[str, int]
    set_aside: int
    tombstones: int


def read_stat(folder: Path) -> OutboxStat:
    """Look from outside, without a role and without writing; the two processes are not disturbed.

    Raises:
        OutboxError: There is no outbox, or it cannot be read.
    """
    database = Database(folder / DATABASE_NAME, read_only=True)
    try:
        return stat(database)
    finally:
        database.close()


def stat(database: Database) -> OutboxStat:
    """The same through an open connection."""
    meta = dict(
        database.execute(
            "SELECT k, v FROM meta WHERE "
            "k GLOB 'account/*' OR k GLOB 'dropped/*' OR k GLOB 'quarantined/*' OR k GLOB 'thinned/*'"
        )
    )
    rows = {(lane, state): number for lane, state, number in database.execute("SELECT lane, state, rows FROM held")}

    def total(*states: State) -> int:
        return sum(number for (_, state), number in rows.items() if state in states)

    return OutboxStat(
        {lane: backlog(database, lane) for lane in Lane},
        _accounts(database, [value for key, value in meta.items() if is_account(key)]),
        {key: count(database, key, value) for key, value in meta.items() if not is_account(key)},
        total(State.CORRUPT, State.QUARANTINED),
        total(State.DELIVERED, State.DROPPED),
    )


def backlog(database: Database, lane: Lane) -> Backlog:
    """What waits in a lane, frozen or not. Costs the same however much it is."""
    ((count, size),) = database.execute("SELECT rows, bytes FROM held WHERE lane = ? AND state = 0", (lane,))
    oldest = database.execute(
        "SELECT time FROM outbox INDEXED BY outbox_waiting WHERE lane = ? AND state = 0 ORDER BY seq LIMIT 1", (lane,)
    )
    return Backlog(count, size, oldest[0][0] if oldest else 0)


def count(database: Database, key: str, value: object) -> int:
    """A number of `meta`.

    Raises:
        OutboxDamaged: It is none.
    """
    if not isinstance(value, int):
        raise database.damaged(f"{key} is no number")
    return value


def _accounts(database: Database, values: Sequence[str]) -> tuple[Account, ...]:
    try:
        return tuple(map(decode_account, values))
    except (ValueError, TypeError, KeyError) as error:
        raise database.damaged(f"the books of an asset cannot be read: {error}") from error


def is_account(key: str) -> bool:
    """Whether a key of `meta` is that of an asset's books."""
    return key.startswith(_ACCOUNT)


def account_entry(account: Account) -> tuple[str, str]:
    """Key and value in `meta` of an asset's books."""
    return _ACCOUNT + account.asset, json.dumps(asdict(account), separators=(",", ":"))


def decode_account(value: str) -> Account:
    """Inverse of the value of `account_entry`."""
    data = json.loads(value)
    return Account(**{**data, "dropped": tuple((reason, count) for reason, count in data["dropped"])})
