"""Why servers refused mail, by what well-known ones say."""

from __future__ import annotations

import pandas as pd
import pytest

from analyzer.reports.replies import Refusal, why_refused

_COLUMNS = (
    *("answered", "reply_code", "enhanced_status_code", "response_code", "reply_text"),
)


def why(reply: str, answered: str | None = "RCPT") -> tuple[str, bool]:
    """Why a reply refused something, and whether that is certain."""
    code, _, text = reply.partition(" ")
    status = text.partition(" ")[0]
    has_status = status.count(".") == 2 and status.replace(".", "").isdigit()
    row = [answered, int(code), status if has_status else None, None, text]
    rows = pd.DataFrame([row], columns=_COLUMNS).convert_dtypes(dtype_backend="pyarrow")
    for name in ("answered", "enhanced_status_code", "response_code", "reply_text"):
        rows[name] = rows[name].astype("string[pyarrow]")
    (refusal,), (is_certain,) = why_refused(rows)
    return refusal, is_certain


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 5.1.1 <a@b.example>: Recipient address rejected", "recipient-unknown"),
        ("552 5.2.2 <a@b.example> Quota exceeded", "mailbox-full"),
        ("452 4.2.2 The email account is over quota", "mailbox-full"),
        ("552 5.3.4 Message size exceeds fixed limit", "message-too-large"),
        ("552 5.2.3 too long for this mailbox", "message-too-large"),
        ("421 4.7.28 unusual rate of mail", "rate-limited"),
        ("550 5.7.26 Unauthenticated mail is prohibited", "sender-authentication"),
        ("550 5.7.23 The message was rejected by policy", "sender-authentication"),
        ("450 4.1.8 <a@b.example>: Domain not found", "sender-address"),
        ("550 5.7.1 Message contains a quota of spf", "sender-authentication"),
        ("452 4.5.3 Error: too many recipients", "too-many-recipients"),
        ("530 5.7.0 Must issue a STARTTLS command first", "tls-required"),
        ("530 5.7.0 Authentication required", "login-required"),
        ("554 5.7.1 <a@b.example>: Relay access denied", "relay-denied"),
        ("550 5.7.1 Unable to relay for b.example", "relay-denied"),
        ("454 we do not relay", "relay-denied"),
        ("451 4.4.1 relay.example.com does not answer", "server-trouble"),
        ("554 5.7.1 blocked using zen.spamhaus.org", "blocklisted"),
        ("450 4.7.1 cannot find your reverse hostname", "sender-authentication"),
        ("451 4.3.0 Error: queue file write error", "server-trouble"),
        ("451 4.4.1 no answer from host", "server-trouble"),
        ("450 4.2.0 Greylisted, see the manual", "greylisted"),
        ("451 Greylisting in action, please come back later", "greylisted"),
        ("451 4.7.1 Please try again later", "deferred"),
        ("450 4.7.1 Error: too much mail from 192.0.2.1", "rate-limited"),
        ("421 4.3.2 Too many connections", "rate-limited"),
        ("450 4.2.1 The user is receiving mail at a rate that", "rate-limited"),
        ("550 no such user here", "recipient-unknown"),
        ("450 mailbox unavailable", "deferred"),
        ("552 mailbox is over quota", "mailbox-full"),
        ("552 message size exceeds maximum", "message-too-large"),
        ("556 domain takes no mail", "takes-no-mail"),
        ("555 MAIL parameters not known", "protocol-error"),
        ("503 5.5.1 Error: need MAIL command", "out-of-order"),
    ],
)
def test_reply_says_why(reply: str, expected: str) -> None:
    assert why(reply)[0] == expected


def test_code_is_certain_and_words_are_not() -> None:
    assert why("552 5.2.2 no") == (Refusal.MAILBOX_FULL, True)
    assert why("552 5.0.0 mailbox is full") == (Refusal.MAILBOX_FULL, False)


def test_code_decides_before_words() -> None:
    assert why("550 5.1.1 greylisted, blocked, over quota")[0] == "recipient-unknown"


def test_address_that_is_named_is_not_what_the_server_says() -> None:
    assert why("550 5.7.1 <spf-quota@relay.example>: no")[0] == "policy"


def test_command_tells_if_nothing_else_does() -> None:
    assert why("552 no", "RCPT")[0] == "mailbox-full"
    assert why("552 no", "MAIL")[0] == "message-too-large"
    assert why("553 no", "MAIL")[0] == "sender-address"
    assert why("554 no", None)[0] == "policy"
