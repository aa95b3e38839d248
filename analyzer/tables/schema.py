"""Every table's columns, once: name, type, unit, meaning.

The tables, their exports and their documentation are all made from this:

    python -m analyzer.tables.schema > docs/tables.md
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from analyzer.sessions.failures import Failure
from dissectors.registry import BUILTIN, known_anomalies

SCHEMA_VERSION = 4

_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())
_COUNT = pa.int64()
_SECONDS = pa.float64()
_TIME = pa.timestamp("ns", tz="UTC")
_FLAG = pa.bool_()
_PORT = pa.uint16()
_CODE = pa.int16()
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


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, Arrow type and meaning; units are in the name."""

    name: str
    type: pa.DataType
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what a row is, and its columns in order."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def arrow(self) -> pa.Schema:
        """The table's Arrow schema."""
        fields = [pa.field(column.name, column.type) for column in self.columns]
        return pa.schema(fields, metadata={"mailtap_schema": str(SCHEMA_VERSION)})


SESSIONS = Table(
    "sessions",
    "One TCP connection that carried, or tried to carry, a mail protocol.",
    (
        Column("session_id", _TEXT, "same for the same traffic, however it was read"),
        Column("community_id", _TEXT, "Community ID 1.0 flow hash, seed 0"),
        Column("protocol", _TEXT, "smtp, imap, pop3"),
        Column("service", _TEXT, "service by port; the protocol on another port"),
        Column(
            "role",
            _TEXT,
            "relay (between servers, no login was seen), submission, access",
        ),
        Column("client_ip", _TEXT, "address of the side that opened the connection"),
        Column("client_port", _PORT, "its port"),
        Column("server_ip", _TEXT, "address of the other side"),
        Column("server_port", _PORT, "its port"),
        Column("vlan", pa.int32(), "outermost VLAN ID"),
        Column("capture", _TEXT, "capture that holds the first packet"),
        Column("first_frame", _COUNT, "number of the first packet in that capture"),
        Column("start", _TIME, "time of the first packet"),
        Column("end", _TIME, "time of the last packet"),
        Column("duration_s", _SECONDS, "from the first to the last packet"),
        Column(
            "tcp_rtt_s",
            _SECONDS,
            "from the SYN to the client's ACK that completes the handshake; like all "
            "times, null where one of both was not captured, or the clock went back",
        ),
        Column("banner_delay_s", _SECONDS, "from that ACK to the server's greeting"),
        Column("login_delay_s", _SECONDS, "from that ACK to the login's success"),
        Column("idle_s", _SECONDS, "how long the client waited for news (IMAP IDLE)"),
        Column("slowest_verb", _TEXT, "command whose answer took longest; never IDLE"),
        Column("slowest_s", _SECONDS, "how long that was"),
        Column("client_packets", _COUNT, "packets from the client"),
        Column("server_packets", _COUNT, "packets from the server"),
        Column(
            "copied_packets",
            _COUNT,
            "how many of both were captured a second time, as by a mirror port that "
            "sees them twice; they are no retransmissions",
        ),
        Column("client_bytes", _COUNT, "distinct payload bytes from the client"),
        Column("server_bytes", _COUNT, "distinct payload bytes from the server"),
        Column("missing_bytes", _COUNT, "payload bytes that were not captured"),
        Column("retransmitted_bytes", _COUNT, "payload bytes that came again"),
        Column(
            "ended",
            _TEXT,
            "closed, reset, timeout, open; or, if it never began: refused (its SYN was "
            "answered by RST), unanswered",
        ),
        Column(
            "complete",
            _FLAG,
            "the start and both directions were seen, and all was read",
        ),
        Column(
            "tls_mode",
            _TEXT,
            "none, implicit, starttls; null if it is TLS, and how that began was not "
            "captured",
        ),
        Column(
            "protection",
            _TEXT,
            "protected, protected-weakly, plaintext-login, plaintext-mail, "
            "plaintext-empty, unknown",
        ),
        Column(
            "starttls",
            _TEXT,
            "furthest step of the upgrade: not-offered, offered, refused, accepted, "
            "unknown; null where TLS began with the connection",
        ),
        Column(
            "tls_version",
            _TEXT,
            "negotiated version, such as TLSv1.3; these columns are of the last "
            "handshake, if one failed and another one followed",
        ),
        Column("tls_cipher", _TEXT, "negotiated cipher suite, IANA name"),
        Column("tls_group", _TEXT, "group of the key exchange, such as x25519"),
        Column("tls_post_quantum", _FLAG, "that group withstands quantum computers"),
        Column("tls_forward_secret", _FLAG, "keys stolen later will not open it"),
        Column("tls_signature", _TEXT, "scheme of the server's signature"),
        Column("tls_weaknesses", _TEXTS, "what RFC 9325 advises against, in words"),
        Column("tls_established", _FLAG, "the handshake was over: data was encrypted"),
        Column(
            "tls_handshake_s", _SECONDS, "from the first hello to the last Finished"
        ),
        Column("tls_failed_after", _TEXT, "last step of a handshake that failed"),
        Column(
            "tls_resumption",
            _TEXT,
            "how an earlier session goes on: none, session-id, ticket, psk",
        ),
        Column("tls_retried", _FLAG, "the server asked for another hello"),
        Column(
            "tls_early_data", _TEXT, "0-RTT data: offered, sent, accepted, rejected"
        ),
        Column(
            "tls_client_certificate",
            _TEXT,
            "of the client: not-requested, requested, given, refused",
        ),
        Column("tls_secure_renegotiation", _FLAG, "both sides know RFC 5746"),
        Column("tls_renegotiations", _COUNT, "further handshakes that were decrypted"),
        Column("tls_decrypted", _FLAG, "what it hid was decrypted with a key log"),
        Column("tls_sni", _TEXT, "host name that the client asked for"),
        Column(
            "tls_ech",
            _FLAG,
            "the client sent an Encrypted Client Hello, or one that means nothing "
            "(GREASE); tls_sni is then not the host inside",
        ),
        Column("tls_alpn", _TEXT, "application protocol that the server chose"),
        Column("tls_alert", _TEXT, "first fatal alert that could be read"),
        Column("tls_alerts", _TEXTS, "all of them: side, level, name and meaning"),
        Column("tls_offered_versions", _TEXTS, "what the client offers: versions"),
        Column("tls_offered_ciphers", _TEXTS, "cipher suites"),
        Column("tls_offered_groups", _TEXTS, "groups"),
        Column("tls_offered_signatures", _TEXTS, "signature schemes"),
        Column("tls_offered_alpn", _TEXTS, "application protocols"),
        Column("tls_grease", _FLAG, "and reserved values, which mean nothing"),
        Column("ja3", _TEXT, "JA3 fingerprint of the client"),
        Column("ja3s", _TEXT, "JA3S fingerprint of the server"),
        Column("ja4", _TEXT, "JA4 fingerprint of the client"),
        Column("cert_sha256", _TEXT, "server certificate: its fingerprint"),
        Column(
            "cert_status",
            _TEXT,
            "whether its chain was to be trusted then: valid, expired, not-yet-valid, "
            "self-signed, issuer-missing, untrusted-root, invalid, unreadable",
        ),
        Column("cert_name_matches", _FLAG, "it is for the host that was asked for"),
        Column("cert_subject", _TEXT, "server certificate: subject (RFC 4514)"),
        Column("cert_issuer", _TEXT, "server certificate: issuer (RFC 4514)"),
        Column("cert_names", _TEXTS, "server certificate: subject alternative names"),
        Column("cert_not_before", _TIME, "server certificate: valid from"),
        Column("cert_not_after", _TIME, "server certificate: valid until"),
        Column("banner", _TEXT, "first greeting line without code or status"),
        Column(
            "state",
            _TEXT,
            "state that the session came to: not authenticated, authenticated, "
            "selected, logout (IMAP); authorization, transaction, update (POP3)",
        ),
        Column("server_software", _TEXT, "what the server says that it is"),
        Column("server_id", _TEXTS, "all that it says of itself, as name=value (IMAP)"),
        Column("capabilities", _TEXTS, "last list that the server announced"),
        Column("capabilities_before_tls", _TEXTS, "last list before STARTTLS"),
        Column("capabilities_before_login", _TEXTS, "last list before the login"),
        Column("extensions", _TEXTS, "extensions that were used, not only announced"),
        Column("helo", _TEXT, "argument of the last HELO, EHLO or LHLO"),
        Column(
            "forwarded_client",
            _TEXTS,
            "what a proxy told of the client, as NAME=value (XCLIENT, XFORWARD, "
            "IMAP's ID, PROXY protocol)",
        ),
        Column("client_software", _TEXT, "what the client says that it is"),
        Column("client_id", _TEXTS, "all that it says of itself, as name=value (IMAP)"),
        Column(
            "auth_offered",
            _TEXTS,
            "mechanisms by which the server would let clients log in without TLS",
        ),
        Column(
            "auth_mechanism",
            _TEXT,
            "SASL mechanism; USER, APOP (POP3) and LOGIN (IMAP) for the commands; of "
            "the first successful attempt, else of the last",
        ),
        Column("auth_user", _TEXT, "user of that attempt"),
        Column("auth_authzid", _TEXT, "whom that user asked to act as, if given"),
        Column("auth_result", _TEXT, "its result: success, failure, unknown"),
        Column("auth_attempts", _COUNT, "authentications that were seen"),
        Column("auth_failures", _COUNT, "how many of them failed"),
        Column(
            "auth_exposure", _TEXT, "worst exposed: nothing, offline, token, password"
        ),
        Column(
            "credentials_exposed",
            _FLAG,
            "a password or a token crossed in clear; null if none was seen, but the "
            "session was not read to its end",
        ),
        Column("mail_from", _TEXTS, "address of every MAIL command"),
        Column("rcpt_to", _TEXTS, "address of every RCPT command"),
        Column("rcpt_refused", _TEXTS, "those of them that the server refused"),
        Column("reply_codes", pa.list_(_CODE), "SMTP reply codes in order"),
        Column("last_error", _TEXT, "last negative answer"),
        Column(
            "failure",
            _TEXT,
            "what the client could not do, the first of these that holds: "
            + ", ".join(Failure),
        ),
        Column(
            "failure_detail", _TEXT, "what the server said then, or the alert of TLS"
        ),
        Column(
            "failure_temporary",
            _FLAG,
            "the server said that it may be different later (4yz, UNAVAILABLE, ...); "
            "null if it did not say",
        ),
        Column("messages_sent", _COUNT, "messages that the client sent (SMTP)"),
        Column("messages_appended", _COUNT, "messages that the client stored (IMAP)"),
        Column("message_bytes", _COUNT, "size of all messages that crossed the wire"),
        Column("mailboxes", _TEXTS, "mailboxes that were selected, each once"),
        Column("mailboxes_listed", _COUNT, "mailboxes that the server listed"),
        Column(
            "mailboxes_changed",
            _COUNT,
            "mailboxes that were created, deleted, renamed or (un)subscribed",
        ),
        Column(
            "messages_available",
            _COUNT,
            "messages in the maildrop (POP3), or in the last mailbox (IMAP)",
        ),
        Column("messages_retrieved", _COUNT, "whole messages that the client got"),
        Column(
            "headers_fetched",
            _COUNT,
            "messages of which it got header fields only (TOP, ENVELOPE, ...)",
        ),
        Column("parts_fetched", _COUNT, "MIME parts that it got without the rest"),
        Column("flags_changed", _COUNT, "messages whose flags it changed"),
        Column("messages_copied", _COUNT, "messages that it copied to a mailbox"),
        Column("messages_moved", _COUNT, "messages that it moved to a mailbox"),
        Column("messages_deleted", _COUNT, "messages deleted or expunged"),
        Column("messages_left", _COUNT, "messages that were left in the maildrop"),
        Column(
            "retention",
            _TEXT,
            "what POP3 clients did with what they got: left-on-server, deleted, "
            "some-deleted",
        ),
        Column(
            "synchronisation",
            _TEXT,
            "what an IMAP client learned of the mailboxes it selected: none, new (of "
            "some messages), complete (of every message in one of them)",
        ),
        Column("anomalies", _TEXTS, "codes of what was odd, each once"),
    ),
)

