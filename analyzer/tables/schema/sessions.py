"""The columns of `sessions`."""

from __future__ import annotations

from analyzer.sessions.certificate_status import CertificateStatus
from analyzer.sessions.failures import Failure
from analyzer.sessions.protection import TLS_MODES, VERDICTS
from analyzer.sessions.role import Role
from analyzer.tables.table import (
    CODES,
    COUNT,
    FLAG,
    PORT,
    SECONDS,
    TEXT,
    TEXTS,
    TIME,
    VLAN,
    Column,
    Table,
)
from captures import Ending
from dissectors import events

SESSIONS = Table(
    "sessions",
    "One TCP connection that carried, or tried to carry, a mail protocol.",
    (
        Column("session_id", TEXT, "same for the same traffic, however it was read"),
        Column("community_id", TEXT, "Community ID 1.0 flow hash, seed 0"),
        Column("protocol", TEXT, "smtp, imap, pop3; or one that a plug-in adds"),
        Column("service", TEXT, "service by port; the protocol on another port"),
        Column(
            "role",
            TEXT,
            "relay (between servers, no login was seen), submission, access",
            tuple(Role),
        ),
        Column("client_ip", TEXT, "address of the side that opened the connection"),
        Column("client_port", PORT, "its port"),
        Column("server_ip", TEXT, "address of the other side"),
        Column("server_port", PORT, "its port"),
        Column("vlan", VLAN, "outermost VLAN ID"),
        Column("capture", TEXT, "capture that holds the first packet"),
        Column("first_frame", COUNT, "number of the first packet in that capture"),
        Column("start", TIME, "time of the first packet"),
        Column("end", TIME, "time of the last packet"),
        Column("duration_s", SECONDS, "from the first to the last packet"),
        Column(
            "tcp_rtt_s",
            SECONDS,
            "from the SYN to the client's ACK that completes the handshake; like all "
            "times, null where one of both was not captured, or the clock went back",
        ),
        Column("banner_delay_s", SECONDS, "from that ACK to the server's greeting"),
        Column("login_delay_s", SECONDS, "from that ACK to the login's success"),
        Column("idle_s", SECONDS, "how long the client waited for news (IMAP IDLE)"),
        Column(
            "slowest_verb",
            TEXT,
            "command whose answer, or that to the end of its message, took longest; "
            "never IDLE",
        ),
        Column("slowest_s", SECONDS, "how long that was"),
        Column("client_packets", COUNT, "packets from the client"),
        Column("server_packets", COUNT, "packets from the server"),
        Column(
            "copied_packets",
            COUNT,
            "how many of both were captured a second time, as by a mirror port that "
            "sees them twice; they are no retransmissions",
        ),
        Column("client_bytes", COUNT, "distinct payload bytes from the client"),
        Column("server_bytes", COUNT, "distinct payload bytes from the server"),
        Column("missing_bytes", COUNT, "payload bytes that were not captured"),
        Column("retransmitted_bytes", COUNT, "payload bytes that came again"),
        Column(
            "ended",
            TEXT,
            "closed, reset, timeout, open; or, if it never began: refused (its SYN was "
            "answered by RST), unanswered",
            tuple(Ending),
        ),
        Column(
            "complete",
            FLAG,
            "the start and both directions were seen, and all was read",
        ),
        Column(
            "tls_mode",
            TEXT,
            "none, implicit, starttls; null if it is TLS, and how that began was not "
            "captured",
            TLS_MODES,
        ),
        Column(
            "protection",
            TEXT,
            "protected, weak-tls, plaintext-login, plaintext-mail, "
            "plaintext-no-data, unknown",
            VERDICTS,
        ),
        Column(
            "starttls",
            TEXT,
            "furthest step of the upgrade: not-offered, offered, refused, accepted, "
            "unknown; null where TLS began with the connection",
            ("not-offered", "offered", "refused", "accepted", "unknown"),
        ),
        Column(
            "tls_version",
            TEXT,
            "negotiated version, such as TLSv1.3; these columns are of the last "
            "handshake, if one failed and another one followed",
        ),
        Column("tls_cipher", TEXT, "negotiated cipher suite, IANA name"),
        Column("tls_group", TEXT, "group of the key exchange, such as x25519"),
        Column("tls_post_quantum", FLAG, "that group withstands quantum computers"),
        Column("tls_forward_secret", FLAG, "keys stolen later will not open it"),
        Column("tls_signature", TEXT, "scheme of the server's signature"),
        Column(
            "tls_weaknesses",
            TEXTS,
            "what RFC 9325 advises against, as code or code=value: "
            "old-version=TLSv1.0, broken-cipher=RC4, weak-cipher=3DES, "
            "no-forward-secrecy, weak-group=DH 1024, weak-signature=rsa_pkcs1_sha1 "
            "(of the handshake), short-key=RSA 1024 and "
            "weak-cert-signature=md5WithRSAEncryption (of certificates)",
        ),
        Column("tls_established", FLAG, "the handshake was over: data was encrypted"),
        Column("tls_handshake_s", SECONDS, "from the first hello to the last Finished"),
        Column("tls_failed_after", TEXT, "last step of a handshake that failed"),
        Column(
            "tls_resumption",
            TEXT,
            "how an earlier session goes on: none, session-id, ticket, psk",
            tuple(events.Resumption),
        ),
        Column("tls_retried", FLAG, "the server asked for another hello"),
        Column(
            "tls_early_data",
            TEXT,
            "0-RTT data: offered, sent, accepted, rejected",
            tuple(events.EarlyData),
        ),
        Column(
            "tls_client_certificate",
            TEXT,
            "of the client: not-requested, requested, given, refused",
            tuple(events.ClientCertificate),
        ),
        Column("tls_secure_renegotiation", FLAG, "both sides know RFC 5746"),
        Column("tls_renegotiations", COUNT, "further handshakes that were decrypted"),
        Column("tls_decrypted", FLAG, "what it hid was decrypted with a key log"),
        Column("tls_sni", TEXT, "host name that the client asked for"),
        Column(
            "tls_ech",
            FLAG,
            "the client sent an Encrypted Client Hello, or one that means nothing "
            "(GREASE); tls_sni is then not the host inside",
        ),
        Column("tls_alpn", TEXT, "application protocol that the server chose"),
        Column("tls_alert", TEXT, "first fatal alert that could be read"),
        Column("tls_alerts", TEXTS, "all of them: side, level, name and meaning"),
        Column("tls_offered_versions", TEXTS, "what the client offers: versions"),
        Column("tls_offered_ciphers", TEXTS, "cipher suites"),
        Column("tls_offered_groups", TEXTS, "groups"),
        Column("tls_offered_signatures", TEXTS, "signature schemes"),
        Column("tls_offered_alpn", TEXTS, "application protocols"),
        Column("tls_grease", FLAG, "and reserved values, which mean nothing"),
        Column("ja3", TEXT, "JA3 fingerprint of the client"),
        Column("ja3s", TEXT, "JA3S fingerprint of the server"),
        Column("ja4", TEXT, "JA4 fingerprint of the client"),
        Column("cert_sha256", TEXT, "server certificate: its fingerprint"),
        Column(
            "cert_status",
            TEXT,
            "whether its chain was to be trusted then: valid, expired, not-yet-valid, "
            "self-signed, issuer-missing, untrusted-root, invalid, unreadable",
            tuple(CertificateStatus),
        ),
        Column("cert_name_matches", FLAG, "it is for the host that was asked for"),
        Column("cert_subject", TEXT, "server certificate: subject (RFC 4514)"),
        Column("cert_issuer", TEXT, "server certificate: issuer (RFC 4514)"),
        Column("cert_names", TEXTS, "server certificate: subject alternative names"),
        Column("cert_not_before", TIME, "server certificate: valid from"),
        Column("cert_not_after", TIME, "server certificate: valid until"),
        Column("tls_capture", TEXT, "where tls_frame, cert_frame, tls_alert_frame are"),
        Column("tls_frame", COUNT, "packet that completed the server's hello"),
        Column("cert_frame", COUNT, "packet that completed its certificates"),
        Column("tls_alert_frame", COUNT, "packet that completed tls_alert"),
        Column("banner", TEXT, "first greeting line without code or status"),
        Column(
            "state",
            TEXT,
            "state that the session came to: not authenticated, authenticated, "
            "selected, logout (IMAP); authorization, transaction, update (POP3)",
            tuple(events.State),
        ),
        Column("server_software", TEXT, "what the server says that it is"),
        Column("server_id", TEXTS, "all that it says of itself, as name=value (IMAP)"),
        Column("capabilities", TEXTS, "last list that the server announced"),
        Column("capabilities_before_tls", TEXTS, "last list before STARTTLS"),
        Column("capabilities_before_login", TEXTS, "last list before the login"),
        Column("extensions", TEXTS, "extensions that were used, not only announced"),
        Column("helo", TEXT, "argument of the last HELO, EHLO or LHLO"),
        Column(
            "forwarded_client",
            TEXTS,
            "what a proxy told of the client, as NAME=value (XCLIENT, XFORWARD, "
            "IMAP's ID, PROXY protocol)",
        ),
        Column("client_software", TEXT, "what the client says that it is"),
        Column("client_id", TEXTS, "all that it says of itself, as name=value (IMAP)"),
        Column(
            "auth_offered",
            TEXTS,
            "mechanisms by which the server would let clients log in without TLS",
        ),
        Column(
            "auth_mechanism",
            TEXT,
            "SASL mechanism; USER, APOP (POP3) and LOGIN (IMAP) for the commands; of "
            "the first successful attempt, else of the last",
        ),
        Column("auth_user", TEXT, "user of that attempt"),
        Column("auth_authzid", TEXT, "whom that user asked to act as, if given"),
        Column(
            "auth_result",
            TEXT,
            "its result: success, failure, unknown",
            tuple(events.Outcome),
        ),
        Column("auth_attempts", COUNT, "authentications that were seen"),
        Column("auth_failures", COUNT, "how many of them failed"),
        Column(
            "auth_exposure",
            TEXT,
            "worst exposed: nothing, offline, token, password",
            tuple(events.Exposure),
        ),
        Column(
            "credentials_exposed",
            FLAG,
            "a password or a token crossed in plaintext; null if none was seen, but "
            "the session was not read to its end",
        ),
        Column("mail_from", TEXTS, "address of every MAIL command"),
        Column("rcpt_to", TEXTS, "address of every RCPT command"),
        Column("rcpt_refused", TEXTS, "those of them that the server refused"),
        Column("reply_codes", CODES, "SMTP reply codes in order"),
        Column("last_error", TEXT, "last negative answer"),
        Column(
            "failure",
            TEXT,
            "what the client could not do, the first of these that holds: "
            + ", ".join(Failure),
            tuple(Failure),
        ),
        Column(
            "failure_detail", TEXT, "what the server said then, or the alert of TLS"
        ),
        Column(
            "failure_temporary",
            FLAG,
            "the server said that it may be different later (4yz, UNAVAILABLE, ...); "
            "null if it did not say",
        ),
        Column("messages_sent", COUNT, "messages that the client sent (SMTP)"),
        Column("messages_appended", COUNT, "messages that the client stored (IMAP)"),
        Column("message_bytes", COUNT, "size of all messages that crossed the wire"),
        Column(
            "plaintext_messages",
            COUNT,
            "messages that crossed in plaintext, if only in part, also before STARTTLS",
        ),
        Column("mailboxes", TEXTS, "mailboxes that were selected, each once"),
        Column("mailboxes_listed", COUNT, "mailboxes that the server listed"),
        Column(
            "mailboxes_changed",
            COUNT,
            "mailboxes that were created, deleted, renamed or (un)subscribed",
        ),
        Column(
            "messages_available",
            COUNT,
            "messages in the maildrop (POP3), or in the last mailbox (IMAP)",
        ),
        Column("messages_retrieved", COUNT, "whole messages that the client got"),
        Column(
            "headers_fetched",
            COUNT,
            "messages of which it got header fields only (TOP, ENVELOPE, ...)",
        ),
        Column("parts_fetched", COUNT, "MIME parts that it got without the rest"),
        Column("flags_changed", COUNT, "messages whose flags it changed"),
        Column("messages_copied", COUNT, "messages that it copied to a mailbox"),
        Column("messages_moved", COUNT, "messages that it moved to a mailbox"),
        Column("messages_deleted", COUNT, "messages deleted or expunged"),
        Column("messages_left", COUNT, "messages that were left in the maildrop"),
        Column(
            "retention",
            TEXT,
            "what POP3 clients did with what they got: left-on-server, deleted, "
            "some-deleted",
            ("left-on-server", "deleted", "some-deleted"),
        ),
        Column(
            "synchronisation",
            TEXT,
            "what an IMAP client learned of the mailboxes it selected: none, new (of "
            "some messages), complete (of every message in one of them)",
            tuple(events.Synchronisation),
        ),
        Column("anomalies", TEXTS, "codes of what was odd, each once"),
    ),
)
