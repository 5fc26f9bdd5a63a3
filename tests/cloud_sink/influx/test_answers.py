"""What each answer means; the sentences of 1.6.7 as they came from the server."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from cloud_sink.influx.answers import Then, judge

PARTIAL = (
    'partial write: field type conflict: input field "x" on measurement "m" is type integer, '
    "already exists as type float dropped=3"
)


@pytest.mark.parametrize(
    ("status", "then", "reason"),
    [
        (204, Then.DONE, ""),
        (200, Then.RETRY, "portal"),
        (302, Then.RETRY, "portal"),
        (401, Then.HOLD, "credentials"),
        (403, Then.HOLD, "credentials"),
        (404, Then.HOLD, "database_missing"),
        (405, Then.HOLD, "protocol"),
        (413, Then.SPLIT, "too_large"),
        (429, Then.RETRY, "throttled"),
        (500, Then.RETRY, "server_error"),
        (503, Then.RETRY, "server_error"),
        (0, Then.RETRY, "unreachable"),
        (400, Then.SPLIT, "refused"),
    ],
)
def test_a_status_has_one_meaning(status: int, then: Then, reason: str) -> None:
    verdict = judge(status, "")
    assert (verdict.then, verdict.reason, verdict.refused) == (then, reason, Counter())


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"error": PARTIAL}, {"type_conflict": 3}),
        ({"error": "partial write: points beyond retention policy dropped=1"}, {"retention": 1}),
        (
            {
                "error": "partial write: unable to parse 'm x= 1': missing field value\n"
                "unable to parse 'm x=NaN 1': invalid number dropped=0"
            },
            {"unreadable": 2},
        ),
        (
            {"code": "unprocessable entity", "message": f"failure writing points to database: {PARTIAL}"},
            {"type_conflict": 3},
        ),
        (
            {
                "error": "partial write of line protocol occurred",
                "data": [
                    {"original_line": "m x=1", "line_number": 1, "error_message": "invalid column type for column 'x'"},
                    {"original_line": "m y", "line_number": 2, "error_message": "no fields"},
                ],
            },
            {"type_conflict": 1, "refused": 1},
        ),
    ],
)
def test_what_was_written_in_part_is_done_and_the_rest_counted(body: object, refused: dict[str, int]) -> None:
    verdict = judge(400, json.dumps(body))
    assert verdict.then is Then.DONE
    assert verdict.refused == refused


@pytest.mark.parametrize("body", ["<html>", "[1]", '"x"', '{"error": 5}', "{"])
def test_a_refusal_nobody_understands_is_looked_into_line_by_line(body: str) -> None:
    assert judge(400, body).then is Then.SPLIT
