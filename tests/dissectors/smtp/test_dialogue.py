from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.events import (
    Anomaly,
    AuthAttempted,
    CapabilitiesAnnounced,
    ClientNamed,
    CredentialsCrossed,
    Delivery,
    Direction,
    Exchange,
    ExchangeKind,
    Exposure,
    GreetingReceived,
    Outcome,
    RecipientGiven,
    ReplyReceived,
    SenderGiven,
    StartTls,
    StartTlsAdvanced,
)
from tests.support.playbook import (
    CLIENT,
    SERVER,
    Playbook,
    anomaly,
    cuts,
    exchange,
    expect_no_harm,
    split_at,
)
from tests.support.smtp import (
    CLIENT_HELLO,
    GREETED,
    answered,
    data_accepted,
    end_of_data,
    greeted,
    message,
    playbook,
    quit_,
)

FAILURE, SUCCESS, UNKNOWN = Outcome.FAILURE, Outcome.SUCCESS, Outcome.UNKNOWN


@pytest.mark.parametrize("code", [421, 521, 554])
def test_server_refuses_connection(code: int) -> None:
    playbook().server(b"%d go away\r\n" % code).expect(
        ReplyReceived(code),
        exchange(None, reply=code, kind=ExchangeKind.GREETING),
        GreetingReceived("go away", None),
    )


def test_server_sends_greeting_without_line_end() -> None:
    playbook().server(b"220 mx.example.com ESMTP").client(b"QUIT\r\n").server(
        b"221 bye\r\n"
    ).expect(*GREETED, *quit_())


def test_server_announces_capabilities() -> None:
    (
        greeted()
        .client(b"EHLO client.example.com\r\n")
        .server(
            b"250-mx.example.com\r\n250-size 1000\r\n250-AUTH=LOGIN\r\n250 starttls\r\n"
        )
        .expect(
            *GREETED,
            ClientNamed("client.example.com"),
            *answered(250, exchange("EHLO", "client.example.com", 250)),
            CapabilitiesAnnounced(["SIZE 1000", "AUTH=LOGIN", "STARTTLS"]),
            StartTlsAdvanced(StartTls.OFFERED),
        )
    )


def test_server_announces_no_starttls() -> None:
    greeted().client(b"ehlo x\r\n").server(b"250 mx.example.com\r\n").expect(
        *GREETED,
        ClientNamed("x"),
        *answered(250, exchange("EHLO", "x", 250)),
        CapabilitiesAnnounced([]),
        StartTlsAdvanced(StartTls.NOT_OFFERED),
    )


def test_server_refuses_helo_without_argument() -> None:
    greeted().client(b"HELO\r\n").server(b"501 name?\r\n").expect(
        *GREETED, *answered(501, exchange("HELO", reply=501))
    )


def test_client_speaks_before_greeting() -> None:
    playbook().client(b"HELO x\r\n").server(
        b"220 mx.example.com ESMTP\r\n250 hi\r\n"
    ).expect(
        ClientNamed("x"),
        ReplyReceived(220),
        anomaly("smtp_early_talker", CLIENT),
        *GREETED[1:],
        *answered(250, exchange("HELO", "x", 250)),
    )


def test_capture_begins_inside_session() -> None:
    playbook().client(b"NOOP\r\n").server(b"250 ok\r\n").expect(
        *answered(250, exchange("NOOP", reply=250))
    )


