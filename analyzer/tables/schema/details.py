"""The columns of what belongs to a session: messages, exchanges, logins, anomalies."""

from __future__ import annotations

import pyarrow as pa

from analyzer.tables.table import (
    CODE,
    COUNT,
    FLAG,
    SECONDS,
    TEXT,
    TEXTS,
    TIME,
    Column,
    Table,
)
from dissectors.events import Delivery, Direction, ExchangeKind, Exposure, Outcome

_ATTACHMENT = pa.struct(
    [
        ("name", pa.string()),
        ("type", pa.string()),
        ("detected_type", pa.string()),
        ("part", pa.string()),
        ("size_bytes", pa.int64()),
        ("sha256", pa.string()),
    ]
)

MESSAGES = Table(
    "messages",
    "One message that crossed the wire in plaintext or was decrypted, or part of one.",
    (
        Column("session_id", TEXT, "its session"),
        Column(
            "direction",
            TEXT,
            "submitted, relayed, retrieved, appended",
            tuple(Direction),
        ),
        Column("verb", TEXT, "command that carried it, such as DATA, BDAT, RETR"),
        Column("time", TIME, "when its last byte was seen"),
        Column("capture", TEXT, "capture that holds that packet"),
        Column("frame", COUNT, "number of that packet"),
        Column("mail_from", TEXT, "envelope sender (SMTP)"),
        Column("rcpt_to", TEXTS, "accepted envelope recipients (SMTP)"),
        Column("parameters", TEXTS, "parameters of MAIL and RCPT, each once (SMTP)"),
        Column("mailbox", TEXT, "where it is stored (IMAP)"),
        Column("message_id", TEXT, "Message-ID as sent"),
        Column("in_reply_to", TEXT, "In-Reply-To as sent"),
        Column("subject", TEXT, "Subject, decoded"),
        Column("from", TEXT, "From, decoded"),
        Column("reply_to", TEXT, "Reply-To, decoded"),
        Column("to", TEXTS, "addresses of To and Cc without groups, decoded"),
        Column("date", TEXT, "Date as sent"),
        Column("mailer", TEXT, "User-Agent or X-Mailer"),
        Column("list_id", TEXT, "List-Id of a mailing list"),
        Column("received", TEXTS, "Received fields, newest first"),
        Column(
            "originating_ip",
            TEXT,
            "where it was written, by its header: as the first server saw it",
        ),
        Column("dkim", TEXTS, "DNS name of each DKIM key: selector and domain"),
        Column("authentication_results", TEXTS, "Authentication-Results fields"),
        Column("content_type", TEXT, "media type of the whole"),
        Column("part_count", COUNT, "MIME parts that are no multipart"),
        Column("size_bytes", COUNT, "size of what was seen"),
        Column("transfer_s", SECONDS, "from its first to its last byte"),
        Column("bytes_per_s", SECONDS, "size by that time"),
        Column(
            "outcome",
            TEXT,
            "accepted, refused, complete, partial (only its header or some parts were "
            "asked for), cut, unknown",
            tuple(Delivery),
        ),
        Column("incomplete", FLAG, "some of it was not captured, or not sent"),
        Column(
            "attachments",
            pa.list_(_ATTACHMENT),
            "all parts but text without a name, signatures and reports: "
            "name, type, type by its content, place in the message, size and SHA-256",
        ),
    ),
)

EXCHANGES = Table(
    "exchanges",
    "One command and its answer; or an answer to something else than a command.",
    (
        Column("session_id", TEXT, "its session"),
        Column(
            "kind",
            TEXT,
            "command, greeting, message, unsolicited",
            tuple(ExchangeKind),
        ),
        Column("verb", TEXT, "command in upper case; null if none was sent"),
        Column(
            "answered",
            TEXT,
            "what the answer is to: the command, also where its message ended that the "
            "answer is to (DATA, BDAT)",
        ),
        Column("argument", TEXT, "rest of the command, secrets replaced by ***"),
        Column("time", TIME, "time of the command, or of the answer without one"),
        Column("reply_code", CODE, "reply code (SMTP)"),
        Column("enhanced_status_code", TEXT, "such as 5.7.8 (SMTP, RFC 3463)"),
        Column("status", TEXT, "+OK, -ERR (POP3); OK, NO, BAD, * BYE (IMAP)"),
        Column("response_code", TEXT, "such as IN-USE (POP3), TRYCREATE (IMAP)"),
        Column("reply_text", TEXT, "text of the answer"),
        Column("latency_s", SECONDS, "from the command to its answer"),
        Column("capture", TEXT, "capture that holds these packets"),
        Column("request_frame", COUNT, "packet that completed the command"),
        Column(
            "reply_frame",
            COUNT,
            "packet that completed the answer; null if another capture holds it",
        ),
    ),
)

LOGINS = Table(
    "logins",
    "One attempt to log in.",
    (
        Column("session_id", TEXT, "its session"),
        Column("number", COUNT, "within the session, from 1"),
        Column(
            "mechanism",
            TEXT,
            "SASL mechanism; USER, APOP (POP3) and LOGIN (IMAP) for the commands",
        ),
        Column("user", TEXT, "who logged in, where that can be seen"),
        Column("authzid", TEXT, "whom that user asked to act as, if given"),
        Column("result", TEXT, "success, failure, unknown", tuple(Outcome)),
        Column("reply", TEXT, "what the server answered at last"),
        Column(
            "exposure",
            TEXT,
            "what an eavesdropper learned: nothing, offline (a challenge and its "
            "response, by which passwords can be guessed), token, password",
            tuple(Exposure),
        ),
        Column("encrypted", FLAG, "it was inside TLS, which was decrypted"),
        Column("time", TIME, "time of the command, or of the answer without one"),
        Column("capture", TEXT, "capture that holds these packets"),
        Column("request_frame", COUNT, "packet that completed the command"),
        Column(
            "reply_frame",
            COUNT,
            "packet that completed the answer; null if another capture holds it",
        ),
    ),
)

ANOMALIES = Table(
    "anomalies",
    "Something odd in a session.",
    (
        Column("session_id", TEXT, "its session"),
        Column("code", TEXT, "what it is; stable"),
        Column("side", TEXT, "client, server", ("client", "server")),
        Column("offset", COUNT, "place in that side's stream"),
        Column("time", TIME, "when"),
        Column("capture", TEXT, "capture that holds the packet"),
        Column("frame", COUNT, "number of the packet"),
        Column("detail", TEXT, "more, in words"),
    ),
)
