"""C5-C8 as a table: one row, one test."""

from __future__ import annotations

import pytest

from cloud_sink.errors import PermanentDeliveryError, PermanentReason, TransientReason
from cloud_sink.outcomes import (
    CODES,
    CONNACKS,
    STATUSES,
    TROUBLES,
    Then,
    Verdict,
    broker_refusal,
    judge,
    no_answer,
    refusal,
    retry_after,
    unproven,
)
from cloud_sink.uplink.words import Answer, LinkError, Trouble

R = TransientReason

ROWS = [
    (200, "", Then.VERIFY, R.VERIFY_FAILED),
    (201, "", Then.VERIFY, R.VERIFY_FAILED),
    (204, "", Then.VERIFY, R.VERIFY_FAILED),
    (202, "", Then.HOLD, R.PROTOCOL),
    (301, "", Then.RETRY, R.PORTAL),
    (302, "", Then.RETRY, R.PORTAL),
    (307, "", Then.RETRY, R.PORTAL),
    (301, "PermanentRedirect", Then.HOLD, R.PROTOCOL),
    (307, "TemporaryRedirect", Then.RETRY, R.SERVER_ERROR),
    (400, "", Then.HOLD, R.PROTOCOL),
    (400, "BadDigest", Then.RETRY, R.VERIFY_FAILED),
    (400, "InvalidDigest", Then.RETRY, R.VERIFY_FAILED),
    (400, "XAmzContentSHA256Mismatch", Then.RETRY, R.VERIFY_FAILED),
    (400, "IncompleteBody", Then.RETRY, R.CUT),
    (400, "RequestTimeout", Then.RETRY, R.TIMEOUT),
    (400, "EntityTooLarge", Then.SPLIT, R.VERIFY_FAILED),
    (400, "ExpiredToken", Then.HOLD, R.CREDENTIALS),
    (400, "InvalidToken", Then.HOLD, R.CREDENTIALS),
    (400, "AuthorizationHeaderMalformed", Then.HOLD, R.PROTOCOL),
    (401, "", Then.HOLD, R.CREDENTIALS),
    (403, "", Then.HOLD, R.CREDENTIALS),
    (403, "SignatureDoesNotMatch", Then.HOLD, R.CREDENTIALS),
    (403, "InvalidAccessKeyId", Then.HOLD, R.CREDENTIALS),
    (403, "RequestTimeTooSkewed", Then.HOLD, R.CLOCK),
    (403, "QuotaExceeded", Then.HOLD, R.TARGET_FULL),
    (404, "", Then.HOLD, R.TARGET_MISSING),
    (404, "NoSuchBucket", Then.HOLD, R.TARGET_MISSING),
    (405, "", Then.HOLD, R.PROTOCOL),
    (407, "", Then.RETRY, R.PORTAL),
    (408, "", Then.RETRY, R.TIMEOUT),
    (409, "", Then.COMPARE, R.VERIFY_FAILED),
    (409, "ConditionalRequestConflict", Then.RETRY, R.SERVER_ERROR),
    (409, "OperationAborted", Then.RETRY, R.SERVER_ERROR),
    (410, "", Then.HOLD, R.TARGET_MISSING),
    (411, "", Then.HOLD, R.PROTOCOL),
    (412, "", Then.COMPARE, R.VERIFY_FAILED),
    (413, "", Then.SPLIT, R.VERIFY_FAILED),
    (425, "", Then.RETRY, R.THROTTLED),
    (429, "", Then.RETRY, R.THROTTLED),
    (500, "", Then.RETRY, R.SERVER_ERROR),
    (501, "", Then.HOLD, R.PROTOCOL),
    (502, "", Then.RETRY, R.SERVER_ERROR),
    (503, "", Then.RETRY, R.THROTTLED),
    (503, "SlowDown", Then.RETRY, R.THROTTLED),
    (504, "", Then.RETRY, R.SERVER_ERROR),
    (507, "", Then.HOLD, R.TARGET_FULL),
    (507, "XMinioStorageFull", Then.HOLD, R.TARGET_FULL),
    (511, "", Then.RETRY, R.PORTAL),
    (599, "", Then.RETRY, R.SERVER_ERROR),
]


