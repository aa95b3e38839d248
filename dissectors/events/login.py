"""How clients log in, and what an eavesdropper gains from it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.StrEnum):
    """How an authentication ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class Exposure(enum.StrEnum):
    """What an eavesdropper gains from a clear-text authentication."""

    NOTHING = "nothing"
    PASSWORD = "password"  # noqa: S105
    TOKEN = "token"  # noqa: S105
    OFFLINE = "offline"  # a challenge and response to attack offline


@dataclass(slots=True)
class LoginOffered:
    """Mechanisms by which the server lets clients log in here and now.

    SASL names; `USER` and `APOP` (POP3) and `LOGIN` (IMAP) for the commands.
    """

    mechanisms: list[str]


@dataclass(slots=True)
class AuthAttempted:
    """One authentication, reported when its outcome is known or never will be.

    The exchange whose reply decided it is reported just before.

    Attributes:
        mechanism: SASL mechanism; `USER` for POP3 USER and PASS, `APOP`, `LOGIN`
            for the IMAP command.
        user: the authentication identity, where the mechanism shows it.
        exposure: what was sent in plaintext.
        authzid: the identity to act as (RFC 4422 §2), if it was given.
        secured: by TLS, which was decrypted.
    """

    mechanism: str
    user: str | None
    result: Outcome
    exposure: Exposure
    authzid: str | None = None
    secured: bool = False


@dataclass(slots=True)
class CredentialsCrossed:
    """What crossed of an authentication that had ended, by its refusal most often.

    The attempt was reported before, without it; the attributes are those of
    `AuthAttempted`.
    """

    user: str | None
    exposure: Exposure
    authzid: str | None = None
    secured: bool = False