MESSAGES = Table(
    "messages",
    "One message that crossed the wire in clear or was decrypted, or part of one.",
    (
        Column("session_id", _TEXT, "its session"),
        Column("direction", _TEXT, "submitted, relayed, retrieved, appended"),
        Column("verb", _TEXT, "command that carried it, such as DATA, BDAT, RETR"),
        Column("time", _TIME, "when its last byte was seen"),
        Column("capture", _TEXT, "capture that holds that packet"),
        Column("frame", _COUNT, "number of that packet"),
        Column("mail_from", _TEXT, "envelope sender (SMTP)"),
        Column("rcpt_to", _TEXTS, "accepted envelope recipients (SMTP)"),
        Column("parameters", _TEXTS, "parameters of MAIL and RCPT, each once (SMTP)"),
        Column("mailbox", _TEXT, "where it is stored (IMAP)"),
        Column("message_id", _TEXT, "Message-ID as sent"),
        Column("in_reply_to", _TEXT, "In-Reply-To as sent"),
        Column("subject", _TEXT, "Subject, decoded"),
        Column("from", _TEXT, "From, decoded"),
        Column("reply_to", _TEXT, "Reply-To, decoded"),
        Column("to", _TEXTS, "addresses of To and Cc without groups, decoded"),
        Column("date", _TEXT, "Date as sent"),
        Column("mailer", _TEXT, "User-Agent or X-Mailer"),
        Column("list_id", _TEXT, "List-Id of a mailing list"),
        Column("received", _TEXTS, "Received fields, newest first"),
        Column(
            "originating_ip",
            _TEXT,
            "where it was written, by its header: as the first server saw it",
        ),
        Column("dkim", _TEXTS, "DNS name of each DKIM key: selector and domain"),
        Column("authentication_results", _TEXTS, "Authentication-Results fields"),
        Column("content_type", _TEXT, "media type of the whole"),
        Column("part_count", _COUNT, "MIME parts that are no multipart"),
        Column("size_bytes", _COUNT, "size of what was seen"),
        Column("transfer_s", _SECONDS, "from its first to its last byte"),
        Column("bytes_per_s", _SECONDS, "size by that time"),
        Column(
            "outcome",
            _TEXT,
            "accepted, refused, complete, partial (only its header or some parts were "
            "asked for), cut, unknown",
        ),
        Column("incomplete", _FLAG, "some of it was not captured, or not sent"),
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
        Column("session_id", _TEXT, "its session"),
        Column("kind", _TEXT, "command, greeting, message, unsolicited"),
        Column("verb", _TEXT, "command in upper case; null if none was sent"),
        Column(
            "answered",
            _TEXT,
            "what the answer is to: the command, also where its message ended that the "
            "answer is to (DATA, BDAT)",
        ),
        Column("argument", _TEXT, "rest of the command, secrets replaced by ***"),
        Column("time", _TIME, "time of the command, or of the answer without one"),
        Column("reply_code", _CODE, "reply code (SMTP)"),
        Column("enhanced_status_code", _TEXT, "such as 5.7.8 (SMTP, RFC 3463)"),
        Column("status", _TEXT, "+OK, -ERR (POP3); OK, NO, BAD, * BYE (IMAP)"),
        Column("response_code", _TEXT, "such as IN-USE (POP3), TRYCREATE (IMAP)"),
        Column("reply_text", _TEXT, "text of the answer"),
        Column("latency_s", _SECONDS, "from the command to its answer"),
        Column("capture", _TEXT, "capture that holds these packets"),
        Column("request_frame", _COUNT, "packet that completed the command"),
        Column(
            "reply_frame",
            _COUNT,
            "packet that completed the answer; null if another capture holds it",
        ),
    ),
)