@pytest.mark.parametrize(("status", "code", "then", "reason"), ROWS)
def test_answer(status, code, then, reason):
    assert judge(Answer(status), code) == Verdict(then, reason)


def test_every_row_of_the_tables_is_tested():
    assert {code for _, code, _, _ in ROWS} >= CODES.keys()
    assert {status for status, code, _, _ in ROWS if not code} >= STATUSES.keys()


@pytest.mark.parametrize(
    ("trouble", "reason", "hold"),
    [
        (Trouble.NO_LINK, R.NO_LINK, False),
        (Trouble.DNS, R.DNS, False),
        (Trouble.UNREACHABLE, R.UNREACHABLE, False),
        (Trouble.SILENT, R.TIMEOUT, False),
        (Trouble.CUT, R.CUT, False),
        (Trouble.FOREIGN, R.PORTAL, False),
        (Trouble.TLS_UNTRUSTED, R.TLS_UNTRUSTED, False),
        (Trouble.TLS_NAME, R.TLS_NAME, False),
        (Trouble.TLS_EXPIRED, R.TLS_EXPIRED, True),
        (Trouble.TLS_NOT_YET_VALID, R.CLOCK, True),
        (Trouble.TLS_OURS, R.TLS_OURS, True),
        (Trouble.TLS_OTHER, R.TLS, False),
    ],
)
def test_no_answer(trouble, reason, hold):
    error = no_answer(LinkError(trouble, "told"), "PUT k")
    assert (error.reason, error.hold, str(error)) == (reason, hold, f"{reason}: PUT k: told")


@pytest.mark.parametrize(
    ("code", "reason", "hold"),
    [
        (1, R.PROTOCOL, True),
        (2, R.PROTOCOL, True),
        (3, R.SERVER_ERROR, False),
        (4, R.CREDENTIALS, True),
        (5, R.CREDENTIALS, True),
        (6, R.PROTOCOL, True),
    ],
)
def test_a_broker_that_refuses(code, reason, hold):
    error = broker_refusal(code, "told")
    assert (error.reason, error.hold) == (reason, hold)
    assert code in CONNACKS or code == 6


def test_every_trouble_is_in_the_table():
    assert set(TROUBLES) == set(Trouble)


def test_nothing_that_a_person_can_mend_is_set_aside():
    for status in (*range(300, 409), *range(410, 412), *range(414, 600)):
        answer = Answer(status)
        assert not isinstance(refusal(judge(answer), answer, "PUT k", 0), PermanentDeliveryError) or status == 412


def test_what_is_too_large_is_permanent_and_the_deliverer_splits_it():
    error = refusal(judge(Answer(413)), Answer(413), "PUT k", 0)
    assert isinstance(error, PermanentDeliveryError)
    assert error.reason is PermanentReason.TOO_LARGE


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", 0),
        ("120", 120),
        ("999999999999999999999", 3600),
        ("Fri, 24 May 2013 00:00:30 GMT", 30),
        ("Fri, 24 May 2013 05:00:00 GMT", 3600),
        ("Thu, 23 May 2013 00:00:00 GMT", 0),
        ("Fri, 24 May 2013 00:00:30 -0000", 30),
        ("٣", None),
    ],
)
def test_retry_after(header, seconds):
    assert retry_after(header, 1369353600.0) == seconds  # 2013-05-24T00:00:00Z


def test_retry_after_reaches_the_error_and_so_does_the_servers_text_tamed():
    answer = Answer(503, {"retry-after": "7"}, b"\x1b[31mslow\n down\xff")
    error = refusal(judge(answer), answer, "PUT k", 0)
    assert error.retry_after == 7
    assert str(error) == "throttled: PUT k: HTTP 503 ?[31mslow down\ufffd"


def test_a_page_is_a_portal_and_all_else_is_not_verified():
    assert unproven(Answer(200, {"content-type": "text/HTML; charset=x"}), "w", "no").reason is R.PORTAL
    assert unproven(Answer(200, {"content-type": "text/xml"}), "w", "no").reason is R.VERIFY_FAILED
