"""What an answer to a GET means. Pure."""

from __future__ import annotations

from cloud_sink.errors import PermanentDeliveryError, PermanentReason, TransientReason
from cloud_sink.outcomes import Then, Verdict, refusal, unproven
from cloud_sink.targets.base import Fetched
from cloud_sink.uplink.words import Answer

_OK, _NOT_MODIFIED = 200, 304  # RFC 9110 15.3.1, 15.4.5


def fetched(answer: Answer, verdict: Verdict, where: str, most: int, now: float) -> Fetched:
    """The object, or nothing where it has not changed.

    Args:
        answer: As it came, with a byte more than may be, if there is one.
        verdict: `judge` of it.
        where: What was asked of whom, for people.
        most: Bytes that it may have.
        now: Wall clock, s.

    Raises:
        DeliveryError: It is neither; or a page, as captive portals give.
    """
    tag = answer.headers.get("etag", "").strip()
    if answer.status == _NOT_MODIFIED:
        return Fetched(None, tag)
    if answer.status != _OK:
        if verdict.then in (Then.VERIFY, Then.COMPARE, Then.SPLIT):  # of a GET: nonsense
            verdict = Verdict(Then.HOLD, TransientReason.PROTOCOL)
        raise refusal(verdict, answer, where, now)
    if "html" in answer.headers.get("content-type", "").lower():
        raise unproven(answer, where, "it is a page")
    if len(answer.body) > most:
        raise too_large(where, most)
    return Fetched(answer.body, tag if tag.isascii() and tag.isprintable() else "")


def too_large(where: str, most: int) -> PermanentDeliveryError:
    """The error of an object that is larger than it may be."""
    return PermanentDeliveryError(PermanentReason.TOO_LARGE, f"{where}: it is larger than {most} bytes")
