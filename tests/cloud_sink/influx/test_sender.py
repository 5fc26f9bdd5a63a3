"""What becomes of lines, whatever the server says."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_sink.influx.client import Answer
from cloud_sink.influx.ring import Ring
from cloud_sink.influx.sender import HOLD_S, InfluxSender


class Server:
    """Takes lines as a function of them says."""

    def __init__(self, answer: Callable[[list[str]], Answer]) -> None:
        self.answer = answer
        self.has: list[str] = []

    def write(self, body: bytes) -> Answer:
        lines = gzip.decompress(body).decode().splitlines()
        answer = self.answer(lines)
        if answer.status == 204:
            self.has += lines
        return answer


OK = Answer(204, "")


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    one = Ring(tmp_path / "influx.db", monotonic=lambda: 0.0)
    yield one
    one.close()


def sender(ring: Ring, server: Server) -> InfluxSender:
    return InfluxSender(ring, server, uniform=lambda low, high: high)


def test_what_is_taken_is_forgotten(ring: Ring) -> None:
    server = Server(lambda _: OK)
    ring.put(["a", "b"])
    ring.put(["c"])
    sending = sender(ring, server)
    assert [sending.step(), sending.step()] == [0.0, 0.0]
    assert sending.step() > 0
    assert server.has == ["a", "b", "c"]
    assert sending.stats.written == 3


def test_an_outage_keeps_everything_and_waits_longer_each_time(ring: Ring) -> None:
    answers = [Answer(503, ""), Answer(0, "refused"), Answer(200, "<html>"), OK]
    server = Server(lambda _: answers.pop(0))
    ring.put(["a"])
    sending = sender(ring, server)
    assert [sending.step() for _ in range(4)] == [1.0, 2.0, 4.0, 0.0]
    assert server.has == ["a"]
    assert sending.stats.failures == {"server_error": 1, "unreachable": 1, "portal": 1}
    assert sending.stats.trouble == ""


def test_a_server_that_names_a_time_is_not_asked_before(ring: Ring) -> None:
    ring.put(["a"])
    assert sender(ring, Server(lambda _: Answer(429, "", "30"))).step() == 31.0


def test_wrong_credentials_hold_everything(ring: Ring) -> None:
    ring.put(["a"])
    sending = sender(ring, Server(lambda _: Answer(401, "")))
    assert sending.step() == HOLD_S
    assert ring.lines == 1


def test_a_bad_line_costs_nobody_else(ring: Ring) -> None:
    server = Server(lambda lines: Answer(400, "no") if "bad" in lines else OK)
    ring.put(["a", "b", "bad", "c", "d", "bad", "e"])
    sending = sender(ring, server)
    assert sending.step() == 0.0
    assert sorted(server.has) == ["a", "b", "c", "d", "e"]
    assert sending.stats.refused == {"refused": 2}
    assert sending.stats.written == 5
    assert ring.take() is None


def test_a_row_too_large_goes_in_parts(ring: Ring) -> None:
    server = Server(lambda lines: Answer(413, "") if len(lines) > 2 else OK)
    ring.put([*"abcdefg"])
    assert sender(ring, server).step() == 0.0
    assert sorted(server.has) == [*"abcdefg"]


def test_an_outage_in_the_middle_of_the_parts_loses_none(ring: Ring) -> None:
    def first(lines: list[str]) -> Answer:
        return Answer(413, "") if len(lines) > 2 else Answer(503, "") if "d" in lines else OK

    server = Server(first)
    ring.put([*"abcd"])
    sending = sender(ring, server)
    assert sending.step() > 0
    server.answer = lambda _: OK
    assert sending.step() == 0.0
    assert set(server.has) == {*"abcd"}


def test_a_write_in_part_counts_what_was_refused(ring: Ring) -> None:
    server = Server(lambda _: Answer(400, '{"error": "partial write: points beyond retention policy dropped=2"}'))
    ring.put([*"abc"])
    sending = sender(ring, server)
    assert sending.step() == 0.0
    assert sending.stats.refused == {"retention": 2}
    assert sending.stats.written == 1


def test_a_damaged_row_is_counted_and_stands_in_nobodys_way(ring: Ring) -> None:
    ring.put(["a", "b"])
    ring.put(["c"])
    ring._database.execute("UPDATE ring SET body = ? WHERE seq = 1", (b"broken",))

    has: list[str] = []

    class Strict:
        def write(self, body: bytes) -> Answer:
            try:
                has.extend(gzip.decompress(body).decode().splitlines())
            except OSError:
                return Answer(400, "bad gzip")
            return OK

    sending = InfluxSender(ring, Strict())
    assert [sending.step(), sending.step()] == [0.0, 0.0]
    assert has == ["c"]
    assert sending.stats.refused == {"damaged": 2}