def test_proxy_answers_before_greeting() -> None:
    (
        playbook()
        .client(b"CONNECT mx.example.com:25 HTTP/1.0\r\n\r\n")
        .server(b"HTTP/1.0 200 OK\r\n")
        .server(b"220 mx.example.com ESMTP\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(anomaly("smtp_unexpected_line", SERVER), *GREETED, *quit_())
    )


def test_only_client_was_captured() -> None:
    (
        playbook()
        .client(b"EHLO x\r\n")
        .client(b"MAIL FROM:<a@example.com>\r\n")
        .client(b"RCPT TO:<b@example.com>\r\n")
        .client(b"DATA\r\n")
        .client(b"Subject: x\r\n\r\nQUIT\r\n.\r\n")
        .client(b"QUIT\r\n")
        .eof()
        .expect(
            ClientNamed("x"),
            exchange("EHLO", "x"),
            exchange("MAIL", "FROM:<a@example.com>"),
            SenderGiven("a@example.com", accepted=None),
            exchange("RCPT", "TO:<b@example.com>"),
            RecipientGiven("b@example.com", accepted=None),
            exchange("DATA"),
            exchange("DATA", kind=ExchangeKind.MESSAGE),
            message(20, Delivery.UNKNOWN),
            exchange("QUIT"),
        )
    )


def test_lines_end_in_bare_lf_throughout() -> None:
    (
        playbook()
        .server(b"220 mx.example.com ESMTP\n")
        .client(b"DATA\n")
        .server(b"354 go\n")
        .client(b"x\n..y\n.\nQUIT\n")
        .server(b"250 ok\n221 bye\n")
        .expect(
            *GREETED,
            anomaly("smtp_bare_lf", CLIENT),
            *data_accepted(),
            anomaly("message_bare_lf", CLIENT),
            *end_of_data(250),
            message(5, sender=None, recipients=()),
            *quit_(),
        )
    )


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def auth(argument: str, code: int) -> Exchange:
    return exchange("AUTH", argument, code)


def test_client_authenticates_with_initial_response() -> None:
    (
        greeted()
        .client(b"AUTH plain " + b64("\0ann\0secret") + b"\r\n")
        .server(b"235 ok\r\n")
        .expect(
            *GREETED,
            *answered(235, auth("PLAIN ***", 235)),
            AuthAttempted("PLAIN", "ann", SUCCESS, Exposure.PASSWORD),
        )
    )


def test_client_authenticates_step_by_step() -> None:
    (
        greeted()
        .client(b"AUTH LOGIN\r\n")
        .server(b"334 VXNlcm5hbWU6\r\n")
        .client(b64("ann") + b"\r\n")
        .server(b"334 UGFzc3dvcmQ6\r\n")
        .client(b64("secret") + b"\r\n")
        .server(b"535 no\r\n")
        .expect(
            *GREETED,
            ReplyReceived(334),
            ReplyReceived(334),
            *answered(535, auth("LOGIN", 535)),
            AuthAttempted("LOGIN", "ann", FAILURE, Exposure.PASSWORD),
        )
    )


def test_client_sends_responses_without_waiting() -> None:
    (
        greeted()
        .client(b"AUTH LOGIN\r\n" + b64("ann") + b"\r\n" + b64("pw") + b"\r\nQUIT\r\n")
        .server(b"334 VXNlcm5hbWU6\r\n334 b\r\n235 ok\r\n221 bye\r\n")
        .expect(
            *GREETED,
            ReplyReceived(334),
            ReplyReceived(334),
            *answered(235, auth("LOGIN", 235)),
            AuthAttempted("LOGIN", "ann", SUCCESS, Exposure.PASSWORD),
            *quit_(),
        )
    )


def test_client_cancels_authentication() -> None:
    (
        greeted()
        .client(b"AUTH PLAIN\r\n")
        .server(b"334 \r\n")
        .client(b"*\r\n")
        .server(b"501 cancelled\r\n")
        .expect(
            *GREETED,
            ReplyReceived(334),
            *answered(501, auth("PLAIN", 501)),
            AuthAttempted("PLAIN", None, FAILURE, Exposure.NOTHING),
        )
    )


def test_responses_after_refusal_are_no_verbs() -> None:
    events = (
        greeted()
        .client(b"AUTH LOGIN\r\n")
        .server(b"504 no\r\n")
        .client(b64("ann") + b"\r\n" + b64("secret") + b"\r\n")
        .server(b"500 what\r\n500 what\r\n")
        .run()
    )
    verbs = [e.verb for e in events if isinstance(e, Exchange) and e.verb]
    assert verbs == ["AUTH", "***", "***"]
    assert b64("secret").decode().upper() not in repr(events).upper()
    assert [e for e in events if isinstance(e, CredentialsCrossed)] == [
        CredentialsCrossed(None, Exposure.NOTHING),
        CredentialsCrossed("ann", Exposure.PASSWORD),
    ]


def test_only_client_of_authentication_was_captured() -> None:
    (
        playbook()
        .client(b"AUTH LOGIN\r\n")
        .client(b64("ann") + b"\r\n")
        .client(b64("secret") + b"\r\n")
        .client(b"QUIT\r\n")
        .eof()
        .expect(
            exchange("AUTH", "LOGIN"),
            AuthAttempted("LOGIN", "ann", UNKNOWN, Exposure.PASSWORD),
            exchange("QUIT"),
        )
    )


def test_message_after_login_is_submitted() -> None:
    (
        greeted()
        .client(b"AUTH PLAIN " + b64("\0ann\0secret") + b"\r\n")
        .server(b"235 ok\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b".\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *GREETED,
            *answered(235, auth("PLAIN ***", 235)),
            AuthAttempted("PLAIN", "ann", SUCCESS, Exposure.PASSWORD),
            *data_accepted(),
            *end_of_data(250),
            message(0, direction=Direction.SUBMITTED, sender=None, recipients=()),
        )
    )


def test_secrets_are_in_no_event() -> None:
    events = (
        greeted()
        .client(b"AUTH LOGIN " + b64("ann") + b"\r\n")
        .server(b"334 x\r\n")
        .client(b64("hunter2") + b"\r\n")
        .gap(SERVER, 10)
        .client(b64("hunter2") + b"\r\nPASS hunter2\r\nhunter2\r\nQUIT\r\n")
        .eof()
        .run()
    )
    shown = repr(events).upper()
    assert "HUNTER2" not in shown
    assert b64("hunter2").decode().upper() not in shown


def test_client_starts_tls() -> None:
    events = (
        greeted().client(b"STARTTLS\r\n").server(b"220 go\r\n").client(CLIENT_HELLO)
    ).run()
    assert events[3:7] == [
        StartTlsAdvanced(StartTls.REQUESTED),
        ReplyReceived(220),
        events[5],
        StartTlsAdvanced(StartTls.ACCEPTED),
    ]
    assert not [e for e in events if isinstance(e, Anomaly) and "smtp" in e.code]


@pytest.mark.parametrize("verb", [b"STARTTLS", b"X-ANONYMOUSTLS"])
def test_server_refuses_tls(verb: bytes) -> None:
    (
        greeted()
        .client(verb + b"\r\nQUIT\r\n")
        .server(b"454 not now\r\n221 bye\r\n")
        .expect(
            *GREETED,
            StartTlsAdvanced(StartTls.REQUESTED),
            *answered(454, exchange(verb.decode(), reply=454)),
            StartTlsAdvanced(StartTls.REFUSED),
            *quit_(),
        )
    )


def test_injected_command_stands_before_client_hello() -> None:
    play = (
        greeted()
        .client(b"STARTTLS\r\nRSET\r\n" + CLIENT_HELLO)
        .server(b"220 go\r\n250 ok\r\n")
    )
    events = play.run()
    codes = [e.code for e in events if isinstance(e, Anomaly)]
    assert codes.count("starttls_plaintext_after") == 2
    assert "RSET" in [e.verb for e in events if isinstance(e, Exchange)]
    assert not any(code.startswith("smtp") for code in codes)
    play.expect_same(split_at({1, 2, 5, 11, 13}))


def test_reply_to_starttls_is_lost_but_tls_begins() -> None:
    events = greeted().client(b"STARTTLS\r\n").gap(SERVER, 8).client(CLIENT_HELLO).run()
    assert StartTlsAdvanced(StartTls.ACCEPTED) in events


# gaps


def test_reply_is_lost_and_next_one_matches() -> None:
    (
        greeted()
        .client(b"NOOP\r\n")
        .gap(SERVER, 8)
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(*GREETED, anomaly("stream_gap", SERVER), exchange("NOOP"), *quit_())
    )


def test_reply_behind_gap_is_not_matched() -> None:
    (
        greeted()
        .client(b"NOOP\r\nRSET\r\n")
        .gap(SERVER, 8)
        .server(b"250 ok\r\n")
        .expect(
            *GREETED,
            anomaly("stream_gap", SERVER),
            exchange("NOOP"),
            exchange("RSET"),
            ReplyReceived(250),
        )
    )


def test_reply_to_lost_command_is_not_matched() -> None:
    (
        greeted()
        .gap(CLIENT, 6)
        .server(b"250 ok\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(*GREETED, anomaly("stream_gap", CLIENT), ReplyReceived(250), *quit_())
    )


# any split, any damage


def dialogue() -> Playbook:
    return (
        playbook()
        .server(b"220-mx.example.com ESMTP\r\n220 hi\r\n")
        .client(b"EHLO client.example.com\r\n")
        .server(b"250-mx.example.com\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
        .client(b"AUTH LOGIN\r\n")
        .server(b"334 VXNlcm5hbWU6\r\n")
        .client(b"YW5u\r\n")
        .server(b"334 UGFzc3dvcmQ6")
        .client(b"c2VjcmV0\r\n")
        .server(b"235 ok\r\n")
        .client(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nSub")
        .server(b"250 ok\r\n250 ok\r\n354 go\r\n")
        .client(b"ject: x\r\n\r\n..\r\n\n.\n.\r\n.\r\nMAIL FROM:<>\r\nBDAT 5\r\n12345")
        .client(b"BDAT 3 LAST\r\n\r\n.\r\nNOOP\r\nDATA\r\n.\r\n")
        .server(b"250 queued\r\n250 ok\r\n250 5\r\n250 8\r\n")
        .server(b"250 ok\r\n354 go\r\n250 ok\r\n")
        .client(b"STARTTLS\r\nRSET\r\n" + CLIENT_HELLO)
        .server(b"220 go\r\n250 injected\r\n" + CLIENT_HELLO)
        .eof()
    )


@given(cuts)
def test_any_split_tells_the_same(places: set[int]) -> None:
    dialogue().expect_same(split_at(places))


@given(st.data())
@settings(deadline=None)
def test_damaged_dialogue_raises_nothing(data: st.DataObject) -> None:
    expect_no_harm(dialogue(), data)
