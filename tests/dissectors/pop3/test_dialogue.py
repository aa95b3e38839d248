from __future__ import annotations

import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.events import (
    Anomaly,
    AuthAttempted,
    CapabilitiesAnnounced,
    Exchange,
    ExchangeKind,
    Exposure,
    GreetingReceived,
    MessagesDeleted,
    Outcome,
    SoftwareIdentified,
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
from tests.support.pop3 import ERR, GREETED, OK, greeted, playbook

FAILURE, SUCCESS, UNKNOWN = Outcome.FAILURE, Outcome.SUCCESS, Outcome.UNKNOWN


CLIENT_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"


def test_server_refuses_connection() -> None:
    playbook().server(b"-ERR busy\r\n").expect(
        exchange(None, reply=ERR, kind=ExchangeKind.GREETING),
        GreetingReceived("busy", None),
    )


def test_exchange_has_times_frames_and_text() -> None:
    play = greeted().client(b"stat\r\n").server(b"+OK 2 320\r\n")
    assert play.events_of(Exchange)[-1] == Exchange(
        number=2,
        kind=ExchangeKind.COMMAND,
        verb="STAT",
        request_time_ns=2000,
        request_frame=2,
        status=OK,
        reply_text="2 320",
        reply_time_ns=3000,
        reply_frame=3,
    )


def test_server_sends_greeting_without_line_end() -> None:
    playbook().server(b"+OK Dovecot ready.").client(b"NOOP\r\n").server(
        b"+OK\r\n"
    ).expect(*GREETED, exchange("NOOP", reply=OK))


def test_server_logs_out_unasked() -> None:
    greeted().server(b"-ERR idle\r\n").expect(
        *GREETED, exchange(None, reply=ERR, kind=ExchangeKind.UNSOLICITED)
    )


def test_commands_are_pipelined() -> None:
    (
        greeted()
        .client(b"CAPA\r\nNOOP\r\n")
        .client(b"QUIT\r\n")
        .server(b"+OK\r\nTOP\r\n.\r\n+OK\r\n+OK bye\r\n")
        .expect(
            *GREETED,
            exchange("CAPA", reply=OK),
            CapabilitiesAnnounced(["TOP"]),
            StartTlsAdvanced(StartTls.NOT_OFFERED),
            exchange("NOOP", reply=OK),
            exchange("QUIT", reply=OK),
        )
    )


def test_unknown_command_keeps_no_argument() -> None:
    greeted().client(b"FROB x\r\n").server(b"-ERR\r\n").expect(
        *GREETED, exchange("***", reply=ERR)
    )


def test_unreadable_command_is_answered() -> None:
    greeted().client(b"?\r\n").server(b"-ERR\r\n").expect(
        *GREETED,
        anomaly("pop3_unknown_command", CLIENT),
        exchange(None, reply=ERR),
    )


def test_server_announces_capabilities() -> None:
    (
        greeted()
        .client(b"CAPA\r\n")
        .server(b"+OK list\r\ntop\r\nSASL PLAIN LOGIN\r\nSTLS\r\n")
        .server(b"IMPLEMENTATION Example 1.0\r\n.\r\n")
        .expect(
            *GREETED,
            exchange("CAPA", reply=OK),
            CapabilitiesAnnounced(
                ["TOP", "SASL PLAIN LOGIN", "STLS", "IMPLEMENTATION Example 1.0"]
            ),
            StartTlsAdvanced(StartTls.OFFERED),
            SoftwareIdentified(SERVER, "Example 1.0"),
        )
    )


def test_server_knows_no_capabilities() -> None:
    greeted().client(b"CAPA\r\n").server(b"-ERR what\r\n").expect(
        *GREETED, exchange("CAPA", reply=ERR)
    )


def test_user_logs_in_with_blanks_in_password() -> None:
    (
        greeted()
        .client(b"user ann@example.com\r\n")
        .server(b"+OK\r\n")
        .client(b"pass my secret \r\n")
        .server(b"+OK\r\n")
        .expect(
            *GREETED,
            exchange("USER", "ann@example.com", OK),
            exchange("PASS", "***", OK),
            AuthAttempted("USER", "ann@example.com", SUCCESS, Exposure.PASSWORD),
        )
    )


def test_password_is_refused_or_never_answered() -> None:
    (
        greeted()
        .client(b"USER ann\r\nPASS a\r\nUSER bob\r\nPASS b\r\n")
        .server(b"+OK\r\n-ERR\r\n+OK\r\n")
        .eof()
        .expect(
            *GREETED,
            exchange("USER", "ann", OK),
            exchange("PASS", "***", ERR),
            AuthAttempted("USER", "ann", FAILURE, Exposure.PASSWORD),
            exchange("USER", "bob", OK),
            exchange("PASS", "***"),
            AuthAttempted("USER", "bob", UNKNOWN, Exposure.PASSWORD),
        )
    )


def test_apop_is_offline_exposure() -> None:
    (
        greeted()
        .client(b"APOP ann c4c9334bac560ecc979e58001b3e22fb\r\n")
        .server(b"+OK\r\n")
        .expect(
            *GREETED,
            exchange("APOP", "ann ***", OK),
            AuthAttempted("APOP", "ann", SUCCESS, Exposure.OFFLINE),
        )
    )


def test_auth_lists_mechanisms_without_argument() -> None:
    (
        greeted()
        .client(b"AUTH\r\n")
        .server(b"+OK\r\nPLAIN\r\n.\r\n")
        .client(b"AUTH\r\n")
        .server(b"-ERR\r\n")
        .expect(*GREETED, exchange("AUTH", reply=OK), exchange("AUTH", reply=ERR))
    )


def test_auth_takes_a_challenge() -> None:
    secret = base64.b64encode(b"\0ann\0secret")
    (
        greeted()
        .client(b"AUTH PLAIN\r\n")
        .server(b"+ \r\n")
        .client(secret + b"\r\n")
        .server(b"-ERR no\r\n")
        .client(b"auth plain " + secret + b"\r\n")
        .server(b"+OK\r\n")
        .expect(
            *GREETED,
            exchange("AUTH", "PLAIN", ERR),
            AuthAttempted("PLAIN", "ann", FAILURE, Exposure.PASSWORD),
            exchange("AUTH", "PLAIN ***", OK),
            AuthAttempted("PLAIN", "ann", SUCCESS, Exposure.PASSWORD),
        )
    )


def test_secrets_are_in_no_event() -> None:
    secret = base64.b64encode(b"hunter2")
    events = (
        greeted()
        .client(b"AUTH LOGIN\r\n")
        .server(b"+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n")
        .client(b"YW5u\r\n" + secret + b"\r\n")
        .server(b"-ERR\r\n")
        .client(secret + b"\r\nUSER ann\r\nPASS hunter2\r\nPASSW hunter2\r\n")
        .gap(CLIENT, 10)
        .client(b"hunter2\r\n")
        .eof()
        .run()
    )
    assert "HUNTER2" not in repr(events).upper()
    assert secret.decode().upper() not in repr(events).upper()


def test_client_starts_tls() -> None:
    events = (
        greeted().client(b"STLS\r\n").server(b"+OK go\r\n").client(CLIENT_HELLO).run()
    )
    steps = [e.step for e in events if isinstance(e, StartTlsAdvanced)]
    assert steps == [StartTls.REQUESTED, StartTls.ACCEPTED]
    assert not [e for e in events if isinstance(e, Anomaly) and "pop3" in e.code]


def test_server_refuses_tls() -> None:
    (
        greeted()
        .client(b"STLS\r\nNOOP\r\n")
        .server(b"-ERR\r\n+OK\r\n")
        .expect(
            *GREETED,
            StartTlsAdvanced(StartTls.REQUESTED),
            exchange("STLS", reply=ERR),
            StartTlsAdvanced(StartTls.REFUSED),
            exchange("NOOP", reply=OK),
        )
    )


def test_quit_commits_deletions() -> None:
    (
        greeted()
        .client(b"DELE 1\r\nRSET\r\nDELE 1\r\nDELE 2\r\nDELE 2\r\nQUIT\r\n")
        .server(b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n-ERR\r\n+OK\r\n")
        .expect(
            *GREETED,
            exchange("DELE", "1", OK),
            exchange("RSET", reply=OK),
            exchange("DELE", "1", OK),
            exchange("DELE", "2", OK),
            exchange("DELE", "2", ERR),
            exchange("QUIT", reply=OK),
            MessagesDeleted(2, 0, 0),
        )
    )


def test_deletions_without_quit_don_t_count() -> None:
    events = greeted().client(b"DELE 1\r\n").server(b"+OK\r\n").eof().run()
    assert not [event for event in events if isinstance(event, MessagesDeleted)]


# any split, any damage


def dialogue() -> Playbook:
    return (
        greeted()
        .client(b"CAPA\r\n")
        .server(b"+OK\r\nSTLS\r\nIMPLEMENTATION x\r\n.\r\n")
        .client(b"AUTH LOGIN\r\n")
        .server(b"+ VXNlcm5hbWU6\r\n")
        .client(b"YW5u\r\n")
        .server(b"+ UGFzc3dvcmQ6\r\n")
        .client(b"c2VjcmV0\r\n")
        .server(b"-ERR\r\n")
        .client(b"USER ann\r\nPASS secret\r\nLIST\r\nRETR 1\r\nDELE 1\r\n")
        .server(b"+OK\r\n+OK\r\n+OK\r\n1 5\r\n.\r\n+OK\r\nSubject: x\r\n\r\n..\r\n")
        .server(b"\n.\n\r\n.\r\n+OK\r\n")
        .client(b"STLS\r\n")
        .server(b"+OK\r\n+OK injected\r\n" + CLIENT_HELLO)
        .client(CLIENT_HELLO)
        .eof()
    )


@given(cuts)
def test_any_split_tells_the_same(places: set[int]) -> None:
    dialogue().expect_same(split_at(places))


@given(st.data())
@settings(deadline=None)
def test_damaged_dialogue_raises_nothing(data: st.DataObject) -> None:
    expect_no_harm(dialogue(), data)
