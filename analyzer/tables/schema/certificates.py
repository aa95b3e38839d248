"""The columns of `certificates`."""

from __future__ import annotations

from analyzer.tables.certificates import CertificateBuilder, merge_certificates
from analyzer.tables.table import COUNT, FLAG, TEXT, TEXTS, TIME, Column, Table

CERTIFICATES = Table(
    "certificates",
    "One certificate that was shown in plaintext, or decrypted.",
    (
        Column("sha256", TEXT, "its fingerprint"),
        Column("subject", TEXT, "subject (RFC 4514)"),
        Column("issuer", TEXT, "issuer (RFC 4514)"),
        Column("serial", TEXT, "serial number, in hexadecimal"),
        Column("names", TEXTS, "subject alternative names"),
        Column("not_before", TIME, "valid from"),
        Column("not_after", TIME, "valid until"),
        Column("key_type", TEXT, "such as RSA, EC secp256r1, Ed25519"),
        Column("key_bits", COUNT, "size of the key"),
        Column("signature_algorithm", TEXT, "by which its issuer signed it"),
        Column("self_signed", FLAG, "it signed itself"),
        Column("is_ca", FLAG, "it may sign others"),
        Column(
            "shown_as",
            TEXTS,
            "server, server-chain, client, client-chain; any of them",
            ("server", "server-chain", "client", "client-chain"),
        ),
        Column("first_seen", TIME, "start of the first session that showed it"),
        Column("last_seen", TIME, "start of the last one"),
        Column("session_count", COUNT, "how many sessions showed it"),
        Column("sessions", TEXTS, "which ones; 10,000 at most"),
    ),
    builder=CertificateBuilder,
    merge=merge_certificates,
)
