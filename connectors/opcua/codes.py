"""Status codes of services that the link acts upon (OPC 10000-6, A.2). Codes of values: connectors/status.py."""

from __future__ import annotations

BAD_TIMEOUT = 0x800A_0000
BAD_TOO_MANY_OPERATIONS = 0x8010_0000
BAD_SECURITY_CHECKS_FAILED = 0x8013_0000
BAD_NO_CONTINUATION_POINTS = 0x804B_0000
BAD_NODE_ID_UNKNOWN = 0x8034_0000
BAD_TOO_MANY_MATCHES = 0x806D_0000
BAD_NO_MATCH = 0x806F_0000
BAD_SESSION_ID_INVALID = 0x8025_0000
BAD_SESSION_CLOSED = 0x8026_0000
BAD_SESSION_NOT_ACTIVATED = 0x8027_0000
BAD_SUBSCRIPTION_ID_INVALID = 0x8028_0000
BAD_TOO_MANY_SUBSCRIPTIONS = 0x8077_0000
BAD_TOO_MANY_PUBLISH_REQUESTS = 0x8078_0000
BAD_NO_SUBSCRIPTION = 0x8079_0000
BAD_MESSAGE_NOT_AVAILABLE = 0x807B_0000
BAD_REQUEST_TIMEOUT = 0x8085_0000
BAD_TOO_MANY_MONITORED_ITEMS = 0x80DB_0000

# Histories. Nothing there: BadNoData, BadBoundNotFound. To be asked again: BadContinuationPointInvalid,
# BadNoContinuationPoints. Too much at once: BadOutOfMemory, BadEncodingLimitsExceeded, BadRequestTooLarge,
# BadResponseTooLarge, BadTcpMessageTooLarge too.
NO_DATA = frozenset({0x809B_0000, 0x80D7_0000})
POINT_LOST = frozenset({0x804A_0000, BAD_NO_CONTINUATION_POINTS})
TOO_LARGE = frozenset({BAD_TOO_MANY_OPERATIONS, 0x8003_0000, 0x8008_0000, 0x80B8_0000, 0x80B9_0000, 0x8080_0000})
NODE_GONE = (0x8033_0000, BAD_NODE_ID_UNKNOWN)  # BadNodeIdInvalid too
# A filter: BadMonitoredItemFilterInvalid, the same ...Unsupported, BadFilterNotAllowed, BadDeadbandFilterInvalid.
FILTER_REFUSED = frozenset({0x8043_0000, 0x8044_0000, 0x8045_0000, 0x808E_0000})
# The user: BadIdentityTokenInvalid, BadIdentityTokenRejected, BadUserAccessDenied, BadUserSignatureInvalid.
USER_REJECTED = frozenset({0x8020_0000, 0x8021_0000, 0x801F_0000, 0x8057_0000})
# This gateway's certificate: BadCertificateInvalid .. BadCertificateIssuerRevoked, BadCertificateChainIncomplete.
CERTIFICATE_REJECTED = frozenset({BAD_SECURITY_CHECKS_FAILED, 0x8012_0000, 0x810D_0000}) | frozenset(
    code << 16 for code in range(0x8014, 0x801F)
)
# The subscription or its session is gone; only a new one helps.
SUBSCRIPTION_GONE = frozenset(
    {
        BAD_SUBSCRIPTION_ID_INVALID,
        BAD_NO_SUBSCRIPTION,
        BAD_SESSION_ID_INVALID,
        BAD_SESSION_CLOSED,
        BAD_SESSION_NOT_ACTIVATED,
    }
)
