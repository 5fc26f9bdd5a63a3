"""OBSERVE.md lists every metric and every log event there is, and none that is not."""

from __future__ import annotations

import ast

import pytest

from edge_gateway.observed import PAGE, event_rows, with_metrics
from tests.edge_gateway.health.log_calls import log_events, of_module

TEXT = PAGE.read_text(encoding="utf-8")


def test_every_metric_is_listed_as_it_is() -> None:
    assert with_metrics(TEXT) == TEXT, "run `python -m edge_gateway.observed`"


def test_every_log_event_is_listed_with_its_fields_and_says_what_happened_to_data() -> None:
    wanted = {key: ", ".join(sorted(fields)) for key, fields in log_events().items()}
    rows = event_rows(TEXT)
    listed = {key: fields for key, (fields, _) in rows.items()}
    assert listed == wanted, "rows to write into OBSERVE.md:\n" + "\n".join(
        f"| `{event}` | {level} | {fields} | ... |"
        for (event, level), fields in sorted(wanted.items())
        if listed.get((event, level)) != fields
    )
    assert [key for key, (_, meaning) in rows.items() if not meaning.endswith(".")] == []
    assert list(rows) == sorted(rows)


HEAD = "import structlog\nlog = structlog.get_logger(__name__)\n"


def events(text: str) -> list[tuple[str, str, set[str]]]:
    return list(of_module(ast.parse(HEAD + text), "here.py"))


def test_the_collector_sees_loggers_wherever_they_are_kept() -> None:
    assert events('log.warning("it_was_so", why=1)') == [("it_was_so", "warning", {"why"})]
    assert events('def f(x):\n    x._log = log.bind(unit=1)\n    x._log.exception("gone", exc_info=x)') == [
        ("gone", "error", {"unit"})
    ]
    assert events('log.info("much", **facts)') == [("much", "info", {"..."})]
    assert events("math.log(3)") == []


@pytest.mark.parametrize(
    "text",
    [
        'log.error(f"opcua {kind}")',
        "log.error(reason)",
        'log.error("Not a word")',
        '(log.error if bad else log.info)("either")',
        'say = log.warning\nsay("hidden")',
        'log.critical("no_such_level_here")',
    ],
)
def test_an_event_that_could_not_be_listed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"here\.py:3"):
        events(text)
