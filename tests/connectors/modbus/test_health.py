from __future__ import annotations

from connectors import status
from connectors.modbus.health import COST_SHARE, Ask, Health

S = 1_000_000_000


def silent(health: Health, now: int, cost: int = S // 100) -> bool:
    return health.unanswered(now, cost, status.BAD_TIMEOUT)


def test_one_lost_reply_is_no_reason_to_stop_asking() -> None:
    health = Health(S, 60 * S)
    assert not silent(health, 0)
    assert health.ask(0) is Ask.ALL
    health.answered()
    assert not silent(health, S), "the count begins anew with every answer"
    assert health.ask(S) is Ask.ALL


def test_a_unit_that_does_not_answer_is_probed_ever_less_often() -> None:
    health = Health(S, 6 * S)
    silent(health, 0)
    assert silent(health, 0), "the second one sends it into quarantine"
    now, waits = 0, []
    for _ in range(5):
        begun = now
        while health.ask(now) is Ask.NOTHING:
            now += S // 10
        assert health.ask(now) is Ask.ONE
        waits.append((now - begun) // S)
        assert not silent(health, now), "it is in quarantine already"
    assert waits == [1, 2, 4, 6, 6]


def test_a_slow_probe_never_takes_more_than_its_share_of_the_line() -> None:
    health = Health(S, 6 * S)
    for _ in range(3):
        silent(health, 0, cost=2 * S)
    assert health.ask(COST_SHARE * 2 * S - 1) is Ask.NOTHING
    assert health.ask(COST_SHARE * 2 * S) is Ask.ONE


def test_an_answer_frees_it_at_once() -> None:
    health = Health(S, 6 * S)
    silent(health, 0)
    silent(health, 0)
    assert health.answered()
    assert health.ask(0) is Ask.ALL
    assert not health.answered()


def test_a_new_line_is_reason_to_try_soon_but_not_to_forget() -> None:
    health = Health(S, 60 * S)
    silent(health, 0)
    silent(health, 0)
    silent(health, S)
    health.try_soon(S)
    assert health.ask(S) is Ask.ONE
    silent(health, S)
    assert health.ask(5 * S - 1) is Ask.NOTHING


def test_every_block_gets_its_turn_as_the_probe() -> None:
    health = Health(S, 60 * S)
    assert {health.probe(3) for _ in range(3)} == {0, 1, 2}
