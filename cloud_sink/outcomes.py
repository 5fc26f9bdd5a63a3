"""What each way an upload can end means: a table of statuses, one of S3's error codes, one of troubles of the link.

Pure. Nothing is ever given up for what a person can mend: wrong credentials, a full or missing bucket, an expired
certificate hold the records and are tried again. Only another object under our key, and a single record that is too
large, are set aside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from errno import EACCES, ENOENT, EPERM

from cloud_sink.errors import (
    DeliveryError,
    PermanentDeliveryError,
    PermanentReason,
    TransientDeliveryError,
    TransientReason,
)
from cloud_sink.uplink.words import Answer, LinkError, Trouble

RETRY_AFTER_CAP = 3600.0  # seconds; a server that asks for more is asked again after an hour


class Then(Enum):
    """What to do."""

    VERIFY = auto()  # it says yes: let it prove it
    COMPARE = auto()  # something lies there: is it ours?
    RETRY = auto()  # back-off with jitter, Retry-After honoured
    HOLD = auto()  # a person has to mend it; looked at again every five minutes
    SPLIT = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of the table.

    Attributes:
        then: What to do.
        reason: For metrics; where `then` is VERIFY or COMPARE, of failing to do so.
    """

    then: Then
    reason: TransientReason = TransientReason.VERIFY_FAILED


_R = TransientReason
_VERIFY, _COMPARE, _SPLIT = Verdict(Then.VERIFY), Verdict(Then.COMPARE), Verdict(Then.SPLIT)
_PORTAL = Verdict(Then.RETRY, _R.PORTAL)
_BUSY = Verdict(Then.RETRY, _R.THROTTLED)
_SERVER = Verdict(Then.RETRY, _R.SERVER_ERROR)
_DAMAGED = Verdict(Then.RETRY, _R.VERIFY_FAILED)
_DENIED = Verdict(Then.HOLD, _R.CREDENTIALS)
_MISSING = Verdict(Then.HOLD, _R.TARGET_MISSING)
_FULL = Verdict(Then.HOLD, _R.TARGET_FULL)
_ODD = Verdict(Then.HOLD, _R.PROTOCOL)

# RFC 9110 15; 425: RFC 8470; 429, 511: RFC 6585; 507: RFC 4918.
STATUSES = {
    200: _VERIFY,
    201: _VERIFY,
    204: _VERIFY,
    400: _ODD,
    401: _DENIED,
    403: _DENIED,
    404: _MISSING,
    407: _PORTAL,  # no proxy is configured here, so whoever asks for a log-in stands in between
    408: Verdict(Then.RETRY, _R.TIMEOUT),
    409: _COMPARE,
    410: _MISSING,
    411: _ODD,
    412: _COMPARE,
    413: _SPLIT,
    425: _BUSY,
    429: _BUSY,
    501: _ODD,
    503: _BUSY,
    507: _FULL,
    511: _PORTAL,
}

# "Error responses" of the Amazon S3 API reference; QuotaExceeded is Ceph's, XMinioStorageFull MinIO's.
CODES = {
    "AuthorizationHeaderMalformed": _ODD,  # the region is wrong
    "BadDigest": _DAMAGED,
    "ConditionalRequestConflict": _SERVER,  # two writers at the same moment: ask again
    "EntityTooLarge": _SPLIT,
    "ExpiredToken": _DENIED,
    "IncompleteBody": Verdict(Then.RETRY, _R.CUT),
    "InvalidAccessKeyId": _DENIED,
    "InvalidDigest": _DAMAGED,
    "InvalidToken": _DENIED,
    "NoSuchBucket": _MISSING,
    "OperationAborted": _SERVER,
    "PermanentRedirect": _ODD,  # the region or the endpoint is wrong
    "QuotaExceeded": _FULL,
    "RequestTimeTooSkewed": Verdict(Then.HOLD, _R.CLOCK),
    "RequestTimeout": Verdict(Then.RETRY, _R.TIMEOUT),
    "SlowDown": _BUSY,
    "TemporaryRedirect": _SERVER,
    "XAmzContentSHA256Mismatch": _DAMAGED,
    "XMinioStorageFull": _FULL,
}

# MQTT 3.1.1, 3.2.2.3: protocol version, client id, unavailable, user or password, not authorized.
CONNACKS = {1: _ODD, 2: _ODD, 3: _SERVER, 4: _DENIED, 5: _DENIED}

TROUBLES = {
    Trouble.NO_LINK: Verdict(Then.RETRY, _R.NO_LINK),
    Trouble.DNS: Verdict(Then.RETRY, _R.DNS),
    Trouble.UNREACHABLE: Verdict(Then.RETRY, _R.UNREACHABLE),
    Trouble.SILENT: Verdict(Then.RETRY, _R.TIMEOUT),
    Trouble.CUT: Verdict(Then.RETRY, _R.CUT),
    Trouble.FOREIGN: _PORTAL,
    # A portal may show a certificate of its own, and it goes away without anybody at this end: not held.
    Trouble.TLS_UNTRUSTED: Verdict(Then.RETRY, _R.TLS_UNTRUSTED),
    Trouble.TLS_NAME: Verdict(Then.RETRY, _R.TLS_NAME),
    Trouble.TLS_EXPIRED: Verdict(Then.HOLD, _R.TLS_EXPIRED),
    Trouble.TLS_NOT_YET_VALID: Verdict(Then.HOLD, _R.CLOCK),
    Trouble.TLS_OURS: Verdict(Then.HOLD, _R.TLS_OURS),
    Trouble.TLS_OTHER: Verdict(Then.RETRY, _R.TLS),
}


