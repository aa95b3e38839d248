from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import analyzer
from analyzer import reports
from analyzer.sessions.failures import Failure
from tests.support.analyses import CAPTURES, analysis_of, rows
from tests.support.traffic import (
    ACK,
    CLIENT,
    FIN,
    RST,
    SERVER,
    SYN,
    PacketScript,
    write_pcap,
)

if TYPE_CHECKING:
    from pathlib import Path

BANNERS = {25: b"220 mx ESMTP", 143: b"* OK ready", 110: b"+OK ready"}
MINUTE_MS = 60_000


def talk(port: int, *lines: bytes, greeting: bytes | None = None) -> PacketScript:
    """A greeting, and then commands and answers in turns."""
    dialogue = PacketScript(port)
    if greeting := greeting or BANNERS.get(port):
        dialogue.server(greeting + b"\r\n")
    return goes_on(dialogue, *lines)


def goes_on(dialogue: PacketScript, *lines: bytes) -> PacketScript:
    for place, line in enumerate(lines):
        side = CLIENT if place % 2 == 0 else SERVER
        dialogue.send(side, line + b"\r\n")
    return dialogue


def smtp(*lines: bytes) -> PacketScript:
    return talk(25, b"EHLO c", b"250 mx", *lines)


def imap(*lines: bytes) -> PacketScript:
    return talk(143, b"a LOGIN tom hush", b"a OK in", *lines)


def pop3(*lines: bytes) -> PacketScript:
    return talk(110, b"USER tom", b"+OK", b"PASS hush", b"+OK in", *lines)


def sending(*lines: bytes) -> PacketScript:
    return smtp(b"MAIL FROM:<a@b.c>", b"250 ok", *lines)


def row_of(dialogue: PacketScript, tmp_path: Path) -> dict[str, Any]:
    (row,) = rows(analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue)))
    return row


QUIT = (b"QUIT", b"221 bye")
RCPT = (b"RCPT TO:<d@e.f>", b"250 ok")
OTHER_RCPT = (b"RCPT TO:<g@h.i>", b"250 ok")
DATA = (b"DATA", b"354 go")
TEXT = b"Subject: x\r\n\r\nx\r\n."

