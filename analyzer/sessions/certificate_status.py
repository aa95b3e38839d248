"""What can be said of a server's certificate and its chain."""

from __future__ import annotations

import enum


class CertificateStatus(enum.StrEnum):
    """Whether a chain was to be trusted when it was shown."""

    VALID = "valid"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    SELF_SIGNED = "self-signed"
    ISSUER_MISSING = "issuer-missing"
    UNTRUSTED_ROOT = "untrusted-root"
    INVALID = "invalid"
    UNREADABLE = "unreadable"


# what a client of RFC 8314 §5.2 does not accept; issuers that are missing or not
# trusted may be its own
REFUSED = frozenset(
    {
        CertificateStatus.EXPIRED,
        CertificateStatus.NOT_YET_VALID,
        CertificateStatus.SELF_SIGNED,
        CertificateStatus.INVALID,
        CertificateStatus.UNREADABLE,
    }
)
