"""Which tables there are, and what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer import reports
from analyzer.html.tables.spec import Live, TableSpec
from analyzer.reports.channel import ENCRYPTED
from analyzer.sessions.protection import VERDICTS
from dissectors.tls.registries.versions import VERSIONS

if TYPE_CHECKING:
    import pandas as pd

    from analyzer.tables.results import Results

# whatever is not null
_KNOWN = ("",)
_LOGIN = (
    "auth_user",
    "auth_mechanism",
    "auth_exposure",
    "service",
    "server_ip",
    "auth_result",
)


def _use(analysis: Results) -> pd.DataFrame:
    """Return the protocols that were used."""
    use = reports.protocol_use(analysis.sessions)
    return use[use["sessions"] > 0]


TABLES = (
    TableSpec(
        "plaintext-ports",
        "Impact of disabling plaintext",
        lambda a, attacks: reports.plaintext_ports(a.sessions, attacks),
        {
            "server_ip": "server",
            "server_port": "port",
            "service": "service",
            "sessions": "sessions",
            "plaintext": "in plaintext",
            "verdict": "verdict",
        },
        by={"server_ip": "server_ip", "server_port": "server_port"},
    ),
    TableSpec(
        "plaintext-logins",
        "Plaintext logins",
        lambda a, _: reports.plaintext_logins(a.sessions),
        {
            "auth_user": "user",
            "auth_mechanism": "mechanism",
            "auth_exposure": "exposed",
            "client_ip": "client",
            "service": "service",
            "server_ip": "server",
            "auth_result": "result",
            "sessions": "sessions",
        },
        empty="No plaintext login was seen.",
        # what many clients do alike is one row
        live=Live(
            by=_LOGIN,
            cells={"client_ip": ("names", "client_ip"), "sessions": ("count",)},
            only={"plaintext_login": ["yes"]},
        ),
    ),
    TableSpec(
        "use",
        "What each protocol was used for",
        lambda a, _: _use(a),
        {
            "protocol": "protocol",
            "sessions": "sessions",
            "hidden": "hidden by TLS",
            "messages_submitted": "submitted",
            "messages_relayed": "relayed",
            "messages_retrieved": "retrieved",
            "messages_appended": "stored",
            "messages_deleted": "deleted",
            "messages_left": "left on the server",
            "accounts": "accounts",
            "most_devices": "max. addresses per account",
        },
        by={"protocol": "protocol"},
    ),
    TableSpec(
        "accounts",
        "Accounts",
        lambda a, _: reports.accounts(a.sessions),
        {
            "auth_user": "user",
            "services": "services",
            "sessions": "sessions",
            "client_ips": "addresses",
            "client_software": "software",
            "failures": "failures",
            "exposed": "exposed",
            "only_refused": "only refused",
            "last_seen": "last seen (UTC)",
        },
        live=Live(
            by=["account"],
            cells={
                "auth_user": ("first", "auth_user"),
                "services": ("names", "service"),
                "sessions": ("count",),
                "client_ips": ("names", "client_ip"),
                "client_software": ("names", "client_software"),
                "failures": ("sum", "auth_failures"),
                "exposed": ("any", "exposed"),
                "only_refused": ("but", "credentials_exposed", "exposed"),
                "last_seen": ("max", "end"),
            },
            only={"account": _KNOWN},
        ),
    ),
    TableSpec(
        "ciphers",
        "Cipher suites",
        lambda a, _: reports.tls_versions(a.sessions),
        {"tls_version": "version", "tls_cipher": "cipher", "sessions": "sessions"},
        live=Live(
            by=["tls_version", "tls_cipher"],
            only={"channel": ENCRYPTED, "tls_version": _KNOWN},
        ),
    ),
    TableSpec(
        "verdicts",
        "How well sessions were protected",
        lambda a, _: reports.by_verdict(a.sessions),
        {
            "verdict": "verdict",
            "sessions": "sessions",
            "relay": "between servers",
            "submission": "submission",
            "access": "access",
        },
        live=Live(
            by=["protection"],
            cells={
                "verdict": ("by", "protection"),
                "sessions": ("count",),
                "relay": ("count-of", "role", "relay"),
                "submission": ("count-of", "role", "submission"),
                "access": ("count-of", "role", "access"),
            },
            only={"protection": _KNOWN},
            order=VERDICTS,
        ),
    ),
    TableSpec(
        "weak-tls",
        "Weak TLS",
        lambda a, _: reports.weak_tls(a.sessions),
        {
            "weakness": "weakness",
            "server_ip": "server",
            "server_port": "port",
            "sessions": "sessions",
        },
        live=Live(
            by=["weaknesses", "server_ip", "server_port"],
            cells={"weakness": ("by", "weaknesses"), "sessions": ("count",)},
        ),
    ),
    TableSpec(
        "certificates",
        "Certificates of servers",
        lambda a, _: reports.server_certificates(a.certificates, a.sessions),
        {
            "name": "name",
            "issuer": "issuer",
            "days_left": "days left",
            "not_after": "valid until (UTC)",
            "status": "status",
            "servers": "servers",
            "sessions": "sessions",
        },
        live=Live(
            by=["cert_sha256", "cert_status"],
            cells={
                "name": ("first", "certificate"),
                "issuer": ("first", "cert_issuer"),
                "days_left": ("first", "cert_days_left"),
                "not_after": ("first", "cert_until"),
                "status": ("by", "cert_status"),
                "servers": ("names", "server"),
                "sessions": ("count",),
            },
            only={"cert_sha256": _KNOWN},
            sort="days_left",
        ),
    ),
    TableSpec(
        "tls-clients",
        "Clients by TLS version",
        lambda a, _: reports.tls_clients(a.sessions),
        {
            "tls_version": "version",
            "client_ip": "client",
            "client_software": "software",
            "servers": "servers",
            "sessions": "sessions",
            "last_seen": "last seen (UTC)",
        },
        live=Live(
            by=["tls_version", "client_ip"],
            cells={
                "client_software": ("last", "client_software"),
                "servers": ("distinct", "server_ip"),
                "sessions": ("count",),
                "last_seen": ("max", "end"),
            },
            only={"channel": ENCRYPTED, "tls_version": _KNOWN},
            order=VERSIONS,
        ),
    ),
    TableSpec(
        "failed-servers",
        "By server",
        lambda a, _: reports.failures_by_host(a.sessions, "server"),
        {
            "server_ip": "server",
            "server_port": "port",
            "service": "service",
            "failed": "failed",
            "sessions": "sessions",
        },
        live=Live(
            by=["server_ip", "server_port", "service"],
            cells={"failed": ("count-of", "failure", ""), "sessions": ("count",)},
            sort="-failed",
        ),
    ),
    TableSpec(
        "failed-clients",
        "By client",
        lambda a, _: reports.failures_by_host(a.sessions, "client"),
        {
            "client_ip": "client",
            "failed": "failed",
            "sessions": "sessions",
        },
        live=Live(
            by=["client_ip"],
            cells={"failed": ("count-of", "failure", ""), "sessions": ("count",)},
            sort="-failed",
        ),
    ),
    TableSpec(
        "deliveries",
        "What became of mail",
        lambda a, _: reports.deliveries(a.messages, a.exchanges, a.sessions),
        {
            "outcome": "outcome",
            "cause": "cause",
            "count": "count",
            "sessions": "sessions",
            "last_error": "last error",
        },
        by={"session_id": "session"},
    ),
    TableSpec(
        "attachments",
        "Attachments",
        lambda a, _: reports.attachment_list(a.messages),
        {
            "name": "name",
            "detected_type": "type by content",
            "size_bytes": "bytes",
            "messages": "messages",
            "senders": "senders",
            "sha256": "SHA-256",
        },
    ),
    TableSpec(
        "failed",
        "What was said",
        lambda a, _: reports.failed(a.sessions),
        {
            "service": "service",
            "failure": "failure",
            "temporary": "temporary",
            "sessions": "sessions",
            "last_error": "last error",
        },
        live=Live(
            by=["service", "failure", "failure_temporary", "failure_detail"],
            cells={
                "temporary": ("by", "failure_temporary"),
                "last_error": ("by", "failure_detail"),
                "sessions": ("count",),
            },
            only={"failure": _KNOWN},
        ),
    ),
    TableSpec(
        "not-read",
        "Not read",
        lambda a, _: reports.not_read(a),
        {"what": "what", "count": "count", "unit": "of"},
    ),
)
