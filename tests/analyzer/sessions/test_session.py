from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, get_args

import pytest

from analyzer.sessions.session import Session
from dissectors import events, new_dissector
from dissectors.events import (
    AuthAttempted,
    CredentialsCrossed,
    Exchange,
    ExchangeKind,
    Exposure,
    Outcome,
    Side,
    StartTls,
    StartTlsAdvanced,
    TlsAlertSeen,
    TlsHandshakeSeen,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.services import Protocol
from tests.support.dialogues import dialogues
from tests.support.playbook import play_step

if TYPE_CHECKING:
    from dissectors.events import Event


def folded(*events: Event) -> Session:
    session = Session(Protocol.SMTP)
    session.fold(events)
    return session


def auth(
    result: Outcome, user: str = "tom", exposure: Exposure = Exposure.PASSWORD
) -> AuthAttempted:
    return AuthAttempted("PLAIN", user, result, exposure)


def reply(**fields: object) -> Exchange:
    return Exchange(1, ExchangeKind.COMMAND, "NOOP", **fields)  # type: ignore[arg-type]


def test_every_event_can_be_folded() -> None:
    assert set(get_args(events.Event)) == set(Session._FOLD)


def test_successful_login_tells_who_it_was() -> None:
    attempts = [
        auth(Outcome.FAILURE, "first"),
        auth(Outcome.SUCCESS, "second"),
        auth(Outcome.FAILURE, "third"),
    ]

    session = folded(*attempts)

    assert session.auth is attempts[1]
    assert (session.auth_attempts, session.auth_failures) == (3, 2)


def test_last_login_tells_who_it_was_if_none_succeeds() -> None:
    session = folded(auth(Outcome.FAILURE, "first"), auth(Outcome.UNKNOWN, "second"))

    assert session.auth is not None
    assert session.auth.user == "second"
    assert session.auth_failures == 1


@pytest.mark.parametrize("order", list(itertools.permutations(Exposure)))
def test_worst_exposure_counts(order: tuple[Exposure, ...]) -> None:
    attempts = [auth(Outcome.FAILURE, exposure=exposure) for exposure in order]

    assert folded(*attempts).exposure is Exposure.PASSWORD


def test_token_is_worse_than_a_digest() -> None:
    attempts = [
        auth(Outcome.SUCCESS, exposure=Exposure.TOKEN),
        auth(Outcome.SUCCESS, exposure=Exposure.OFFLINE),
    ]

    assert folded(*attempts).exposure is Exposure.TOKEN


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        (reply(reply_code=550, reply_text="5.1.1 no"), "550 5.1.1 no"),
        (reply(reply_code=421), "421"),
        (reply(reply_code=250, reply_text="ok"), None),
        (reply(reply_code=354, reply_text="go on"), None),
        (reply(status="-ERR", reply_text="[AUTH] no"), "-ERR [AUTH] no"),
        (reply(status="+OK", reply_text="yes"), None),
        (reply(status="NO", reply_text="denied"), "NO denied"),
        (reply(status="BAD", reply_text="what?"), "BAD what?"),
        (reply(status="* BYE", reply_text="shutdown"), "* BYE shutdown"),
        (reply(), None),
    ],
)
def test_negative_answer_is_the_last_error(
    exchange: Exchange, error: str | None
) -> None:
    assert folded(exchange).last_error == error


def test_later_good_answer_keeps_the_last_error() -> None:
    session = folded(
        reply(reply_code=550, reply_text="a"),
        reply(reply_code=451, reply_text="b"),
        reply(reply_code=250),
    )

    assert session.last_error == "451 b"


def test_furthest_step_of_the_upgrade_counts() -> None:
    steps = [StartTls.OFFERED, StartTls.ACCEPTED, StartTls.NOT_OFFERED]
    session = folded(*map(events.StartTlsAdvanced, steps))

    assert session.starttls is StartTls.ACCEPTED
    assert session.starttls_offered


def test_first_greeting_and_handshake_count() -> None:
    hello = events.TlsHandshakeSeen()
    session = folded(
        events.GreetingReceived("first", "Postfix"),
        events.GreetingReceived("second", "Exim"),
        hello,
        events.TlsHandshakeSeen(),
    )

    assert session.greeting is not None
    assert session.greeting.text == "first"
    assert session.software[Side.SERVER] == "Postfix"
    assert session.tls is not None
    assert session.tls.handshake is hello


def test_what_a_side_says_of_itself_counts_more_than_its_greeting() -> None:
    session = folded(
        events.GreetingReceived("ready", "Postfix"),
        events.SoftwareIdentified(Side.SERVER, "Dovecot"),
        events.SoftwareIdentified(Side.CLIENT, "Thunderbird"),
    )

    assert session.software == ["Thunderbird", "Dovecot"]


def test_last_capabilities_count() -> None:
    session = folded(
        events.CapabilitiesAnnounced(["STARTTLS"]),
        events.CapabilitiesAnnounced(["AUTH"]),
    )

    assert session.capabilities == ["AUTH"]


def test_rows_of_a_session_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.sessions.details._MAX_ROWS", 2)
    session = Session(Protocol.SMTP)

    session.fold([Exchange(number, ExchangeKind.COMMAND) for number in range(4)])

    assert len(session.exchanges) == 2
    assert [(each.code, each.detail) for each in session.anomalies] == [
        ("list_too_long", "exchanges")
    ]