# What pyarrow's clients say has no code but its text: a status, the words of Google's client
# (google::cloud::StatusCode), those of libcurl (curl_easy_strerror). The first that is there counts.
_STORE_STATUS = re.compile(r"(?:Azure Error: \[\w*\]|HTTP status code:) (\d{3})")
_STORE_WORDS = {
    "resolve host": _R.DNS,
    "certificate": _R.TLS_UNTRUSTED,
    "ssl": _R.TLS,
    "reset": _R.CUT,
    "timed out": _R.TIMEOUT,
    "timeout": _R.TIMEOUT,
    "connect": _R.UNREACHABLE,
    "RESOURCE_EXHAUSTED": _R.THROTTLED,
    "UNAVAILABLE": _R.SERVER_ERROR,
}
_STORE_HOLDS = {
    "PERMISSION_DENIED": _DENIED,
    "UNAUTHENTICATED": _DENIED,
    "libjvm": Verdict(Then.HOLD, _R.TARGET_MISSING),
    "libhdfs": Verdict(Then.HOLD, _R.TARGET_MISSING),
}


def judge(answer: Answer, code: str = "") -> Verdict:
    """What an answer means.

    Args:
        answer: As it came.
        code: S3's error code, which says more than the status; "" = none.
    """
    if code in CODES:
        return CODES[code]
    if answer.status in STATUSES:
        return STATUSES[answer.status]
    if 200 <= answer.status < 300:
        return _ODD  # 202, 206, ...: it may have been taken, but it is not said to lie there
    if 300 <= answer.status < 400:
        return _PORTAL
    return _SERVER if answer.status >= 500 else _ODD


def refusal(verdict: Verdict, answer: Answer, where: str, now: float) -> DeliveryError:
    """The error of an answer that was not a success.

    Args:
        verdict: `judge` of it.
        answer: As it came.
        where: What was asked of whom, for people.
        now: Wall clock, s; for a Retry-After that is a date.
    """
    text = f"{where}: HTTP {answer.status}{_excerpt(answer)}"
    if verdict.then is Then.SPLIT:
        return PermanentDeliveryError(PermanentReason.TOO_LARGE, text)
    wait = retry_after(answer.headers.get("retry-after", ""), now)
    return TransientDeliveryError(verdict.reason, text, hold=verdict.then is Then.HOLD, retry_after=wait)


def unproven(answer: Answer, where: str, rule: str) -> TransientDeliveryError:
    """The error of a "yes" that does not prove anything: most often the log-in page of a captive portal."""
    html = "html" in answer.headers.get("content-type", "").lower()
    reason = _R.PORTAL if html else _R.VERIFY_FAILED
    return TransientDeliveryError(reason, f"{where}: HTTP {answer.status}, but {rule}{_excerpt(answer)}")


def no_answer(error: LinkError, where: str) -> TransientDeliveryError:
    """The error of a link that gave no answer."""
    verdict = TROUBLES[error.trouble]
    return TransientDeliveryError(verdict.reason, f"{where}: {error}", hold=verdict.then is Then.HOLD)


def broker_refusal(code: int, text: str) -> TransientDeliveryError:
    """The error of a broker that does not let us in."""
    verdict = CONNACKS.get(code, _ODD)
    return TransientDeliveryError(verdict.reason, text, hold=verdict.then is Then.HOLD)


def store_error(errno: int, text: str, where: str) -> DeliveryError:
    """The error of a client that only has words for it.

    Args:
        errno: Of the error, 0 = none.
        text: Of it.
        where: What was asked of whom, for people.
    """
    told = f"{where}: {' '.join(text.split())}"
    if found := _STORE_STATUS.search(text):
        answer = Answer(int(found[1]), {}, text.encode())
        verdict = judge(answer)
        if verdict.then in (Then.VERIFY, Then.COMPARE):  # a "yes" that its own client does not understand
            verdict = _PORTAL if "<html" in text.lower() else _ODD
    else:
        verdict = _by_words(errno, text)
    if verdict.then is Then.SPLIT:
        return PermanentDeliveryError(PermanentReason.TOO_LARGE, told)
    return TransientDeliveryError(verdict.reason, told, hold=verdict.then is Then.HOLD)


def _by_words(errno: int, text: str) -> Verdict:
    if errno == ENOENT:
        return _MISSING
    if errno in {EACCES, EPERM}:
        return _DENIED
    for word, verdict in _STORE_HOLDS.items():
        if word in text:
            return verdict
    reason = next((reason for word, reason in _STORE_WORDS.items() if word.lower() in text.lower()), _R.SERVER_ERROR)
    return Verdict(Then.RETRY, reason)


def retry_after(header: str, now: float) -> float | None:
    """Seconds to wait, 0 to an hour (RFC 9110 10.2.3: a number of seconds, or a date); None = not told."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_CAP)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.fromtimestamp(now, UTC)
    return min(max(seconds.total_seconds(), 0.0), RETRY_AFTER_CAP)


def _excerpt(answer: Answer) -> str:
    """The beginning of the answer's text, on one line: what a server says is not trusted to be tame."""
    text = " ".join(answer.body[:2000].decode("ascii", "replace").split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return f" {text[:200]}" if text else ""
