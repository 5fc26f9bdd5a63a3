"""What a log looks like, how loud it gets, and what libraries say in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from edge_gateway import log_repeats, logs
from edge_gateway.log_repeats import MOST, PER_S, Repeats


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = []
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_json_has_one_object_a_line_in_utc_with_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("flow")  # stderr is no terminal here
    structlog.get_logger().warning("something_happened", why="a\nb")
    (line,) = lines(capsys)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {"event": "something_happened", "why": "a\nb", "level": "warning", "process": "flow"}


def test_pretty_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("flow", "pretty")
    structlog.get_logger().warning("something_happened")
    said = capsys.readouterr().err
    assert "something_happened" in said
    assert not said.startswith("{")


def test_the_level_is_the_least_that_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("flow", "json", "error")
    structlog.get_logger().warning("not_this")
    structlog.get_logger().error("this")
    assert [line["event"] for line in lines(capsys)] == ["this"]
    logs.set_up("flow", "json", "debug")
    structlog.get_logger().debug("also_this")
    assert [line["event"] for line in lines(capsys)] == ["also_this"]


def test_libraries_speak_as_we_do_and_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("page")
    logging.getLogger("uvicorn").info("chatter")
    logging.getLogger("asyncua").error("noise")
    logging.getLogger("urllib3").warning("retry %s", 1)
    (line,) = lines(capsys)
    assert (line["event"], line["library"], line["message"]) == ("library_says", "urllib3", "retry 1")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_repeats_are_counted_and_the_count_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(logs, "Repeats", lambda: Repeats(clock))
    logs.set_up("acquire")
    log = structlog.get_logger()
    for number in range(1000):
        log.error("read_failed", driver="press", number=number)
    log.error("read_failed", driver="mill")
    log.warning("read_failed", driver="press")
    assert len(lines(capsys)) == MOST + 2, "another driver and another level are other events"
    clock.now += PER_S
    log.info("something_else")
    log.info("something_else")
    told = lines(capsys)
    assert [line["event"] for line in told] == ["log_suppressed", "something_else", "something_else"]
    assert (told[0]["of"], told[0]["count"]) == ("read_failed", 1000 - MOST)
    log.error("read_failed", driver="press", number=1)
    assert [line["number"] for line in lines(capsys)] == [1], "a new minute begins"


def test_its_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    repeats = Repeats(Clock())
    for number in range(3 * log_repeats._MOST_KEPT):
        repeats(None, "warning", {"event": "library_says", "library": str(number)})
    assert len(repeats._runs) <= log_repeats._MOST_KEPT
