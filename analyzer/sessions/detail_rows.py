"""The rows of what belongs to a session: messages, exchanges, logins, anomalies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.sessions.columns import columns
from analyzer.sessions.identity import capture_and_frame, session_id
from analyzer.sessions.refusals import reply_line
from analyzer.sessions.wrong_clock import exchange_latency_ns, seconds_between
from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.sessions.columns import Row
    from analyzer.sessions.details import Details, Login
    from captures import Connection
    from dissectors import events

_NS = 1e9


def detail_rows(
    details: Details, connection: Connection, captures: Sequence[str]
) -> dict[str, list[Row]]:
    """Make the rows of some details of a session.

    Args:
        details: the details.
        connection: the session's.
        captures: names of all captures.

    Returns:
        The rows by the name of their table.
    """
    name = session_id(connection)
    return {
        "messages": [
            message_row(name, message, captures) for message in details.messages
        ],
        "exchanges": [
            exchange_row(name, exchange, connection, captures)
            for exchange in details.exchanges
        ],
        "logins": [login_row(name, login, captures) for login in details.logins],
        "anomalies": [
            anomaly_row(name, anomaly, captures) for anomaly in details.anomalies
        ],
    }


@columns(
    "session_id",
    "kind",
    "verb",
    "answered",
    "argument",
    "time",
    "reply_code",
    "enhanced_status_code",
    "status",
    "response_code",
    "reply_text",
    "latency_s",
    "capture",
    "request_frame",
    "reply_frame",
)
def exchange_row(
    identifier: str,
    exchange: events.Exchange,
    connection: Connection,
    captures: Sequence[str],
) -> Row:
    """Make the row of an exchange."""
    latency_ns = exchange_latency_ns(exchange, connection)
    time_ns, reply_time_ns = exchange.request_time_ns, exchange.reply_time_ns
    return (
        identifier,
        exchange.kind,
        exchange.verb if exchange.kind is not ExchangeKind.MESSAGE else None,
        exchange.verb,
        exchange.argument,
        reply_time_ns if time_ns is None else time_ns,
        exchange.reply_code,
        exchange.enhanced_status_code,
        exchange.status,
        exchange.response_code,
        exchange.reply_text,
        latency_ns / _NS if latency_ns is not None else None,
        *_packets(exchange, captures),
    )


@columns(
    "session_id",
    "direction",
    "verb",
    "time",
    "capture",
    "frame",
    "mail_from",
    "rcpt_to",
    "parameters",
    "mailbox",
    "message_id",
    "in_reply_to",
    "subject",
    "from",
    "reply_to",
    "to",
    "date",
    "mailer",
    "list_id",
    "received",
    "originating_ip",
    "dkim",
    "authentication_results",
    "content_type",
    "part_count",
    "size_bytes",
    "transfer_s",
    "bytes_per_s",
    "outcome",
    "incomplete",
    "attachments",
)
def message_row(
    identifier: str, message: events.MessageTransferred, captures: Sequence[str]
) -> Row:
    """Make the row of a message."""
    facts = message.facts
    transfer_s = seconds_between(message.begin_ns, message.time_ns)
    return (
        identifier,
        message.direction,
        message.verb,
        message.time_ns,
        *capture_and_frame(message.frame, captures),
        message.sender,
        message.recipients,
        message.parameters,
        message.mailbox,
        facts.message_id,
        facts.in_reply_to,
        facts.subject,
        facts.from_,
        facts.reply_to,
        facts.to,
        facts.date,
        facts.mailer,
        facts.list_id,
        facts.received,
        facts.originating_ip,
        facts.dkim,
        facts.authentication_results,
        facts.content_type,
        facts.part_count,
        facts.size_bytes,
        transfer_s,
        facts.size_bytes / transfer_s if transfer_s else None,
        message.outcome,
        facts.cut,
        [
            (
                attachment.name,
                attachment.content_type,
                attachment.detected_type,
                attachment.part,
                attachment.size_bytes,
                attachment.sha256,
            )
            for attachment in facts.attachments
        ],
    )


@columns(
    "session_id",
    "number",
    "mechanism",
    "user",
    "authzid",
    "result",
    "reply",
    "exposure",
    "encrypted",
    "time",
    "capture",
    "request_frame",
    "reply_frame",
)
def login_row(identifier: str, login: Login, captures: Sequence[str]) -> Row:
    """Make the row of an attempt to log in."""
    attempt, exchange = login.attempt, login.exchange
    time_ns = reply = None
    packets: tuple[str | None, int | None, int | None] = (None, None, None)
    if exchange is not None:
        time_ns = exchange.request_time_ns or exchange.reply_time_ns
        packets = _packets(exchange, captures)
        if exchange.reply_frame is not None:
            reply = reply_line(exchange)
    return (
        identifier,
        login.number,
        attempt.mechanism,
        attempt.user,
        attempt.authzid,
        attempt.result,
        reply,
        attempt.exposure,
        attempt.secured,
        time_ns,
        *packets,
    )


@columns(
    "session_id",
    "code",
    "side",
    "offset",
    "time",
    "capture",
    "frame",
    "detail",
)
def anomaly_row(
    identifier: str, anomaly: events.Anomaly, captures: Sequence[str]
) -> Row:
    """Make the row of an anomaly."""
    return (
        identifier,
        anomaly.code,
        anomaly.side.name.lower(),
        anomaly.offset if anomaly.offset >= 0 else None,
        anomaly.time_ns,
        *capture_and_frame(anomaly.frame, captures),
        anomaly.detail or None,
    )


def _packets(
    exchange: events.Exchange, captures: Sequence[str]
) -> tuple[str | None, int | None, int | None]:
    """Return the capture that holds an exchange, and the frames of both sides there."""
    capture, request_frame = capture_and_frame(exchange.request_frame, captures)
    reply_capture, reply_frame = capture_and_frame(exchange.reply_frame, captures)
    if capture is None:
        capture = reply_capture
    elif reply_capture != capture:
        reply_frame = None
    return capture, request_frame, reply_frame