def test_handshake_that_succeeds_counts_more_than_one_that_failed() -> None:
    done = TlsHandshakeSeen(begin_ns=2, established=True)
    session = folded(
        TlsHandshakeSeen(begin_ns=1),
        TlsAlertSeen(Side.SERVER, "protocol_version", "x", is_fatal=True, frame=3),
        # what is left of it
        TlsHandshakeSeen(),
        TlsAlertSeen(Side.CLIENT, "decode_error", "y", is_fatal=True, frame=3),
        done,
        TlsAlertSeen(Side.SERVER, "unrecognized_name", "z", is_fatal=False, frame=3),
    )

    assert session.tls is not None
    assert session.tls.handshake is done
    assert session.tls.alert is None
    assert session.tls.alerts == ("x", "y", "z")


def test_mailboxes_are_listed_once_in_order() -> None:
    names = ["INBOX", "Sent", "INBOX"]

    session = folded(*map(events.MailboxSelected, names))

    assert list(session.mailboxes) == ["INBOX", "Sent"]


def test_deletions_are_added() -> None:
    assert folded(events.MessagesDeleted(2), events.MessagesDeleted(3)).deleted == 5


def test_refused_recipients_are_those_that_were_refused() -> None:
    session = folded(
        events.RecipientGiven("a", accepted=True),
        events.RecipientGiven("b", accepted=False),
        events.RecipientGiven("c", accepted=None),
    )

    assert session.rcpt_to == ["a", "b", "c"]
    assert session.rcpt_refused == ["b"]


def test_lists_are_bounded() -> None:
    most = DEFAULT_LIMITS.list_items
    session = Session(Protocol.SMTP)
    for number in range(most + 10):
        name = str(number)
        session.fold(
            [
                events.ReplyReceived(250),
                events.SenderGiven(name, accepted=True),
                events.RecipientGiven(name, accepted=False),
                events.MailboxSelected(name),
            ]
        )
    session.fold([events.CapabilitiesAnnounced(["X"] * (most + 10))])

    for kept in (
        session.reply_codes,
        session.mail_from,
        session.rcpt_to,
        session.rcpt_refused,
        session.mailboxes,
        session.capabilities,
    ):
        assert kept is not None
        assert len(kept) == most
    assert [(each.code, each.side, each.detail) for each in session.anomalies] == [
        ("list_too_long", Side.SERVER, "reply codes"),
        ("list_too_long", Side.CLIENT, "senders"),
        ("list_too_long", Side.CLIENT, "recipients"),
        ("list_too_long", Side.CLIENT, "mailboxes"),
    ]


def test_sealed_sessions_share_nothing_that_is_added_to() -> None:
    one, other = Session(Protocol.IMAP), Session(Protocol.IMAP)
    connection: Any = None
    for session in (one, other):
        session.fold([events.Anomaly("cut_short", Side.CLIENT, -1, 1, 1)])
        session.take_details(connection, kept=1)
        session.seal()

    # as the clock was wrong
    one.fold([events.Anomaly("wrong_clock", Side.CLIENT, -1, 2, 2)])

    assert [each.code for each in one.anomalies] == ["wrong_clock"]
    assert (other.anomalies, other.mail_from, other.mailboxes) == ([], [], {})


def test_full_list_is_told_once_and_not_for_what_is_listed() -> None:
    session = Session(Protocol.IMAP)
    names = [str(number) for number in range(DEFAULT_LIMITS.list_items)]
    session.fold(events.MailboxSelected(name) for name in [*names, *names])
    assert session.anomalies == []
    session.fold(events.MailboxSelected(name) for name in ("more", "and more"))
    assert [each.detail for each in session.anomalies] == ["mailboxes"]


def test_events_stay_as_they_were_said() -> None:
    said: list[tuple[Event, str]] = []
    for dialogue in dialogues():
        session = Session(dialogue.protocol)
        dissector = new_dissector(
            dialogue.protocol, dialogue.server_port, dialogue.key_log
        )
        for frame, step in enumerate(dialogue.steps):
            events = play_step(dissector, step, frame)
            # what of a handshake's data could be decrypted is known later
            said += [
                (event, repr(event))
                for event in events
                if not isinstance(event, TlsHandshakeSeen)
            ]
            session.fold(events)

    assert len(said) > 1000
    assert [text for event, text in said if repr(event) != text] == []


@pytest.mark.parametrize(
    "events",
    [
        [auth(Outcome.FAILURE, ""), CredentialsCrossed("tom", Exposure.PASSWORD)],
        [AuthAttempted("PLAIN", None, Outcome.FAILURE, Exposure.NOTHING),
         CredentialsCrossed("tom", Exposure.PASSWORD, "zoe")],
        [Exchange(1, ExchangeKind.GREETING, status="+OK"),
         StartTlsAdvanced(StartTls.ACCEPTED, is_inferred=True)],
    ],
)  # fmt: skip
def test_session_changes_no_event(events: list[Event]) -> None:
    before = repr(events)

    folded(*events)

    assert repr(events) == before