ANOMALIES = Table(
    "anomalies",
    "Something odd in a session.",
    (
        Column("session_id", _TEXT, "its session"),
        Column("code", _TEXT, "what it is; stable"),
        Column("side", _TEXT, "client, server"),
        Column("offset", _COUNT, "place in that side's stream"),
        Column("time", _TIME, "when"),
        Column("capture", _TEXT, "capture that holds the packet"),
        Column("frame", _COUNT, "number of the packet"),
        Column("detail", _TEXT, "more, in words"),
    ),
)

CERTIFICATES = Table(
    "certificates",
    "One certificate that was shown in clear, or decrypted.",
    (
        Column("sha256", _TEXT, "its fingerprint"),
        Column("subject", _TEXT, "subject (RFC 4514)"),
        Column("issuer", _TEXT, "issuer (RFC 4514)"),
        Column("serial", _TEXT, "serial number, in hexadecimal"),
        Column("names", _TEXTS, "subject alternative names"),
        Column("not_before", _TIME, "valid from"),
        Column("not_after", _TIME, "valid until"),
        Column("key_type", _TEXT, "such as RSA, EC secp256r1, Ed25519"),
        Column("key_bits", _COUNT, "size of the key"),
        Column("signature_algorithm", _TEXT, "by which its issuer signed it"),
        Column("self_signed", _FLAG, "it signed itself"),
        Column("is_ca", _FLAG, "it may sign others"),
        Column(
            "shown_as",
            _TEXTS,
            "server, server-chain, client, client-chain; any of them",
        ),
        Column("first_seen", _TIME, "start of the first session that showed it"),
        Column("last_seen", _TIME, "start of the last one"),
        Column("session_count", _COUNT, "how many sessions showed it"),
        Column("sessions", _TEXTS, "which ones; 10,000 at most"),
    ),
)

