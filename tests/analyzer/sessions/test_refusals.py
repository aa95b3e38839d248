from __future__ import annotations

from typing import Any

from analyzer.sessions.failures import Failure
from analyzer.sessions.refusals import Refusals, is_negative, reply_line, unanswered
from dissectors.events import Exchange, ExchangeKind

SECOND_NS = 1_000_000_000


def exchange(
    verb: str | None = None,
    code: int | None = None,
    argument: str | None = None,
    kind: ExchangeKind = ExchangeKind.COMMAND,
    *,
    after_s: int = 1,
    **reply: Any,
) -> Exchange:
    is_answered = code is not None or "status" in reply
    time_ns = after_s * SECOND_NS if is_answered else None
    return Exchange(
        0, kind, verb, argument, reply_code=code, reply_time_ns=time_ns, **reply
    )


def refused(*exchanges: Exchange) -> list[Failure]:
    return [failure for failure, _ in Refusals(exchanges)]


def test_what_is_asked_for_again_and_granted_was_not_refused() -> None:
    first, second = exchange("SELECT", 0, "a"), exchange("SELECT", 0, "b")
    first.status, second.status = "NO", "OK"
    first.reply_code = second.reply_code = None
    again = exchange("SELECT", argument="a", status="OK")

    assert refused(first, second) == [Failure.MAILBOX_REFUSED]
    assert refused(first, second, again) == []


def test_recipients_of_one_transaction_do_not_mend_those_of_another() -> None:
    mail = exchange("MAIL", 250, "FROM:<a@b.c>")
    bad, good = (
        exchange("RCPT", 550, "TO:<x@y.z>"),
        exchange("RCPT", 250, "TO:<d@e.f>"),
    )

    assert refused(mail, bad, good, mail, good) == []
    assert refused(mail, good, mail, bad) == [Failure.RECIPIENTS_REFUSED]
    assert refused(mail, bad, mail, good) == [Failure.RECIPIENTS_REFUSED]


def test_replies_to_two_messages_are_two_deliveries() -> None:
    kind = ExchangeKind.MESSAGE
    replies = [exchange("DATA", code, kind=kind) for code in (250, 554, 250)]

    assert refused(*replies) == [Failure.MESSAGE_REFUSED]


def test_refusals_are_remembered_up_to_a_limit() -> None:
    many = [exchange("MAIL", 550, f"FROM:<{n}@b.c>") for n in range(1000)]

    assert len(refused(*many)) == 100


def test_goodbye_is_due_if_the_client_was_idle() -> None:
    kind = ExchangeKind.UNSOLICITED
    noop, bye = exchange("NOOP", 250), exchange(code=421, kind=kind, after_s=61)
    mail = exchange("MAIL", 250, "FROM:<a@b.c>")

    assert Refusals([noop, bye]).is_goodbye_due
    assert not Refusals([mail, bye]).is_goodbye_due
    bye.reply_time_ns = 60 * SECOND_NS
    assert not Refusals([noop, bye]).is_goodbye_due


def test_last_command_waits_unless_the_client_leaves() -> None:
    noop, open_, quit_ = exchange("NOOP", 250), exchange("MAIL"), exchange("QUIT")

    assert unanswered([quit_, open_, noop]) is open_
    assert unanswered([quit_, noop, open_]) is None
    assert unanswered([exchange("IDLE"), noop]) is None


def test_replies_are_said_in_a_line() -> None:
    assert reply_line(exchange("NOOP", 421, reply_text="bye")) == "421 bye"
    assert reply_line(exchange("NOOP", status="-ERR")) == "-ERR"
    assert is_negative(exchange("NOOP", 400))
    assert is_negative(exchange("NOOP", status="* BYE"))
    assert not is_negative(exchange("DATA", 354))
