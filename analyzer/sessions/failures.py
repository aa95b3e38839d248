"""What a client may be unable to do, and what that is called."""

from __future__ import annotations

import enum

from analyzer.text import escape_controls


class Failure(enum.StrEnum):
    """Why a client did not get what it wanted; of several causes the first counts."""

    CONNECTION_REFUSED = "connection-refused"
    NO_ANSWER = "no-answer"
    NO_GREETING = "no-greeting"
    TURNED_AWAY = "turned-away"
    TLS_FAILED = "tls-failed"
    LOGIN_FAILED = "login-failed"
    HELLO_REFUSED = "hello-refused"
    SENDER_REFUSED = "sender-refused"
    RECIPIENTS_REFUSED = "recipients-refused"
    MESSAGE_REFUSED = "message-refused"
    MESSAGE_CUT = "message-cut"
    CLOSED_BY_SERVER = "closed-by-server"
    CONNECTION_RESET = "connection-reset"
    UNANSWERED = "unanswered"
    STARTTLS_REFUSED = "starttls-refused"
    MAILBOX_REFUSED = "mailbox-refused"
    RETRIEVAL_REFUSED = "retrieval-refused"
    CHANGE_REFUSED = "change-refused"


LABELS: dict[str, str] = {
    Failure.CONNECTION_REFUSED: "connection refused",
    Failure.NO_ANSWER: "no answer",
    Failure.NO_GREETING: "no greeting",
    Failure.TURNED_AWAY: "turned away at the greeting",
    Failure.TLS_FAILED: "TLS handshake failed",
    Failure.LOGIN_FAILED: "login failed",
    Failure.HELLO_REFUSED: "hello refused",
    Failure.SENDER_REFUSED: "sender refused",
    Failure.RECIPIENTS_REFUSED: "all recipients refused",
    Failure.MESSAGE_REFUSED: "message refused",
    Failure.MESSAGE_CUT: "cut off in a message",
    Failure.CLOSED_BY_SERVER: "closed by the server",
    Failure.CONNECTION_RESET: "connection reset",
    Failure.UNANSWERED: "command not answered",
    Failure.STARTTLS_REFUSED: "STARTTLS refused",
    Failure.MAILBOX_REFUSED: "mailbox not opened",
    Failure.RETRIEVAL_REFUSED: "message not retrieved",
    Failure.CHANGE_REFUSED: "change refused",
}


def failure_label(failure: str) -> str:
    """Return what people call a `Failure`; tables may hold any text."""
    return LABELS.get(failure) or escape_controls(failure)