TABLES = (SESSIONS, MESSAGES, EXCHANGES, CERTIFICATES, ANOMALIES)

# for people: what pandas, a JSON file or a spreadsheet shows
_TYPE_NAMES = {
    _TEXT: "text",
    _TEXTS: "texts",
    _COUNT: "integer",
    _SECONDS: "number",
    _TIME: "time",
    _FLAG: "true or false",
    _PORT: "integer",
    _CODE: "integer",
    pa.int32(): "integer",
    pa.list_(_CODE): "integers",
    pa.list_(_ATTACHMENT): "objects",
}


def as_markdown() -> str:
    """The documentation of all tables."""
    about = (
        "Made by `python -m analyzer.tables.schema`. Times are in UTC, with "
        "nanoseconds.\n"
        "What was not seen is null; a list without items is empty.\n"
    )
    parts = ["# Tables\n", about]
    for table in TABLES:
        rows = [
            f"| `{column.name}` | {_TYPE_NAMES[column.type]} | {column.meaning} |"
            for column in table.columns
        ]
        heading = ["| column | type | meaning |", "|---|---|---|"]
        parts.append(f"## {table.name}\n\n{table.row}\n")
        parts.append("\n".join([*heading, *rows]) + "\n")
    meanings = known_anomalies(BUILTIN)
    codes = [f"| `{code}` | {meaning} |" for code, meaning in meanings.items()]
    parts.append("## Codes of anomalies\n")
    parts.append("\n".join(["| code | meaning |", "|---|---|", *codes]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    import click

    click.echo(as_markdown(), nl=False)