REFUSED = {
    "554 greets": (
        talk(25, *QUIT, greeting=b"554 5.7.1 blocked"),
        (Failure.TURNED_AWAY, "554 5.7.1 blocked", False),
    ),
    "421 greets": (
        talk(25, greeting=b"421 too many connections"),
        (Failure.TURNED_AWAY, "421 too many connections", True),
    ),
    "BYE greets": (
        talk(143, greeting=b"* BYE too many connections"),
        (Failure.TURNED_AWAY, "* BYE too many connections", None),
    ),
    "BYE greets for now": (
        talk(143, greeting=b"* BYE [UNAVAILABLE] later"),
        (Failure.TURNED_AWAY, "* BYE [UNAVAILABLE] later", True),
    ),
    "-ERR greets": (
        talk(110, greeting=b"-ERR [SYS/TEMP] later"),
        (Failure.TURNED_AWAY, "-ERR [SYS/TEMP] later", True),
    ),
    "-ERR greets for good": (
        talk(110, greeting=b"-ERR [SYS/PERM] never"),
        (Failure.TURNED_AWAY, "-ERR [SYS/PERM] never", False),
    ),
    "hello": (
        talk(25, b"EHLO c", b"550 who are you", *QUIT),
        (Failure.HELLO_REFUSED, "550 who are you", False),
    ),
    "454 to STARTTLS": (
        smtp(b"STARTTLS", b"454 not now", *QUIT),
        (Failure.STARTTLS_REFUSED, "454 not now", True),
    ),
    "NO to STARTTLS": (
        talk(143, b"a STARTTLS", b"a NO none"),
        (Failure.STARTTLS_REFUSED, "NO none", None),
    ),
    "-ERR to STLS": (
        talk(110, b"STLS", b"-ERR none"),
        (Failure.STARTTLS_REFUSED, "-ERR none", None),
    ),
    "password": (
        talk(110, b"USER tom", b"+OK", b"PASS x", b"-ERR [AUTH] no"),
        (Failure.LOGIN_FAILED, "-ERR [AUTH] no", False),
    ),
    "user": (
        talk(110, b"USER tom", b"-ERR nobody", b"QUIT", b"+OK"),
        (Failure.LOGIN_FAILED, "-ERR nobody", None),
    ),
    "530 to MAIL": (
        smtp(b"MAIL FROM:<a@b.c>", b"530 5.7.0 log in", *QUIT),
        (Failure.SENDER_REFUSED, "530 5.7.0 log in", False),
    ),
    "what follows a refused sender": (
        smtp(b"MAIL FROM:<a@b.c>", b"552 full", b"RCPT TO:<d@e.f>", b"503 no", *QUIT),
        (Failure.SENDER_REFUSED, "552 full", False),
    ),
    "greylisted recipient": (
        sending(b"RCPT TO:<d@e.f>", b"450 4.7.1 later", *QUIT),
        (Failure.RECIPIENTS_REFUSED, "450 4.7.1 later", True),
    ),
    "all recipients, and DATA": (
        sending(
            *(b"RCPT TO:<d@e.f>", b"550 no", b"RCPT TO:<g@h.i>", b"550 never"),
            *(b"DATA", b"554 no valid recipients"),
        ),
        (Failure.RECIPIENTS_REFUSED, "550 no", False),
    ),
    "recipient of the second message": (
        sending(
            *(*RCPT, *DATA, TEXT, b"250 ok", b"MAIL FROM:<a@b.c>", b"250 ok"),
            *(b"RCPT TO:<g@h.i>", b"550 no", *QUIT),
        ),
        (Failure.RECIPIENTS_REFUSED, "550 no", False),
    ),
    "DATA": (
        sending(*RCPT, b"DATA", b"451 try later", *QUIT),
        (Failure.MESSAGE_REFUSED, "451 try later", True),
    ),
    "554 to the message": (
        sending(*RCPT, *DATA, TEXT, b"554 5.7.1 spam", *QUIT),
        (Failure.MESSAGE_REFUSED, "554 5.7.1 spam", False),
    ),
    "first of two messages": (
        sending(
            *(*RCPT, *DATA, TEXT, b"554 spam", b"MAIL FROM:<a@b.c>", b"250 ok"),
            *(*RCPT, *DATA, TEXT, b"250 ok", *QUIT),
        ),
        (Failure.MESSAGE_REFUSED, "554 spam", False),
    ),
    "554 to the last chunk": (
        sending(*RCPT, b"BDAT 4 LAST\r\nx\r\n", b"554 spam", *QUIT),
        (Failure.MESSAGE_REFUSED, "554 spam", False),
    ),
    "552 to the first chunk": (
        sending(*RCPT, b"BDAT 4\r\nx\r\n", b"552 full", b"RSET", b"250 ok", *QUIT),
        (Failure.MESSAGE_REFUSED, "552 full", False),
    ),
    "every chunk": (
        goes_on(
            sending(*RCPT).client(b"BDAT 3\r\nabc").server(b"552 full\r\n"),
            *(b"BDAT 1 LAST\r\nd", b"503 no", *QUIT),
        ),
        (Failure.MESSAGE_REFUSED, "552 full", False),
    ),
    "one recipient of LMTP": (
        talk(
            *(25, b"LHLO c", b"250 mx", b"MAIL FROM:<a@b.c>", b"250 ok"),
            *(*RCPT, *OTHER_RCPT, *DATA, TEXT, b"250 ok\r\n452 4.2.2 full", *QUIT),
        ),
        (Failure.MESSAGE_REFUSED, "452 4.2.2 full", True),
    ),
    "421 to a command": (
        smtp(b"NOOP", b"421 going down"),
        (Failure.CLOSED_BY_SERVER, "421 going down", True),
    ),
    "BYE": (
        imap(b"b SELECT INBOX", b"b OK").server(b"* BYE shutting down\r\n"),
        (Failure.CLOSED_BY_SERVER, "* BYE shutting down", None),
    ),
    "BYE instead of an answer, much later": (
        imap(b"b SELECT INBOX").wait(5 * MINUTE_MS).server(b"* BYE internal error\r\n"),
        (Failure.CLOSED_BY_SERVER, "* BYE internal error", None),
    ),
    "APPEND": (
        imap(b"b APPEND Sent {3+}\r\nabc", b"b NO [TRYCREATE] none"),
        (Failure.MESSAGE_REFUSED, "NO [TRYCREATE] none", None),
    ),
    "APPEND, though a smaller one fits": (
        imap(
            *(b"b APPEND Sent {3}", b"b NO [OVERQUOTA] full"),
            *(b"c APPEND Sent {1+}\r\na", b"c OK"),
        ),
        (Failure.MESSAGE_REFUSED, "NO [OVERQUOTA] full", None),
    ),
    "SELECT": (
        imap(b"b SELECT Old", b"b NO [NONEXISTENT] none", b"c SELECT INBOX", b"c OK"),
        (Failure.MAILBOX_REFUSED, "NO [NONEXISTENT] none", False),
    ),
    "FETCH": (
        imap(b"b SELECT INBOX", b"b OK", b"c FETCH 1 BODY[]", b"c NO [UNAVAILABLE] x"),
        (Failure.RETRIEVAL_REFUSED, "NO [UNAVAILABLE] x", True),
    ),
    "RETR": (
        pop3(b"RETR 9", b"-ERR none", b"QUIT", b"+OK"),
        (Failure.RETRIEVAL_REFUSED, "-ERR none", None),
    ),
    "to delete": (
        pop3(b"DELE 1", b"+OK", b"QUIT", b"-ERR some are left"),
        (Failure.CHANGE_REFUSED, "-ERR some are left", None),
    ),
    "COPY": (
        imap(b"b COPY 1 Old", b"b NO [TRYCREATE] none"),
        (Failure.CHANGE_REFUSED, "NO [TRYCREATE] none", None),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_server_refuses(name: str, tmp_path: Path) -> None:
    dialogue, expected = REFUSED[name]

    row = row_of(dialogue.close(), tmp_path)

    told = (row["failure"], row["failure_detail"], row["failure_temporary"])
    assert told == expected


MENDED = {
    "EHLO, and takes HELO": smtp(b"EHLO d", b"502 what", b"HELO d", b"250 mx", *QUIT),
    "password, and takes another": talk(
        *(110, b"USER tom", b"+OK", b"PASS x", b"-ERR no"),
        *(b"USER tom", b"+OK", b"PASS y", b"+OK in", b"QUIT", b"+OK"),
    ),
    "second login": imap(b"b LOGIN tom hush", b"b BAD you are in"),
    "sender until he logs in": smtp(
        *(b"MAIL FROM:<a@b.c> SIZE=3", b"530 log in"),
        *(b"AUTH PLAIN AHRvbQBodXNo", b"235 in", b"MAIL FROM:<A@b.c>", b"250 ok"),
        *(*RCPT, *DATA, TEXT, b"250 ok", *QUIT),
    ),
    "first recipient": sending(
        *(b"RCPT TO:<x@y.z>", b"550 no", *RCPT, *DATA, TEXT, b"250 ok", *QUIT)
    ),
    "last recipient": sending(
        *(*RCPT, b"RCPT TO:<x@y.z>", b"550 no", *DATA, TEXT, b"250 ok", *QUIT)
    ),
    "recipient, and takes him later": sending(
        *(b"RCPT TO:<d@e.f>", b"450 later", b"RSET", b"250 ok"),
        *(b"MAIL FROM:<a@b.c>", b"250 ok", *RCPT, *DATA, TEXT, b"250 ok", *QUIT),
    ),
    "mailbox until it is there": imap(
        *(b"b APPEND Sent {3+}\r\nabc", b"b NO [TRYCREATE] none"),
        *(b"c CREATE Sent", b"c OK", b"d APPEND Sent {3+}\r\nabc", b"d OK"),
    ),
    "what is but a question": pop3(
        *(b"CAPA", b"-ERR what", b"UIDL", b"-ERR what", b"NOOP", b"-ERR what"),
    ),
    "a name to be verified": smtp(b"VRFY tom", b"550 no", b"EXPN x", b"502 no", *QUIT),
    "what nobody asked": goes_on(
        talk(25).server(b"500 what\r\n"), b"EHLO c", b"250 mx", *QUIT
    ),
    "nothing, and says BYE to LOGOUT": imap(b"b LOGOUT", b"* BYE out\r\nb OK"),
}


@pytest.mark.parametrize("name", MENDED)
def test_server_refuses_only(name: str, tmp_path: Path) -> None:
    row = row_of(MENDED[name].close(), tmp_path)

    assert (row["failure"], row["failure_detail"]) == (None, None)


IDLE = {
    "IMAP": imap().wait(30 * MINUTE_MS).server(b"* BYE Autologout\r\n"),
    "POP3": pop3().wait(10 * MINUTE_MS).server(b"-ERR inactive\r\n"),
    "SMTP": smtp().wait(5 * MINUTE_MS).server(b"421 timeout\r\n"),
    "IDLE": imap(b"b IDLE", b"+ idling")
    .wait(30 * MINUTE_MS)
    .server(b"* BYE Autologout\r\n"),
}


@pytest.mark.parametrize("name", IDLE)
def test_server_sends_idle_client_away(name: str, tmp_path: Path) -> None:
    assert row_of(IDLE[name].close(), tmp_path)["failure"] is None


def test_server_sends_client_away_within_a_transaction(tmp_path: Path) -> None:
    dialogue = sending(*RCPT).wait(5 * MINUTE_MS).server(b"421 timeout\r\n")

    assert row_of(dialogue.close(), tmp_path)["failure"] == "closed-by-server"


def by_server(dialogue: PacketScript) -> PacketScript:
    """The server ends the connection."""
    dialogue.send(SERVER, flags=FIN | ACK).send(CLIENT, flags=FIN | ACK)
    return dialogue.send(SERVER, flags=ACK)


def reset(dialogue: PacketScript, side: Any = SERVER) -> PacketScript:
    return dialogue.send(side, flags=RST | ACK)


def syn(*answers: int) -> PacketScript:
    """A SYN to an IMAP server, and packets with these flags in answer."""
    dialogue = PacketScript(143, handshake=False).send(CLIENT, flags=SYN)
    for flags in answers:
        dialogue.send(SERVER, flags=flags)
    return dialogue


def half_a_message() -> PacketScript:
    return sending(*RCPT, *DATA).client(b"Subject: x\r\n\r\nhalf")


BROKEN_OFF = {
    "a closed port answers": (syn(RST | ACK), "connection-refused"),
    "nobody answers": (syn(), "no-answer"),
    "the server closes without a word": (by_server(PacketScript(110)), "no-greeting"),
    "the client waits in vain for a word": (
        PacketScript(110).wait(30_000).close(),
        "no-greeting",
    ),
    "the client only looks whether there is a server": (
        PacketScript(110).close(),
        None,
    ),
    "the client waits for TLS to be spoken": (by_server(PacketScript(993)), None),
    "the server sends the client away": (
        by_server(talk(25).server(b"554 go away\r\n")),
        "closed-by-server",
    ),
    "the server begins no TLS": (
        by_server(smtp(b"STARTTLS", b"220 go")),
        "tls-failed",
    ),
    "the client begins no TLS": (smtp(b"STARTTLS", b"220 go").close(), None),
    "the client scans": (
        reset(syn(SYN | ACK), CLIENT),
        None,
    ),
    "the server resets": (reset(smtp()), "connection-reset"),
    "the server resets after QUIT": (reset(smtp(*QUIT)), None),
    "the client resets after an unanswered QUIT": (reset(smtp(b"QUIT"), CLIENT), None),
    "the server closes instead of an answer": (
        by_server(smtp(b"MAIL FROM:<a@b.c>")),
        "unanswered",
    ),
    "the client waits in vain for an answer": (
        sending(*RCPT, *DATA, TEXT).wait(30_000).close(),
        "unanswered",
    ),
    "the client does not wait for an answer": (smtp(b"NOOP").close(), None),
    "the server closes an idle connection": (by_server(imap()), None),
    "RETR breaks off": (
        by_server(pop3(b"RETR 1", b"+OK\r\nSubject: x\r\n\r\nhalf")),
        "message-cut",
    ),
    "FETCH breaks off": (
        by_server(
            imap(
                *(b"b SELECT INBOX", b"b OK", b"c FETCH 1 BODY[]"),
                b"* 1 FETCH (BODY[] {999}\r\nSubject: x\r\n\r\nhalf",
            )
        ),
        "message-cut",
    ),
    "APPEND breaks off": (
        by_server(imap(b"b APPEND Sent {999+}\r\nSubject: x\r\n\r\nhalf")),
        "message-cut",
    ),
    "a chunk breaks off": (
        by_server(sending(*RCPT, b"BDAT 999 LAST\r\nSubject: x")),
        "message-cut",
    ),
    "the rest is not fetched": (
        imap(
            *(b"b SELECT INBOX", b"b OK", b"c FETCH 1 BODY[]<0.5>"),
            *(b"* 1 FETCH (BODY[]<0> {5}\r\nSubje)\r\nc OK",),
            *(b"d LOGOUT", b"* BYE\r\nd OK"),
        ).close(),
        None,
    ),
}


@pytest.mark.parametrize("name", BROKEN_OFF)
def test_session_ends_early(name: str, tmp_path: Path) -> None:
    dialogue, failure = BROKEN_OFF[name]

    # a later packet ends what nobody answers
    later = PacketScript(110, client_port=50_000, start_ms=10 * MINUTE_MS)
    path = write_pcap(tmp_path / "a.pcap", dialogue, later)
    row = next(r for r in rows(analyzer.analyze(path)) if r["client_port"] == 40_000)

    assert row["failure"] == failure


def test_message_that_the_capture_cuts_has_not_failed(tmp_path: Path) -> None:
    assert row_of(half_a_message(), tmp_path)["failure"] is None


def test_message_is_cut_by_whoever_closes_first(tmp_path: Path) -> None:
    assert row_of(by_server(half_a_message()), tmp_path)["failure"] == "message-cut"


def test_gap_may_hide_that_a_message_ended(tmp_path: Path) -> None:
    dialogue = sending(*RCPT, *DATA).client(b"x\r\n").lose(CLIENT, 5)

    assert row_of(by_server(dialogue), tmp_path)["failure"] is None


def test_gap_may_hide_a_logout(tmp_path: Path) -> None:
    dialogue = imap().lose(CLIENT, 10).server(b"* BYE out\r\n")

    assert row_of(by_server(dialogue), tmp_path)["failure"] is None


def recomputed(sessions: pd.DataFrame, exchanges: pd.DataFrame) -> pd.Series[Any]:
    """The failures once more, from columns and the codes of replies alone."""
    negative = exchanges["reply_code"].ge(400).fillna(value=False)
    negative |= exchanges["status"].isin(["-ERR", "NO", "BAD", "* BYE"])

    def have(rows: pd.Series[bool]) -> pd.Series[bool]:
        return sessions["session_id"].isin(exchanges.loc[rows, "session_id"])

    kind, verb = exchanges["kind"], exchanges["verb"].fillna("")
    is_hidden = sessions["tls_mode"].ne("none").fillna(value=True)
    is_hidden &= ~sessions["tls_decrypted"].fillna(value=False)
    begun = sessions["tls_mode"].ne("none").fillna(value=True)
    begun &= sessions["tls_version"].notna() | sessions["tls_alert"].notna()
    holds = {
        "connection-refused": sessions["ended"] == "refused",
        "no-answer": sessions["ended"] == "unanswered",
        "turned-away": have(negative & (kind == "greeting")),
        "tls-failed": begun & sessions["tls_alert"].notna(),
        "login-failed": sessions["auth_result"].eq("failure").fillna(value=False),
        "sender-refused": have(negative & (verb == "MAIL")),
        "recipients-refused": have(negative & (verb == "RCPT"))
        & ~have(~negative & (verb == "RCPT")),
        "message-refused": have(negative & (kind == "message"))
        | have(negative & verb.isin(["DATA", "BDAT"]) & (kind == "command")),
        "connection-reset": (sessions["ended"] == "reset")
        & ~have(verb.isin(["QUIT", "LOGOUT"]))
        & ~is_hidden,
        "starttls-refused": sessions["starttls"].eq("refused").fillna(value=False),
        "mailbox-refused": have(negative & verb.isin(["SELECT", "EXAMINE"])),
    }
    found = pd.Series("", index=sessions.index)
    for failure, rows_ in reversed(holds.items()):
        found[rows_.to_numpy(dtype=bool)] = failure
    return found


@pytest.mark.parametrize("name", CAPTURES)
def test_failures_are_those_that_the_codes_of_replies_tell(name: str) -> None:
    analysis = analysis_of(name)

    expected = recomputed(analysis.sessions, analysis.exchanges)

    told = analysis.sessions["failure"].fillna("")
    assert told.tolist() == expected.tolist()
    counted = reports.failed(analysis.sessions)
    assert counted["sessions"].sum() == (expected != "").sum()
